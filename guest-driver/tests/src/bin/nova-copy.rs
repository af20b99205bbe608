// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `nova-copy`: fills and copies on the GPU, verifies every byte, and says how fast it was.

use clap::Parser;
use nova_guest_tests::copy;
use std::process::ExitCode;

/// Fills and copies on the GPU of this virtual machine: system memory to video memory and back, in many sizes and
/// alignments; verifies every byte.
///
/// Exit codes: 0 all bytes were right, 1 something failed, 2 wrong usage.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// MiB of the copies that bandwidth is measured with; 0 measures nothing.
    #[arg(long, default_value_t = 64)]
    mib: u64,
    /// Copies of 4 bytes that latency is measured with.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match copy::run(cli.mib << 20, cli.rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nova-copy: {error:#}");
            ExitCode::FAILURE
        }
    }
}
