// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Every register access of opening a device, making a channel, working and closing fails in every
//! way: there is an error or not, but no hang, no panic, no memory left mapped, and the same
//! without a fault works afterwards.

#[path = "common/faulty.rs"]
mod faulty;
#[path = "common/work.rs"]
mod work;

use std::{collections::HashMap, time::Duration};

use faulty::{Access, Fault, Faulty};
use nova_driver::{
    mem::{PageSize, VramRequest},
    mmu::MapFlags,
    BootOptions, FirmwareSet, Gpu, Timeouts,
};
use nova_pci::Pci;
use nova_spec::pci::header;
use work::{copy, limits, noise, QUEUE, SPACE};

type Failure = Box<dyn std::error::Error>;

const SYSTEM: u64 = 0x100_0000;
const VIDEO: u64 = 0x4000_0000;

fn impatient() -> BootOptions {
    let mut options = BootOptions::default();
    options.timeouts = Timeouts::default().at_most(Duration::from_millis(50));
    options
}

/// Opens, works and closes; whether what was copied is right. `before_open` is called when the GPU
/// has booted.
fn work<P: Pci + 'static>(
    pci: P,
    firmware: &FirmwareSet,
    options: &BootOptions,
    before_open: impl FnOnce(),
) -> Result<bool, Failure> {
    let booted = Gpu::probe(pci)?.boot(firmware, options)?;
    before_open();
    let device = booted.open()?;
    let owner = device.owner("a", limits())?;
    let space = owner.address_space(SPACE)?;
    let system = owner.alloc_system(64 << 10)?;
    let video = owner.alloc_vram(&VramRequest::buffer(64 << 10).in_pages(PageSize::Big))?;
    let flags = MapFlags::default();
    space.map(SYSTEM, system.clone(), 0, 64 << 10, flags)?;
    space.map(VIDEO, video, 0, 64 << 10, flags)?;
    let data = noise(1, 4096);
    system.memory().write(0, &data)?;
    let queue = owner.copy_queue(&space, 0, QUEUE)?;
    let fence = queue.submit(&[copy(SYSTEM, VIDEO, 4096), copy(VIDEO, SYSTEM + 8192, 4096)])?;
    fence.wait(options.timeouts.message)?;
    let is_right = work::read(&system, 8192, 4096) == data;
    owner.stop(Duration::from_millis(20))?;
    drop((fence, queue));
    space.unmap(VIDEO, 64 << 10)?;
    drop((space, system, owner));
    device.scrub()?;
    device.close().unload()?;
    Ok(is_right)
}

/// The accesses worth a fault: of each register the first few, then some.
fn worthwhile(accesses: &[Access], start: usize) -> Vec<usize> {
    let mut seen: HashMap<(u64, bool), usize> = HashMap::new();
    let mut chosen = Vec::new();
    for (number, access) in accesses.iter().enumerate().skip(start) {
        let times = seen.entry((access.offset, access.is_write)).or_default();
        *times += 1;
        if *times <= 2 || *times % 16 == 0 {
            chosen.push(number);
        }
    }
    chosen
}

/// Has every third of the accesses worth it fail, each in another of these ways.
fn walk(from: usize, faults: &[Fault]) {
    let firmware = work::firmware();
    let pci = Faulty::new(work::builder().build().unwrap());
    let patient = BootOptions::default();
    let mut start = 0;
    let counted = pci.clone();
    let count = || start = counted.accesses().len();
    assert!(work(pci.clone(), &firmware, &patient, count).unwrap());
    let accesses = pci.accesses();
    let numbers = worthwhile(&accesses, start);
    assert!(numbers.len() > 100, "{}", numbers.len());
    let mut errors = 0;
    for (index, number) in numbers.into_iter().skip(from).step_by(3).enumerate() {
        let fault = faults[index % faults.len()];
        let place = format!("{fault:?} at access {number}: {:x?}", accesses[number]);
        pci.plan(number, fault);
        let result = work(pci.clone(), &firmware, &impatient(), || ());
        assert_eq!(pci.mapped(), 0, "{place}: {result:?}");
        let command = pci.pci.config_read16(header::COMMAND).unwrap();
        assert_eq!(command, 0, "{place}: {result:?}");
        assert!(!matches!(result, Ok(false)), "{place}: wrong bytes");
        if result.is_err() {
            errors += 1;
            pci.heal();
            let again = work(pci.clone(), &firmware, &patient, || ());
            assert!(again.is_ok(), "after {place}: {result:?}: {again:?}");
        }
    }
    assert!(errors > 0, "faults are not noticed");
}

#[test]
fn an_access_is_dropped_or_corrupt() {
    walk(0, &[Fault::Drop, Fault::Corrupt]);
}

#[test]
fn an_access_fails_or_reads_all_ones() {
    walk(1, &[Fault::Error, Fault::AllOnes]);
}

#[test]
fn the_card_or_the_transport_is_gone() {
    walk(2, &[Fault::OffTheBus, Fault::Broken, Fault::Hang]);
}

/// Answers of RM are lost or damaged, or say no.
#[test]
fn answers_of_rm_go_wrong() {
    let firmware = work::firmware();
    let kinds = ["corrupt result", "drop", "corrupt checksum", "hang"];
    let mut refused = 0;
    // There are 14 objects, and as many controls and ends of objects, to a few.
    for (function, count) in [("103", 14), ("76", 14), ("10", 6)] {
        for nth in 1..=count {
            let kind = kinds[nth % kinds.len()];
            let fault = format!("message {function} {kind} nth={nth}");
            let model = work::builder().faults(fault.parse().unwrap()).build();
            let pci = Faulty::new(model.unwrap());
            let result = work(pci.clone(), &firmware, &impatient(), || ());
            assert_eq!(pci.mapped(), 0, "{fault}: {result:?}");
            assert!(!matches!(result, Ok(false)), "{fault}: wrong bytes");
            refused += usize::from(result.is_err());
            let again = || work(pci.clone(), &firmware, &BootOptions::default(), || ());
            // Where the first had fewer of that kind, the second meets the fault.
            let again = again().or_else(|error| result.is_ok().then(again).ok_or(error)?);
            assert!(again.is_ok(), "after {fault}: {result:?}: {again:?}");
        }
    }
    assert!(refused >= 20, "{refused}");
}
