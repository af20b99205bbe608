// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The command line.

use std::{
    fs,
    io::{BufWriter, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use nova_model::{
    fault::{FaultPlan, ParseError},
    Builder, Model,
};
use nova_spec::{chip::CHIPS, Chipset};
use nova_transport::{vfio_user::ServerOptions, Server};
use tracing::Level;

use crate::{
    firmware,
    serve::{self, ServeError},
};

const AFTER_HELP: &str = "\
Examples:
  A GA102 with 1 GiB of VRAM:
    nova-model --socket /run/nova-model.sock --vram 1G
  QEMU 11.1 with that GPU:
    qemu-system-x86_64 -object memory-backend-memfd,id=m,size=1G,share=on \\
      -machine q35,memory-backend=m \\
      -device '{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"/run/nova-model.sock\"}}'
  Our driver on it, with firmware that has the right form and no content:
    nova-model --socket /run/nova-model.sock --write-firmware /tmp/firmware
    vhost-nova probe --gpu vfio-user:/run/nova-model.sock --firmware /tmp/firmware

A stale socket file is replaced; one on which somebody listens, or a file that is no socket, is an
error. One peer is served at a time. The GPU keeps its state from one peer to the next, as a card
does, until it is reset.

Exit codes:
  0  stopped by SIGINT or SIGTERM
  1  failed at run time
  2  wrong usage; nothing was started";

/// A software model of an NVIDIA GPU, on a vfio-user socket.
#[derive(Debug, Parser)]
#[command(name = "nova-model", version, after_help = AFTER_HELP)]
struct Cli {
    /// Where to listen.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The chip.
    #[arg(long, default_value = "ga102", value_parser = chip)]
    chip: Chipset,
    /// Bytes of VRAM, with K, M or G [default: 1G, or what the seed draws].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    vram: Option<u64>,
    /// Draws what a card may choose and was not given.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Has faults happen: a file with a fault a line, like `read 0x118234 times=* corrupt value=0`.
    #[arg(long, value_name = "FILE")]
    fault: Option<PathBuf>,
    /// Holds writes back, in both directions, for up to this many microseconds, or until a read
    /// of the card waits for them: a driver that forgets to wait fails.
    #[arg(long, value_name = "MICROSECONDS")]
    delayed_writes: Option<u64>,
    /// Writes every access to a register of BAR0 to this file, a line each, by name.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Writes firmware files for the chip below this folder first. They have the right form and
    /// nothing of NVIDIA's in them: enough for the model, which executes none.
    #[arg(long, value_name = "DIR")]
    write_firmware: Option<PathBuf>,
    /// Lets the peer map the BARs that have memory. QEMU then waits for each write to a register.
    #[arg(long)]
    mmap_bars: bool,
    /// The least important messages to log, on standard error.
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,
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

fn chip(name: &str) -> Result<Chipset, String> {
    let chipsets = || CHIPS.iter().map(|chip| chip.chipset);
    let found = chipsets().find(|chipset| chipset.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let names: Vec<String> = chipsets()
            .map(|chipset| chipset.name().to_lowercase())
            .collect();
        format!("there is: {}", names.join(", "))
    })
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        unit => return Err(format!("{unit:?} is no unit; there is K, M and G")),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| format!("{digits:?} is no number"))?;
    count
        .checked_mul(unit)
        .ok_or_else(|| "that is too much".into())
}

/// Runs what the process's arguments ask for and returns its exit code.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(Level::from(cli.log_level))
        .with_target(false)
        .init();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nova-model: {error:#}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn builder(cli: &Cli) -> Result<Builder, ServeError> {
    let mut builder = Model::builder();
    let row = CHIPS.iter().find(|row| row.chipset == cli.chip);
    if let Some(chip) = row {
        builder = builder.chip(*chip);
    }
    if let Some(vram) = cli.vram {
        builder = builder.vram(vram);
    }
    if let Some(seed) = cli.seed {
        builder = builder.seed(seed);
    }
    if let Some(path) = &cli.fault {
        let usage = |why: String| ServeError::Usage(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
        let plan: FaultPlan = text
            .parse()
            .map_err(|error: ParseError| usage(error.to_string()))?;
        builder = builder.faults(plan);
    }
    if let Some(longest) = cli.delayed_writes {
        builder = builder.delayed_writes(Duration::from_micros(longest));
    }
    Ok(builder)
}

fn run(cli: &Cli) -> Result<(), ServeError> {
    let model = builder(cli)?.build();
    let model = model.map_err(|error| ServeError::Usage(error.to_string()))?;
    if let Some(folder) = &cli.write_firmware {
        firmware::write(folder, cli.chip)?;
    }
    if let Some(path) = &cli.trace {
        let usage = |error| ServeError::Usage(format!("{}: {error}", path.display()));
        let file = fs::File::create(path).map_err(usage)?;
        model.set_trace(Some(Box::new(BufWriter::new(file))));
    }
    let options = ServerOptions {
        mmap_bars: cli.mmap_bars,
    };
    let served = serve::serve(&cli.socket, Server::new(model.clone(), options)?);
    // What is buffered goes to the file, whoever still holds the model.
    model.set_trace(None);
    served
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_units_and_bounds() {
        assert_eq!(size("1G"), Ok(1 << 30));
        assert_eq!(size("512m"), Ok(512 << 20));
        assert_eq!(size("4096"), Ok(4096));
        for bad in ["", "G", "1T", "1 G", "-1", "99999999999G", "1GB"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }
}
