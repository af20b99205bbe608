// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `nova-test`: tests the render node from inside a guest, as TAP; or shows it (`demo`).

use anyhow::Result;
use clap::{Parser, Subcommand};
use nova_guest_tests::{demo, failslab, hold, nouveau, reload, suite};
use std::process::ExitCode;

/// Tests the nova-drm node of this virtual machine.
///
/// Exit codes: 0 all passed, 1 something failed, 2 wrong usage.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs all tests (the default) and prints TAP.
    Run {
        /// Runs only the tests whose name contains this.
        filter: Option<String>,
    },
    /// Runs the tests that upstream's nova-drm must pass too, on its primary node, and prints TAP.
    Upstream,
    /// Has upstream's nouveau evict filled objects from VRAM, and compares what comes out.
    Nouveau {
        /// Objects that are filled.
        #[arg(long, default_value_t = 8)]
        objects: usize,
        /// MiB of each.
        #[arg(long, default_value_t = 16)]
        size: u64,
    },
    /// Reloads the module, works with some objects and prints one line of what happened.
    Demo,
    /// Unloads and loads the module again, with a check each time.
    Reload {
        /// How often.
        #[arg(default_value_t = 3)]
        times: u32,
    },
    /// Creates and destroys objects until killed; prints "ready" once it works.
    Hold {
        /// Objects that are kept.
        #[arg(long, default_value_t = 16)]
        objects: u32,
    },
    /// Starts a request while the host does not answer, and kills the process that waits for it.
    KillWaiter,
    /// Lets every allocation on the paths of probe, open and the ioctls fail, one at a time; on a kernel with fault injection.
    Failslab,
    /// Starts requests until the host, which is stopped meanwhile, is given up; then waits for it to go on.
    SilentHost,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("nova-test: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<bool> {
    match cli.command.unwrap_or(Command::Run { filter: None }) {
        Command::Run { filter } => suite::run(filter.as_deref()),
        Command::Upstream => suite::run_upstream(),
        Command::Demo => demo::run(),
        Command::Nouveau { objects, size } => nouveau::run(&nouveau::Plan {
            objects,
            size: size << 20,
        }),
        Command::Reload { times } => reload::run(times),
        Command::Hold { objects } => hold::run(objects),
        Command::KillWaiter => hold::kill_waiter(),
        Command::Failslab => failslab::run(),
        Command::SilentHost => hold::silent_host(),
    }
}
