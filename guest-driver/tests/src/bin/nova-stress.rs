// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `nova-stress`: random binds, unmaps, copies, closes and kills from several processes, verified against a model.

use clap::Parser;
use nova_guest_tests::stress;
use std::{process::ExitCode, time::Duration};

/// Works on the GPU of this virtual machine at random from several processes, and compares with a model what memory
/// must hold.
///
/// Exit codes: 0 all was as the model says, 1 something was not, 2 wrong usage.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// How long.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// What all random choices come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Processes at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    processes: u32,
    /// Is one of the processes.
    #[arg(long, hide = true)]
    child: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let time = Duration::from_secs(cli.seconds);
    let result = match cli.child {
        true => stress::child(cli.seed, time),
        false => stress::run(cli.seed, time, cli.processes),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nova-stress: seed {}: {error:#}", cli.seed);
            ExitCode::FAILURE
        }
    }
}
