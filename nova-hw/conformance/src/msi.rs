// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Interrupts.

use nova_pci::Pci;

use crate::check::{ensure, say, Outcome};

pub(crate) fn on_and_off<P: Pci>(pci: &P) -> Outcome {
    for round in 0..3 {
        let first = pci
            .enable_msi()
            .map_err(say(format!("enable, round {round}")))?;
        let second = pci
            .enable_msi()
            .map_err(say(format!("replace, round {round}")))?;
        for event in [first, second] {
            let error = event.read().err().map(|error| error.kind());
            ensure!(
                error == Some(std::io::ErrorKind::WouldBlock),
                "nothing happened, and the eventfd says {error:?}"
            );
        }
        pci.disable_msi()
            .map_err(say(format!("disable, round {round}")))?;
    }
    pci.disable_msi().map_err(say("disable what is off"))
}
