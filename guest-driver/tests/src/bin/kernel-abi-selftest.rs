// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `kernel-abi-selftest`: loads `kernel_abi_selftest.ko`, prints what it says as KTAP, unloads it.

use clap::Parser;
use nova_guest_tests::selftest;
use std::process::ExitCode;

/// Runs the tests of kernel-abi and drm-core inside this machine's kernel.
///
/// Exit codes: 0 all passed, 1 something failed or the kernel complained, 2 wrong usage.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Parameters of the module, NAME=VALUE.
    parameters: Vec<String>,
}

fn main() -> ExitCode {
    match selftest::run(&Cli::parse().parameters) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("kernel-abi-selftest: {error:#}");
            ExitCode::FAILURE
        }
    }
}
