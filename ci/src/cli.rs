// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The command line.

use crate::commands;
use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Something that is not done, for a reason that the user can change: exit code 2.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// The commands of vhost-nova's developers.
///
/// Everything that is needed is prepared on first use: as root missing packages are installed,
/// and a tool tree (QEMU 11.1, kernels, headers, compilers) is made under
/// $VHOST_NOVA_CACHE, or ~/.cache/vhost-nova.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage or refused, 124 timed out; `vm` exits with the status of the
/// program.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows two virtual machines that share one GPU
    Demo,
    /// Runs all checks and tests
    Test(commands::test::Args),
    /// Boots virtual machines with the module loaded and runs a program in each
    Vm(commands::vm::Args),
    /// Measures the daemon; further arguments go to the benchmark (see `cargo xtask bench --help`)
    #[command(disable_help_flag = true)]
    Bench(commands::bench::Args),
    /// Builds virtio_nova.ko for Debian's kernels, or for one
    Guest(commands::guest::Args),
    /// Builds a kernel from source, once (about 15 minutes), and says where it is
    Kernel(commands::kernel::Args),
    /// Has upstream's driver for real cards probe the software GPU
    Judge(commands::judge::Args),
    /// Makes the DKMS source package, with vendored crates
    Package,
    /// Downloads NVIDIA's firmware as Debian packages it (not free) and says where it is: a folder for `--firmware`
    Firmware,
    /// Prepares the tool tree and says where it is
    Tree,
}

pub(crate) fn run() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Demo => commands::demo::run(),
        Command::Test(args) => commands::test::run(&args),
        Command::Vm(args) => commands::vm::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Guest(args) => commands::guest::run(&args),
        Command::Kernel(args) => commands::kernel::run(&args),
        Command::Judge(args) => commands::judge::run(&args),
        Command::Package => commands::guest::package(),
        Command::Firmware => commands::guest::firmware(),
        Command::Tree => commands::guest::tree(),
    }
}
