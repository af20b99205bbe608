// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Two owners: each tries every way at the other's memory. A canary shows that nothing of it was
//! read or written, and the other's channel goes on.

#[path = "common/guest.rs"]
mod guest;
#[path = "common/work.rs"]
mod work;

use std::sync::Arc;

use guest::Guest;
use nova_driver::{
    mem::{PageSize, SystemMemory, VramRequest},
    mmu::{MapError, MapFlags},
    Command, Device, FaultReason, FenceError, FillValue, RingPlace, WorkError,
};
use nova_model::{Model, ModelMapping};
use work::{copy, noise, open, read, Tenant, LONG, QUEUE};

const VIDEO: u64 = 0x4000_0000;
const SYSTEM: u64 = 0x100_0000;
const LEN: u64 = 2 << 20;

/// A victim whose memory is full of a canary.
struct Victim {
    tenant: Tenant<Model>,
    canary: Vec<u8>,
    window: Arc<SystemMemory<ModelMapping>>,
    system: Arc<SystemMemory<ModelMapping>>,
    video_address: u64,
}

impl Victim {
    fn new(device: &Device<Model>) -> Self {
        let tenant = Tenant::new(device, "victim");
        let canary = noise(7, LEN as usize);
        let video = tenant.video(VIDEO, LEN, PageSize::Huge);
        let system = tenant.system(SYSTEM, LEN);
        let window = tenant.system(SYSTEM + (8 << 20), LEN);
        system.memory().write(0, &canary).unwrap();
        tenant.run(&[copy(SYSTEM, VIDEO, LEN)]);
        Self {
            video_address: video.address(),
            tenant,
            canary,
            window,
            system,
        }
    }

    /// Everything is as it was, and the victim's own work works.
    fn check(&self, what: &str) {
        self.tenant.run(&[copy(VIDEO, SYSTEM + (8 << 20), LEN)]);
        assert!(read(&self.window, 0, LEN as usize) == self.canary, "{what}");
        assert!(read(&self.system, 0, LEN as usize) == self.canary, "{what}");
        assert_eq!(self.tenant.queue.fault(), None, "{what}");
    }
}

#[test]
fn a_virtual_address_is_the_owners_own() {
    let device = open(work::builder().build().unwrap());
    let victim = Victim::new(&device);
    for (what, address) in [
        ("video", VIDEO),
        ("system", SYSTEM),
        ("physical", victim.video_address),
        ("bus", victim.system.bus_address()),
        ("ring", QUEUE + (1 << 20)),
    ] {
        let thief = Tenant::new(&device, "thief");
        let loot = thief.system(0x2000_0000, LEN);
        for command in [
            copy(address, 0x2000_0000, 4096),
            copy(0x2000_0000, address, 4096),
            Command::Fill {
                dst: address,
                value: FillValue::U32(0),
                count: 1024,
            },
        ] {
            let thief = Tenant::new(&device, "one of its channels");
            let _own = thief.system(0x2000_0000, LEN);
            let fence = thief.queue.submit(&[command]).unwrap();
            let error = fence.wait(LONG).unwrap_err();
            let FenceError::Ended(FaultReason::Mmu { address: at, .. }) = error else {
                panic!("{what}: {error:?}");
            };
            assert_eq!(at & !0xfff, address & !0xfff, "{what}");
            let faults = thief.owner.take_faults();
            assert_eq!(faults.len(), 1);
            assert_eq!(faults[0].chid, thief.queue.chid());
        }
        assert!(read(&loot, 0, 4096).iter().all(|&byte| byte == 0));
        assert_eq!(thief.queue.fault(), None, "another channel's fault");
        thief.run(&[copy(0x2000_0000, 0x2000_1000, 64)]);
        victim.check(what);
    }
}

/// A header for values of methods in a row.
fn methods(subchannel: u32, method: u32, values: &[u32]) -> Vec<u32> {
    let header = 1 << 29 | (values.len() as u32) << 16 | subchannel << 13 | method >> 2;
    let mut words = vec![header];
    words.extend(values);
    words
}

/// A copy of a page, with a word for `LAUNCH_DMA`.
fn launch(src: u64, dst: u64, launch: u32) -> Vec<u32> {
    let mut words = methods(4, 0, &[0xc7b5]);
    words.extend(methods(4, 0x260, &[0, 0]));
    let halves = [src >> 32, src, dst >> 32, dst].map(|half| half as u32);
    let mut values = halves.to_vec();
    values.extend([0, 0, 4096, 1]);
    words.extend(methods(4, 0x400, &values));
    words.extend(methods(4, 0x300, &[launch]));
    words
}

