// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `vhost-nova`: parses the command line and hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vhost_nova::cli::main()
}
