// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The command line.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::Level;

use crate::devices::{self, Folders};
use crate::error::{Context, Error};
use crate::gpu::GpuName;
use crate::operator::{self, query};
use crate::probe;
use crate::serve::{self, Options};
use crate::tenant::{SocketSpec, TenantSpec};

const AFTER_HELP: &str = "\
Examples:
  See which cards there are, and what to type to use one:
    vhost-nova devices
  Try one:
    vhost-nova probe --gpu vfio:0000:01:00.0
  Share the software model between two virtual machines:
    vhost-nova serve --gpu model \\
      --tenant name=alice,socket=/run/vhost-nova/alice.sock \\
      --tenant name=bob,socket=/run/vhost-nova/bob.sock
  Ask who is there:
    vhost-nova status --control /run/vhost-nova/control.sock

Exit codes:
  0  stopped by SIGINT or SIGTERM, everything in good order
  1  failed at run time: the GPU, the system or another process refused
  2  wrong usage or configuration; nothing was started";

const SERVE_AFTER_HELP: &str = "\
A tenant is one virtual machine. Its keys, separated by commas:
  name=NAME            in every log line; letters, digits, '.', '_', '-' (required)
  socket=PATH          where its machine monitor connects (required)
  owner=USER[:GROUP]   who owns the socket file [default: who starts the daemon]
  mode=OCTAL           permissions of the socket file [default: 600]
  vram_quota=BYTES     video memory it may have; K, M and G may follow
                       [default: an equal share of the card]
  max_vms=N            GPU address spaces at once, at most 256 [default: 32]
  max_queues=N         queues at once, at most 256 [default: 32]
  preempt_timeout_us=N how long its queues may take to get off the GPU when it is reset, paused or
                       gone, before they are destroyed; at most 1000000 [default: 100000]
  work_timeout_ms=N    how long one submission may take before its queue is lost; 0 for ever
                       [default: 10000]
Whoever can connect to the socket is the tenant. A stale socket file is replaced; one on which
somebody listens, or a file that is no socket, is an error.

With --control an operator can ask on another socket who is there; `vhost-nova status` does. It has the keys owner= and mode=
too, and answers root and the user that the daemon runs as.

Examples:
  vhost-nova serve --gpu model --tenant name=alice,socket=/run/vhost-nova/alice.sock
  vhost-nova serve --gpu model --log-level debug \\
    --tenant name=alice,socket=/run/vhost-nova/alice.sock,owner=libvirt-qemu,mode=600

Connecting QEMU 11.1:
  -object memory-backend-memfd,id=m,size=1G,share=on -machine q35,memory-backend=m \\
  -chardev socket,id=c,path=/run/vhost-nova/alice.sock \\
  -device vhost-user-test-device-pci,chardev=c,virtio-id=6,num_vqs=2,vq_size=64,config_size=256

Exit codes: see `vhost-nova --help`.";

const STATUS_AFTER_HELP: &str = "\
Contexts are the files that a machine's programs have open; process, user and name of their openers are what that machine says.
Control characters in them are escaped. The daemon answers root and the user that it runs as.

Examples:
  vhost-nova status
  vhost-nova status --control /run/vhost-nova/control.sock --json

Exit codes: see `vhost-nova --help`.";

const GPU_HELP: &str = "\
The GPU: `model` (the software model; `model:MIB` with so much video memory), `vfio-user:SOCKET` (a device of another process) or \
`vfio:ADDRESS` (a card that vfio-pci drives, like vfio:0000:01:00.0)";

const PROBE_AFTER_HELP: &str = "\
The GPU is as before afterwards, and can be probed again. One that somebody left without shutting it
down is reset first.

Examples:
  vhost-nova probe --gpu vfio:0000:01:00.0
  vhost-nova probe --gpu vfio:0000:01:00.0 --json --trace /tmp/registers
  nova-model --socket /tmp/gpu --write-firmware /tmp/firmware &
  vhost-nova probe --gpu vfio-user:/tmp/gpu --firmware /tmp/firmware

