// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Taking owners' channels off the GPU, and the end of a device from every state.

#[path = "common/work.rs"]
mod work;
#[path = "common/wrap.rs"]
mod wrap;

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use nova_driver::{
    mem::{Limits, PageSize, Resource},
    BootOptions, Command, FaultReason, FenceError, Gpu, SubmitError, Timeouts, WorkError,
};
use nova_pci::Pci;
use nova_spec::pci::header;
use work::{copy, limits, open, Tenant, LONG};
use wrap::Wrap;

const SYSTEM: u64 = 0x100_0000;
const VIDEO: u64 = 0x4000_0000;
const NEVER: Command = Command::Acquire {
    semaphore: SYSTEM,
    value: 1,
};

#[test]
fn a_channel_that_never_ends_is_stopped_and_others_go_on() {
    let device = open(work::builder().build().unwrap());
    let (stuck, other) = (Tenant::new(&device, "stuck"), Tenant::new(&device, "other"));
    let _memory = stuck.system(SYSTEM, 4096);
    let _other = other.system(SYSTEM, 8192);
    let done = stuck.queue.submit(&[]).unwrap();
    done.wait(LONG).unwrap();
    let fence = stuck.queue.submit(&[NEVER]).unwrap();
    other.run(&[copy(SYSTEM, SYSTEM + 4096, 4096)]);
    assert_eq!(
        fence.wait(Duration::from_millis(1)),
        Err(FenceError::Timeout(Duration::from_millis(1)))
    );
    stuck.owner.stop(Duration::from_millis(50)).unwrap();
    assert_eq!(
        fence.wait(LONG),
        Err(FenceError::Ended(FaultReason::Stopped))
    );
    assert_eq!(done.poll(), Ok(true), "what was done stays done");
    let error = stuck.queue.submit(&[]).err().unwrap();
    assert!(
        matches!(error, SubmitError::Ended(FaultReason::Stopped)),
        "{error}"
    );
    other.run(&[copy(SYSTEM, SYSTEM + 4096, 4096)]);
    // Once more is nothing, and the owner may start again.
    stuck.owner.stop(Duration::ZERO).unwrap();
    let queue = stuck
        .owner
        .copy_queue(&stuck.space, 0, work::QUEUE + (1 << 24));
    queue.unwrap().submit(&[]).unwrap().wait(LONG).unwrap();
}

#[test]
fn limits_hold_and_come_back() {
    let device = open(work::builder().build().unwrap());
    let one = Limits::UNLIMITED
        .with(Resource::Channels, 1)
        .with(Resource::ChannelGroups, 1)
        .with(Resource::AddressSpaces, 1);
    let owner = device.owner("small", one).unwrap();
    let space = owner.address_space(work::SPACE).unwrap();
    assert!(owner.address_space(work::SPACE).is_err());
    for _ in 0..3 {
        let queue = owner.copy_queue(&space, 0, work::QUEUE).unwrap();
        let second = owner.copy_queue(&space, 1, work::QUEUE + (1 << 24));
        assert!(matches!(second.err(), Some(WorkError::Quota(_))));
        queue.submit(&[]).unwrap().wait(LONG).unwrap();
    }
    // Instance block, method buffer, ring and USERD are paid for, and given back.
    drop(space);
    device.scrub().unwrap();
    for resource in Resource::ALL {
        assert_eq!(owner.owner().used(resource), 0, "{resource}");
    }
    assert!(matches!(
        device.owner("too large", Limits::UNLIMITED).err(),
        Some(WorkError::Budget { .. })
    ));
}

#[test]
fn owners_come_and_go() {
    let model = work::builder().build().unwrap();
    let device = open(model);
    let before = device.memory().vram().figures();
    for _ in 0..20 {
        let tenant = Tenant::new(&device, "a");
        let _video = tenant.video(VIDEO, 64 << 10, PageSize::Big);
        let _system = tenant.system(SYSTEM, 4096);
        tenant.run(&[copy(SYSTEM, VIDEO, 4096)]);
    }
    device.scrub().unwrap();
    assert_eq!(device.memory().vram().figures(), before);
    let owners = device.memory().owners();
    assert_eq!(owners.len(), 1, "{owners:?}");
}

/// What an owner is at when the device is closed.
#[derive(Clone, Copy, Debug)]
enum At {
    Nothing,
    Owner,
    Space,
    Queue,
    Work,
    Stuck,
    Fault,
}

#[test]
fn a_device_is_closed_from_every_state() {
    let model = work::builder().build().unwrap();
    for at in [
        At::Nothing,
        At::Owner,
        At::Space,
        At::Queue,
        At::Work,
        At::Stuck,
        At::Fault,
    ] {
        let device = open(model.clone());
        let owner = (at as u8 >= At::Owner as u8).then(|| device.owner("a", limits()).unwrap());
        let space = owner
            .as_ref()
            .filter(|_| at as u8 >= At::Space as u8)
            .map(|owner| owner.address_space(work::SPACE).unwrap());
        let queue = space.as_ref().filter(|_| at as u8 >= At::Queue as u8);
        let queue = queue.map(|space| {
            let owner = owner.as_ref().unwrap();
            owner.copy_queue(space, 0, work::QUEUE).unwrap()
        });
        let memory = space.as_ref().map(|space| {
            let memory = owner.as_ref().unwrap().alloc_system(4096).unwrap();
            let flags = nova_driver::mmu::MapFlags::default();
            space.map(SYSTEM, memory.clone(), 0, 4096, flags).unwrap();
            memory
        });
        let command = match at {
            At::Work => Some(copy(SYSTEM, SYSTEM + 2048, 2048)),
            At::Stuck => Some(NEVER),
            At::Fault => Some(copy(VIDEO, SYSTEM, 64)),
            _ => None,
        };
        let fence = command.map(|command| queue.as_ref().unwrap().submit(&[command]).unwrap());
        let booted = device.close();
        if let Some(fence) = &fence {
            // It was done, or it is an error: it does not hang.
            let ended = fence.wait(LONG);
            assert_eq!(
                ended.is_ok(),
                matches!(at, At::Work) && fence.is_done(),
                "{at:?}"
            );
        }
        if let Some(owner) = &owner {
            assert!(owner.address_space(work::SPACE).is_err(), "{at:?}");
        }
        booted
            .unload()
            .unwrap_or_else(|error| panic!("{at:?}: {error}"));
        drop((fence, queue, space, memory, owner));
        assert_eq!(model.config_read16(header::COMMAND).unwrap(), 0, "{at:?}");
    }
}

