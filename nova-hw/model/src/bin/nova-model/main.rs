// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `nova-model`: the software GPU on a vfio-user socket, for QEMU or for our driver.
//!
//! | module | role |
//! |---|---|
//! | `cli` | the command line |
//! | `serve` | the main loop: one peer at a time, until a signal |

mod cli;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
