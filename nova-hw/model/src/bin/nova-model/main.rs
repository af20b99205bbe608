// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `nova-model`: the software GPU on a vfio-user socket, for QEMU or for our driver.
//!
//! | module | role |
//! |---|---|
//! | `cli` | the command line |
//! | `firmware` | synthetic firmware files, for who boots the model |
//! | `serve` | the main loop: one peer at a time, until a signal |

mod cli;
mod firmware;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
