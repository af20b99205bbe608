// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a submission costs: it allocates nothing, asks RM nothing, and accesses one register. One
//! test, so that nothing else allocates.

#[path = "common/work.rs"]
mod work;
#[path = "common/wrap.rs"]
mod wrap;

use std::{alloc::System, sync::atomic::Ordering::SeqCst, time::Duration};

use stats_alloc::{Region, StatsAlloc, INSTRUMENTED_SYSTEM};
use work::{copy, open, Tenant, LONG};
use wrap::Wrap;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_submission_writes_memory_and_one_register() {
    const SYSTEM: u64 = 0x100_0000;
    let pci = Wrap::new(work::builder().build().unwrap());
    let device = open(pci.clone());
    let tenant = Tenant::new(&device, "a");
    let memory = tenant.system(SYSTEM, 64 << 10);
    memory.memory().write(0, b"once").unwrap();
    // The model is not at work while this counts.
    let switches = &pci.switches;
    switches.is_deaf.store(true, SeqCst);
    let (doorbells, others) = (&switches.doorbells, &switches.others);
    let (rung, accessed) = (doorbells.load(SeqCst), others.load(SeqCst));
    let region = Region::new(ALLOCATOR);
    for number in 0..200 {
        let place = SYSTEM + 0x1000 + number * 8;
        drop(tenant.queue.submit(&[copy(SYSTEM, place, 4)]).unwrap());
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    assert_eq!(doorbells.load(SeqCst) - rung, 200);
    assert_eq!(others.load(SeqCst), accessed);
    // All of them are carried out when the next doorbell is heard.
    switches.is_deaf.store(false, SeqCst);
    tenant.run(&[]);
    for number in 0..200 {
        assert_eq!(work::read(&memory, 0x1000 + number * 8, 4), b"once");
    }

    // Without anybody who waits, no interrupt is asked for. The last one is over first.
    let mut quiet = others.load(SeqCst);
    loop {
        std::thread::sleep(Duration::from_millis(20));
        match others.load(SeqCst) {
            same if same == quiet => break,
            more => quiet = more,
        }
    }
    let fence = tenant.queue.submit(&[copy(SYSTEM, SYSTEM + 8, 4)]).unwrap();
    while !fence.is_done() {
        std::thread::yield_now();
    }
    assert_eq!(others.load(SeqCst), quiet, "interrupts were taken care of");
    fence.wait(LONG).unwrap();
}