#[test]
fn a_device_is_opened_again_without_a_boot() {
    let model = work::builder().build().unwrap();
    let device = open(model);
    let booted = device.close();
    let device = booted.open().unwrap();
    let tenant = Tenant::new(&device, "a");
    tenant.run(&[]);
    drop(tenant);
    device.close().unload().unwrap();
}

#[test]
fn silence_of_gsp_is_the_end_of_the_card() {
    // From the first free on: the end of a channel.
    let plan = "message 10 hang".parse().unwrap();
    let model = work::builder().faults(plan).build().unwrap();
    let mut options = BootOptions::default();
    options.timeouts = Timeouts::default().at_most(Duration::from_millis(300));
    let gpu = Gpu::probe(model.clone()).unwrap();
    let device = gpu
        .boot(&work::firmware(), &options)
        .unwrap()
        .open()
        .unwrap();
    let (first, second) = (
        Tenant::new(&device, "first"),
        Tenant::new(&device, "second"),
    );
    let _memory = second.system(SYSTEM, 4096);
    let fence = second.queue.submit(&[NEVER]).unwrap();
    drop(first.queue);
    assert!(device.check().unwrap_err().is_lost());
    assert_eq!(fence.wait(LONG), Err(FenceError::Ended(FaultReason::Lost)));
    assert!(second.owner.address_space(work::SPACE).is_err());
    assert!(device.owner("third", limits()).is_err());
    // It does no DMA, so that memory can go.
    drop((first.space, first.owner, second, fence));
    let error = device.close().unload().err().unwrap();
    assert_eq!(error.step, nova_driver::Step::UnloadRm);
    model.reset().unwrap();
    open(model).close().unload().unwrap();
}

#[test]
fn without_msi_whoever_waits_looks_again() {
    let pci = Wrap::new(work::builder().build().unwrap());
    pci.switches.has_no_msi.store(true, SeqCst);
    let device = open(pci);
    assert!(!device.has_interrupts());
    let tenant = Tenant::new(&device, "a");
    let _memory = tenant.system(SYSTEM, 8192);
    tenant.run(&[copy(SYSTEM, SYSTEM + 4096, 4096)]);
    // A fault is found by who waits, too.
    let fence = tenant.queue.submit(&[copy(VIDEO, SYSTEM, 64)]).unwrap();
    let error = fence.wait(LONG).unwrap_err();
    assert!(
        matches!(error, FenceError::Ended(FaultReason::Mmu { .. })),
        "{error:?}"
    );
}

/// Firmware is reported that accepts to stop a channel and does not. What is not off is destroyed.
#[test]
fn firmware_that_does_not_stop_channels_stops_none_from_being_stopped() {
    let model = work::builder().ignores_scheduling().build().unwrap();
    let device = open(model);
    let tenant = Tenant::new(&device, "a");
    let memory = tenant.system(SYSTEM, 8192);
    let fence = tenant
        .queue
        .submit(&[NEVER, copy(SYSTEM, SYSTEM + 4096, 8)])
        .unwrap();
    tenant.owner.stop(Duration::from_millis(20)).unwrap();
    assert_eq!(
        fence.wait(LONG),
        Err(FenceError::Ended(FaultReason::Stopped))
    );
    // It really is off: what it waited for comes, and nothing happens.
    memory.memory().store64(0, 1).unwrap();
    let other = Tenant::new(&device, "b");
    other.run(&[]);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(memory.memory().load64(4096).unwrap(), 0);
    let paused = tenant
        .owner
        .copy_queue(&tenant.space, 0, work::QUEUE + (1 << 24))
        .unwrap();
    tenant.owner.pause(Duration::ZERO).unwrap();
    assert_eq!(paused.fault(), Some(FaultReason::Stopped));
}

#[test]
fn what_is_paused_goes_on_where_it_was() {
    let device = open(work::builder().build().unwrap());
    let tenant = Tenant::new(&device, "a");
    let memory = tenant.system(SYSTEM, 8192);
    let fence = tenant
        .queue
        .submit(&[NEVER, copy(SYSTEM, SYSTEM + 4096, 8)])
        .unwrap();
    tenant.owner.pause(LONG).unwrap();
    assert_eq!(tenant.queue.fault(), None);
    memory.memory().store64(0, 1).unwrap();
    // What others do meanwhile gets the engine a round further, in which the paused one has none.
    let other = Tenant::new(&device, "b");
    other.run(&[]);
    assert!(!fence.is_done());
    assert_eq!(memory.memory().load64(4096).unwrap(), 0);
    let second = tenant
        .queue
        .submit(&[copy(SYSTEM, SYSTEM + 4104, 8)])
        .unwrap();
    tenant.owner.resume().unwrap();
    fence.wait(LONG).unwrap();
    second.wait(LONG).unwrap();
    assert_eq!(memory.memory().load64(4096).unwrap(), 1);
    assert_eq!(memory.memory().load64(4104).unwrap(), 1);
}
