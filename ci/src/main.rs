// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask`: builds, tests and shows the project.
//!
//! | module | role |
//! |---|---|
//! | `cli` | the command line |
//! | `host` | where things are, what the machine must have |
//! | `run` | running programs, with progress |
//! | `cached` | folders of the cache, made once |
//! | `tree` | the tool tree: a cached Debian 13 with QEMU, kernels and compilers |
//! | `kernel` | kernels that guests boot |
//! | `firmware` | the files that upstream's nova-core asks for |
//! | `source_kernel` | the debug kernel, built from source |
//! | `guest` | building the module, its package and the guest programs |
//! | `initramfs` | what a guest boots into |
//! | `lab` | the daemon and virtual machines |
//! | `commands` | one file a command |

mod cached;
mod cli;
mod commands;
mod firmware;
mod guest;
mod host;
mod initramfs;
mod kernel;
mod lab;
mod mirror;
mod run;
mod source_kernel;
mod tree;

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::cleanup::install();
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            lab::cleanup::now();
            ExitCode::from(error.downcast_ref::<cli::Refusal>().map_or(1, |_| 2))
        }
    }
}
