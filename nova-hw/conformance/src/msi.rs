// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Interrupts. One is raised by software, through the tree of `NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR`.

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use nova_pci::{Bar, BarIndex, EventFd, Pci};
use nova_spec::pci::{command, header};

use crate::check::{ensure, say, Outcome};

const LEAF: u64 = 0xb8_1000;
const LEAF_EN_SET: u64 = 0xb8_1200;
const TOP_EN_SET: u64 = 0xb8_1608;
const LEAF_TRIGGER: u64 = 0xb8_1640;
/// Lets the next MSI leave the card (`NV_XVE_CYA_2`'s mirror, as nouveau has it).
const MSI_REARM: u64 = 0x08_8704;
/// Of the first leaf, and of no engine.
const VECTOR: u32 = 1;

// TIMEOUT: an interrupt takes microseconds; the kernel, or a thread, hands it on.
const TIMEOUT: Duration = Duration::from_secs(2);

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
                error == Some(ErrorKind::WouldBlock),
                "nothing happened, and the eventfd says {error:?}"
            );
        }
        pci.disable_msi()
            .map_err(say(format!("disable, round {round}")))?;
    }
    pci.disable_msi().map_err(say("disable what is off"))
}

pub(crate) fn arrives<P: Pci>(pci: &P) -> Outcome {
    let both = command::MEMORY | command::BUS_MASTER;
    pci.config_write(header::COMMAND, &both.to_le_bytes())
        .map_err(say("set the command register"))?;
    let bar0 = pci.bar(BarIndex::Bar0).map_err(say("BAR0"))?;
    let write = |offset: u64, value: u32| {
        bar0.write32(offset, value)
            .map_err(say(format!("write {offset:#x}")))
    };
    let replaced = pci.enable_msi().map_err(say("enable MSI"))?;
    let event = pci.enable_msi().map_err(say("replace the eventfd"))?;
    write(LEAF_EN_SET, 1 << VECTOR)?;
    write(TOP_EN_SET, 1)?;
    for round in 0..3 {
        write(LEAF_TRIGGER, VECTOR)?;
        wait(&event).map_err(|found| format!("interrupt {round}: {found}"))?;
        write(LEAF, 1 << VECTOR)?;
        write(MSI_REARM, 0xff)?;
    }
    let stray = replaced.read().is_ok();
    ensure!(!stray, "an interrupt went to an eventfd that was replaced");
    pci.disable_msi().map_err(say("disable MSI"))
}

fn wait(event: &EventFd) -> Outcome {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match event.read() {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(format!("the eventfd: {error}")),
        }
        ensure!(Instant::now() < deadline, "it does not arrive");
        thread::sleep(Duration::from_millis(1));
    }
}