Exit codes: see `vhost-nova --help`.";

const DEVICES_AFTER_HELP: &str = "\
Nothing is opened or changed. A card is ready when vfio-pci drives it and every other function of
its IOMMU group has a driver of VFIO's or none.

Examples:
  vhost-nova devices
  vhost-nova devices --json

Exit codes: see `vhost-nova --help`.";

/// Shares one NVIDIA GPU among virtual machines, over vhost-user.
#[derive(Debug, Parser)]
#[command(name = "vhost-nova", version, after_help = AFTER_HELP)]
struct Cli {
    /// The least important messages to log, on standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Opens a GPU and serves it to tenants until SIGINT or SIGTERM.
    #[command(after_help = SERVE_AFTER_HELP)]
    Serve(Serve),
    /// Asks a daemon for its tenants, their contexts and who opened them.
    #[command(after_help = STATUS_AFTER_HELP)]
    Status(StatusArgs),
    /// Boots a GPU, says what it is, and shuts it down.
    #[command(after_help = PROBE_AFTER_HELP)]
    Probe(Probe),
    /// Lists the NVIDIA cards of this host, and what to type to use one.
    #[command(after_help = DEVICES_AFTER_HELP)]
    Devices(Devices),
}

#[derive(Debug, Args)]
struct Probe {
    #[arg(long, value_name = "GPU", help = GPU_HELP)]
    gpu: GpuName,
    /// Looks for firmware in this folder before /lib/firmware.
    #[arg(long, value_name = "DIR")]
    firmware: Option<PathBuf>,
    /// Writes every access to a register to this file, by name.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Devices {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Looks for firmware in this folder before /lib/firmware.
    #[arg(long, value_name = "DIR")]
    firmware: Option<PathBuf>,
    /// Where sysfs is mounted.
    #[arg(long, value_name = "DIR", default_value = "/sys")]
    sysfs: PathBuf,
}

#[derive(Debug, Args)]
struct Serve {
    #[arg(long, value_name = "GPU", help = GPU_HELP)]
    gpu: GpuName,
    /// Looks for firmware in this folder before /lib/firmware.
    #[arg(long, value_name = "DIR")]
    firmware: Option<PathBuf>,
    /// A virtual machine that may connect; give it once for each.
    #[arg(
        long = "tenant",
        value_name = "name=NAME,socket=PATH[,…]",
        required = true
    )]
    tenants: Vec<TenantSpec>,
    /// A socket on which an operator may ask what there is.
    #[arg(long, value_name = "PATH[,owner=…][,mode=…]")]
    control: Option<SocketSpec>,
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// The daemon's control socket.
    #[arg(long, value_name = "PATH", default_value = operator::DEFAULT_PATH)]
    control: PathBuf,
    /// Prints JSON, as docs/operator.md describes it.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Runs the command that the process's arguments name and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Records of the `log` crate are not taken up: the vhost crates write some at a guest's will.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(Level::from(cli.log_level))
        .with_target(false)
        .init();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vhost-nova: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Serve(Serve {
            gpu,
            firmware,
            tenants,
            control,
        }) => serve::serve(&Options {
            gpu,
            firmware,
            tenants,
            control,
        }),
        Command::Status(StatusArgs { control, json }) => status(&control, json),
        Command::Probe(Probe {
            gpu,
            firmware,
            trace,
            json,
        }) => {
            let options = probe::Options {
                gpu,
                firmware,
                trace,
                json,
            };
            probe::probe(&options, &mut std::io::stdout())
        }
        Command::Devices(Devices {
            json,
            firmware,
            sysfs,
        }) => {
            let options = devices::Options {
                sysfs,
                firmware: Folders::with_system(firmware),
                json,
            };
            devices::devices(&options, &mut std::io::stdout())
        }
    }
}

fn status(control: &Path, json: bool) -> Result<(), Error> {
    let status = query::status(control)?;
    let shown = match json {
        true => query::json(&status)? + "\n",
        false => query::Text(&status).to_string(),
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(shown.as_bytes()).context("printing")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
