// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Every register access of a boot and an unload fails in every way: there is an error or not,
//! but no hang, no panic, no memory left mapped, and a boot without fault works afterwards.

#[path = "common/attempt.rs"]
mod attempt;
#[path = "common/faulty.rs"]
mod faulty;
#[path = "common/firmware.rs"]
mod firmware;

use std::collections::HashMap;

use attempt::{attempt, impatient};
use faulty::{Access, Fault, Faulty};
use nova_driver::BootOptions;
use nova_model::Model;
use nova_pci::Pci;
use nova_spec::{pci::header, regs::PROM, Chipset};

/// The accesses worth a fault: each that is not a repetition of the one before, and of the ROM
/// and of blocks that are copied only some.
fn worthwhile(accesses: &[Access]) -> Vec<usize> {
    let mut seen: HashMap<(u64, bool), usize> = HashMap::new();
    let mut chosen = Vec::new();
    for (number, access) in accesses.iter().enumerate() {
        let is_prom = PROM.offset_of(access.offset as u32).is_some();
        let key = match is_prom {
            true => (u64::from(PROM.start), false),
            false => (access.offset, access.is_write),
        };
        let times = seen.entry(key).or_default();
        *times += 1;
        let is_chosen = match is_prom {
            true => *times == 1 || *times % 128 == 7,
            false => *times <= 3 || *times % 16 == 0,
        };
        if is_chosen {
            chosen.push(number);
        }
    }
    chosen
}

fn walk(fault: Fault) {
    let firmware = firmware::synthetic(Chipset::GA102);
    let pci = Faulty::new(Model::builder().build().unwrap());
    let patient = BootOptions::default();
    attempt(pci.clone(), &firmware, &patient).unwrap();
    let accesses = pci.accesses();
    let numbers = worthwhile(&accesses);
    assert!(numbers.len() > 100, "{}", numbers.len());
    eprintln!(
        "{fault:?}: {} of {} accesses",
        numbers.len(),
        accesses.len()
    );
    let mut errors = 0;
    for number in numbers {
        let place = format!("{fault:?} at access {number}: {:x?}", accesses[number]);
        pci.plan(number, fault);
        let result = attempt(pci.clone(), &firmware, &impatient());
        assert_eq!(pci.mapped(), 0, "{place}: {result:?}");
        let command = pci.pci.config_read16(header::COMMAND).unwrap();
        assert_eq!(command, 0, "{place}: {result:?}");
        errors += usize::from(result.is_err());
        pci.heal();
        let again = attempt(pci.clone(), &firmware, &patient);
        assert!(again.is_ok(), "after {place}: {result:?}: {again:?}");
        pci.heal();
    }
    assert!(errors > 0, "{fault:?} is never noticed");
}

#[test]
fn an_access_is_dropped() {
    walk(Fault::Drop);
}

#[test]
fn an_access_is_corrupt() {
    walk(Fault::Corrupt);
}

#[test]
fn a_register_reads_all_ones() {
    walk(Fault::AllOnes);
}

#[test]
fn the_card_falls_off_the_bus() {
    walk(Fault::OffTheBus);
}

#[test]
fn a_register_hangs() {
    walk(Fault::Hang);
}

#[test]
fn an_access_fails() {
    walk(Fault::Error);
}

#[test]
fn the_transport_breaks() {
    walk(Fault::Broken);
}
