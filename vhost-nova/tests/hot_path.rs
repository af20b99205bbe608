// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The way of a request through the queues, in this process: it allocates nothing once it is warm.

use std::alloc::System;
use std::fs::File;
use std::sync::Arc;

use kernel_abi::virtio_nova::{
    Hdr, MemEntry, Negotiate, Status, Wire, CMD_CTX_CREATE, CMD_GEM_CLOSE, CMD_GEM_CREATE,
    CMD_NEGOTIATE,
};
use lab_frontend::virtqueue::{Chain, Virtqueue};
use lab_frontend::Ram;
use stats_alloc::{Region, StatsAlloc, INSTRUMENTED_SYSTEM};
use vhost_nova::connection::{Guest, Memory, Session};
use vhost_nova::device::{Device, GpuIdentity, Limits};
use vhost_nova::queue::Vring;
use vhost_nova::sigbus::Watch;
use vhost_nova::tenant::Tenant;
use vhost_user_backend::VringT;
use vm_memory::{FileOffset, GuestAddress, GuestMemoryAtomic, GuestMemoryMmap};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FEATURES: u64 = 1 << 32 | 1 << 29 | 1 << 28;
const SIZE: u16 = 64;

struct Bench {
    ram: Ram,
    driver: Virtqueue,
    session: Session,
    vrings: [Vring; 2],
    answer: u64,
}

fn device_memory(ram: &mut Ram) -> GuestMemoryMmap {
    let ranges = ram.regions().iter().map(|region| {
        let file: File = region.file.try_clone().unwrap();
        let file = Some(FileOffset::new(file, 0));
        (GuestAddress(region.start), region.len as usize, file)
    });
    GuestMemoryMmap::from_ranges_with_files(ranges.collect::<Vec<_>>()).unwrap()
}

fn bench() -> Bench {
    let mut ram = Ram::new(&[(0, 4 << 20)]).unwrap();
    let driver = Virtqueue::new(&mut ram, SIZE, true).unwrap();
    let mem = device_memory(&mut ram);
    let atomic = GuestMemoryAtomic::new(mem.clone());
    let vrings = [(); 2].map(|()| Vring::new(atomic.clone(), 1024).unwrap());
    let (descriptors, avail, used) = driver.addresses();
    let control = &vrings[0];
    control.set_queue_size(SIZE);
    control.set_queue_info(descriptors, avail, used).unwrap();
    control.set_queue_event_idx(true);
    control.set_queue_ready(true);
    control.set_enabled(true);
    let gpu = GpuIdentity {
        chipset: 0x172,
        boot_0: 0,
        boot_42: 0,
        vram_size: 1 << 30,
        vram_bar_size: 1 << 28,
        chip_name: "GA102".into(),
    };
    let device = Device::new("alice", gpu, Limits::default(), None).unwrap();
    let mut session = Session::new(Guest {
        tenant: Arc::new(Tenant::new("alice")),
        device,
        features: FEATURES,
        watch: Watch::default(),
    });
    session.set_memory(Memory::new(mem).unwrap()).unwrap();
    let answer = ram.alloc(4096).unwrap();
    Bench {
        ram,
        driver,
        session,
        vrings,
        answer,
    }
}

fn request(type_: u32, ctx_id: u32, body: &[u8]) -> Vec<u8> {
    let hdr = Hdr {
        type_,
        ctx_id,
        ..Hdr::default()
    };
    [&hdr.to_bytes()[..], body].concat()
}

impl Bench {
    /// Puts a request into guest memory and its chain into the ring's table.
    fn place(&mut self, request: &[u8]) -> (u64, u16) {
        let at = self.ram.alloc(4096).unwrap();
        self.ram.write(at, request).unwrap();
        let chain = Chain {
            readable: vec![(at, request.len() as u32)],
            writable: vec![(self.answer, 72)],
            indirect: None,
        };
        (at, self.driver.place(&self.ram, &chain).unwrap())
    }

    /// Runs a placed request. What is measured is the session alone.
    fn run(&mut self, head: u16, region: &mut Option<Region<'_, System>>) -> u32 {
        self.driver.make_available(&self.ram, head).unwrap();
        if let Some(region) = region {
            region.reset();
        }
        self.session.run(&self.vrings[0], &self.vrings[1]);
        let allocations = region.as_ref().map(|region| region.change().allocations);
        assert_eq!(allocations.unwrap_or(0), 0);
        self.driver.pop_used(&self.ram).unwrap().expect("an answer");
        let answer = self.ram.read(self.answer, 28).unwrap();
        let hdr = Hdr::decode(&answer).unwrap();
        assert_eq!(Status::from_raw(hdr.type_), Some(Status::Ok));
        u32::decode(&answer[24..]).unwrap()
    }
}

fn main() {
    let mut bench = bench();
    let version = Negotiate {
        version_major: 1,
        ..Negotiate::default()
    };
    let (_, negotiate) = bench.place(&request(CMD_NEGOTIATE, 0, &version.to_bytes()));
    bench.run(negotiate, &mut None);
    let (_, create_context) = bench.place(&request(CMD_CTX_CREATE, 0, &[0; 24]));
    let ctx = bench.run(create_context, &mut None);
    let entry = MemEntry {
        addr: 0,
        length: 4096,
        padding: 0,
    };
    let body = [4096u64.to_le_bytes(), [1, 0, 0, 0, 1, 0, 0, 0]].concat();
    let body = [&body[..], &entry.to_bytes()].concat();
    let (_, create) = bench.place(&request(CMD_GEM_CREATE, ctx, &body));
    let (close_at, close) = bench.place(&request(CMD_GEM_CLOSE, ctx, &[0; 8]));
    let mut region = None;
    for round in 0..10_000 {
        if round == 100 {
            region = Some(Region::new(ALLOCATOR));
        }
        let handle = bench.run(create, &mut region);
        let handle = handle.to_le_bytes();
        bench.ram.write(close_at + 24, &handle).unwrap();
        bench.run(close, &mut region);
    }
}
