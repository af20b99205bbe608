// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask bench`

use crate::{host, lab, run};
use anyhow::Result;
use std::process::ExitCode;

/// What the benchmark is given.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For the benchmark.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    host::prepare()?;
    lab::build_daemon()?;
    let mut model = host::cargo();
    model.args(["build", "--quiet", "--release", "--package", "nova-model"]);
    run::loud(&mut model)?;
    let mut cargo = host::cargo();
    cargo
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "lab-frontend",
            "--bin",
            "nova-bench",
            "--",
        ])
        .args(&args.args);
    run::loud(&mut cargo)?;
    if args.args.iter().any(|arg| arg == "--json") {
        return Ok(ExitCode::SUCCESS);
    }
    // What the driver does by itself, on a model in its process.
    for bench in ["mapping", "work"] {
        let mut cargo = host::cargo();
        cargo.args(["bench", "--quiet", "--package", "nova-driver"]);
        cargo.args(["--bench", bench]);
        run::loud(&mut cargo)?;
    }
    Ok(ExitCode::SUCCESS)
}
