// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The suite on a device that is named on the command line: `vfio:ADDRESS` or
//! `vfio-user:SOCKET`. Exit codes: 0 all passed, 1 some failed, 2 wrong usage or no device.

use std::{path::Path, process::ExitCode};

use nova_pci::Pci;
use nova_transport::{VfioPci, VfioUser};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let done = match name.split_once(':') {
        Some(("vfio-user", socket)) => VfioUser::connect(Path::new(socket))
            .map(|pci| run(&pci))
            .map_err(|error| error.to_string()),
        Some(("vfio", address)) => match address.parse() {
            Ok(address) => VfioPci::open(address)
                .map(|pci| run(&pci))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error),
        },
        _ => Err("usage: pci-conformance vfio:ADDRESS | vfio-user:SOCKET".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("pci-conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs every check and tells of each.
fn run<P: Pci>(pci: &P) -> bool {
    let mut failed = 0;
    for check in nova_conformance::checks::<P>() {
        match check.run(pci) {
            Ok(()) => println!("ok      {}", check.name()),
            Err(failure) => {
                failed += 1;
                println!("FAILED  {failure}");
            }
        }
    }
    match failed {
        0 => println!("all passed"),
        count => println!("{count} failed"),
    }
    failed == 0
}