#[test]
fn physical_mode_and_privileged_methods_end_the_channel() {
    let device = open(work::builder().build().unwrap());
    let victim = Victim::new(&device);
    let (own, foreign) = (guest::RING + 0x8000, victim.video_address);
    let bus = victim.system.bus_address();
    let mut system = methods(4, 0, &[0xc7b5]);
    system.extend(methods(4, 0x260, &[1, 1]));
    let mut from_system = system.clone();
    from_system.extend(&launch(bus, own, 0x186 | 1 << 12)[5..]);
    let mut to_system = system;
    to_system.extend(&launch(own, bus, 0x186 | 1 << 13)[5..]);
    let attacks = [
        ("reads physically", launch(foreign, own, 0x186 | 1 << 12)),
        ("writes physically", launch(own, foreign, 0x186 | 1 << 13)),
        ("reads the bus", from_system),
        ("writes the bus", to_system),
        // MEM_OP_D: invalidate everything.
        ("invalidates", methods(0, 0x28, &[0, 0, 1, 9 << 27])),
        ("uses a method that there is not", methods(0, 0xfc, &[1])),
        ("uses a class that there is not", methods(4, 0, &[0xc797])),
        ("copies blocks", launch(own, own + 4096, 0x6)),
    ];
    for (what, mut words) in attacks {
        let mut guest = Guest::new(&device, "attacker");
        // It works, until it does what it may not.
        guest.push(&Guest::<Model>::release(1));
        words.extend(Guest::<Model>::release(2));
        guest.push(&words);
        let fault = guest.fault(&device);
        assert!(matches!(fault, FaultReason::Rc(_)), "{what}: {fault}");
        assert_eq!(guest.semaphore(), 1, "{what}");
        let page = read(&guest.memory, 0x8000, 4096);
        assert!(page.iter().all(|&byte| byte == 0), "{what}");
        assert_eq!(guest.owner.take_faults().len(), 1, "{what}");
        victim.check(what);
    }
}

#[test]
fn what_was_given_back_is_out_of_reach() {
    let device = open(work::builder().build().unwrap());
    let thief = Tenant::new(&device, "thief");
    let stale = thief.video(VIDEO, LEN, PageSize::Huge);
    let stale_system = thief.system(SYSTEM, LEN);
    thief.run(&[copy(VIDEO, SYSTEM, LEN), copy(SYSTEM, VIDEO, LEN)]);
    thief.space.unmap(VIDEO, LEN).unwrap();
    thief.space.unmap(SYSTEM, LEN).unwrap();
    let address = stale.address();
    drop((stale, stale_system));
    device.scrub().unwrap();
    // Whoever comes next gets the same memory.
    let victim = Victim::new(&device);
    assert_eq!(victim.video_address, address);
    for va in [VIDEO, SYSTEM] {
        let queue = thief
            .owner
            .copy_queue(&thief.space, 0, QUEUE + (1 << 24))
            .unwrap();
        let fill = Command::Fill {
            dst: va,
            value: FillValue::U8(0),
            count: 4096,
        };
        let error = queue.submit(&[fill]).unwrap().wait(LONG).unwrap_err();
        assert!(
            matches!(error, FenceError::Ended(FaultReason::Mmu { .. })),
            "{error:?}"
        );
        victim.check("stale");
    }
}

#[test]
fn what_is_anothers_cannot_be_mapped_or_used() {
    let device = open(work::builder().build().unwrap());
    let victim = Victim::new(&device);
    let thief = Tenant::new(&device, "thief");
    let video = victim
        .tenant
        .owner
        .alloc_vram(&VramRequest::buffer(4096))
        .unwrap();
    let flags = MapFlags::default();
    for memory in [
        video as Arc<dyn nova_driver::mem::Backing>,
        victim.system.clone(),
    ] {
        let error = thief.space.map(VIDEO, memory, 0, 4096, flags).unwrap_err();
        assert!(matches!(error, MapError::Foreign { .. }), "{error}");
    }
    let result = thief
        .owner
        .copy_queue(&victim.tenant.space, 0, QUEUE + (1 << 24));
    assert!(matches!(result.err(), Some(WorkError::Foreign { .. })));
    let userd = |userd, userd_offset| RingPlace {
        va: 0x1000,
        entries: 2,
        userd,
        userd_offset,
    };
    let own = thief.owner.alloc_system(8192).unwrap();
    let video = thief.owner.alloc_vram(&VramRequest::buffer(4096)).unwrap();
    for place in [
        userd(victim.system.clone(), 0),
        userd(video, 0),
        userd(own.clone(), 512),
        userd(own.clone(), 8192),
        userd(own.clone(), u64::MAX - 4095),
    ] {
        let result = thief.owner.channel(&thief.space, 0, &place);
        assert!(matches!(result.err(), Some(WorkError::Userd { .. })));
    }
    thief
        .owner
        .channel(&thief.space, 0, &userd(own, 4096))
        .unwrap();
    victim.check("refused");
}

#[test]
fn rings_full_of_anything_end_one_channel() {
    let device = open(work::builder().build().unwrap());
    let victim = Victim::new(&device);
    for seed in 0..40u64 {
        let mut guest = Guest::new(&device, "noise");
        let bytes = noise(seed + 100, 0x400);
        let words: Vec<_> = bytes
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        match seed % 4 {
            0 => guest.push(&words[..200]),
            // A ring of noise, and more of it than there are entries.
            1 => {
                guest.memory.memory().write(0, &bytes[..512]).unwrap();
                guest.kick(63);
            }
            2 => guest.kick(words[0] | 64),
            // USERD is noise too.
            _ => {
                guest.userd.memory().write(0, &bytes[..512]).unwrap();
                guest.channel.ring_doorbell().unwrap();
            }
        }
        for _ in 0..50 {
            guest.channel.ring_doorbell().unwrap();
        }
        victim.check("noise");
        drop(guest);
    }
    assert!(device.check().is_ok());
    victim.check("at last");
}
