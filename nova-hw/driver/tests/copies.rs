// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Copies and fills by the copy engine: there and back in many sizes and alignments, across pages
//! of every size.

#[path = "common/work.rs"]
mod work;

use nova_driver::{
    mem::{PageSize, VramRequest},
    mmu::MapFlags,
    Command, FillValue, SubmitError,
};
use work::{copy, noise, open, read, Tenant, LONG};

const SYSTEM: u64 = 0x100_0000;
const BACK: u64 = 0x200_0000;
const VIDEO: u64 = 0x4000_0000;

#[test]
fn there_and_back_in_many_sizes_and_alignments() {
    let device = open(work::builder().build().unwrap());
    let tenant = Tenant::new(&device, "a");
    const LEN: u64 = 256 << 10;
    let source = tenant.system(SYSTEM, LEN);
    let target = tenant.system(BACK, LEN);
    let data = noise(1, LEN as usize);
    source.memory().write(0, &data).unwrap();
    let _video = tenant.video(VIDEO, LEN, PageSize::Small);
    let sizes = [1, 2, 3, 4, 7, 8, 63, 64, 4095, 4096, 4097, 65_535, 65_537];
    let offsets = [0, 1, 2, 3, 5, 4095, 4096, 65_533];
    for size in sizes {
        for (index, from) in offsets.into_iter().enumerate() {
            let to = offsets[(index * 3 + size as usize) % offsets.len()];
            target.memory().write(0, &vec![0xa5; LEN as usize]).unwrap();
            let there = copy(SYSTEM + from, VIDEO + to, size);
            let back = copy(VIDEO + to, BACK + from, size);
            tenant.run(&[there, back]);
            let found = read(&target, 0, LEN as usize);
            let (from, end) = (from as usize, (from + size) as usize);
            assert_eq!(found[from..end], data[from..end], "{size} at {from}");
            let is_left = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0xa5);
            assert!(
                is_left(&found[..from]) && is_left(&found[end..]),
                "{size} at {from}"
            );
        }
    }
    assert!(tenant.queue.completed_at() > 0);
}

#[test]
fn one_copy_goes_through_pages_of_every_size() {
    let device = open(work::builder().build().unwrap());
    let tenant = Tenant::new(&device, "a");
    const HUGE: u64 = 2 << 20;
    // 2 MiB of huge pages, then big ones, then small ones, in one range of addresses.
    let pages = [PageSize::Huge, PageSize::Big, PageSize::Small];
    let mut kept = Vec::new();
    for (place, page) in (0..).zip(pages) {
        kept.push(tenant.video(VIDEO + place * HUGE, HUGE, page));
    }
    let len = 3 * HUGE;
    let source = tenant.system(1 << 34, len);
    let target = tenant.system(1 << 35, len);
    let data = noise(2, len as usize);
    source.memory().write(0, &data).unwrap();
    for (skip, size) in [(0, len), (1, len - 2), (HUGE - 3, HUGE + 6), (4097, 70_000)] {
        target.memory().write(0, &vec![0; len as usize]).unwrap();
        let there = copy((1 << 34) + skip, VIDEO + skip, size);
        let back = copy(VIDEO + skip, (1 << 35) + skip, size);
        tenant.run(&[there, back]);
        let range = skip as usize..(skip + size) as usize;
        assert!(
            read(&target, 0, len as usize)[range.clone()] == data[range],
            "{size} at {skip}"
        );
    }
}

#[test]
fn lines_are_copied_between_pitches() {
    let device = open(work::builder().build().unwrap());
    let tenant = Tenant::new(&device, "a");
    let source = tenant.system(SYSTEM, 64 << 10);
    let target = tenant.system(BACK, 64 << 10);
    let data = noise(3, 64 << 10);
    source.memory().write(0, &data).unwrap();
    let (line, lines) = (100, 37);
    tenant.run(&[Command::CopyLines {
        src: SYSTEM + 5,
        src_pitch: 300,
        dst: BACK + 9,
        dst_pitch: 128,
        line,
        lines,
    }]);
    let found = read(&target, 0, 64 << 10);
    let mut expected = vec![0; 64 << 10];
    for number in 0..lines as usize {
        let (from, to) = (5 + number * 300, 9 + number * 128);
        expected[to..to + 100].copy_from_slice(&data[from..from + 100]);
    }
    assert!(found == expected);
}

#[test]
fn memory_is_filled_with_bytes_and_dwords() {
    let device = open(work::builder().build().unwrap());
    let tenant = Tenant::new(&device, "a");
    let target = tenant.system(BACK, 16 << 10);
    tenant.run(&[
        Command::Fill {
            dst: BACK + 4,
            value: FillValue::U32(0x1122_3344),
            count: 1025,
        },
        Command::Fill {
            dst: BACK + 8191,
            value: FillValue::U8(0x5a),
            count: 3,
        },
    ]);
    let mut expected = vec![0; 16 << 10];
    for number in 0..1025 {
        let at = 4 + number * 4;
        expected[at..at + 4].copy_from_slice(&0x1122_3344u32.to_le_bytes());
    }
    expected[8191..8194].fill(0x5a);
    assert!(read(&target, 0, 16 << 10) == expected);
}

#[test]
fn queues_wait_for_each_other_by_semaphores() {
    let device = open(work::builder().build().unwrap());
    let tenant = Tenant::new(&device, "a");
    let semaphore = 0x100_8000;
    let memory = tenant.system(SYSTEM, 64 << 10);
    memory.memory().write(0, b"order").unwrap();
    // The one that waits comes first, on the same engine and on another.
    let other = tenant
        .owner
        .copy_queue(&tenant.space, 0, work::QUEUE + (1 << 24))
        .unwrap();
    let third = tenant
        .owner
        .copy_queue(&tenant.space, 1, work::QUEUE + (2 << 24))
        .unwrap();
    let value = 1 << 40;
    let acquire = Command::Acquire { semaphore, value };
    let waiting = [
        other
            .submit(&[acquire, copy(SYSTEM + 0x100, SYSTEM + 0x200, 5)])
            .unwrap(),
        third
            .submit(&[acquire, copy(SYSTEM + 0x100, SYSTEM + 0x300, 5)])
            .unwrap(),
    ];
    assert!(waiting.iter().all(|fence| !fence.is_done()));
    let release = Command::Release { semaphore, value };
    tenant.run(&[copy(SYSTEM, SYSTEM + 0x100, 5), release]);
    for fence in waiting {
        fence.wait(LONG).unwrap();
    }
    assert_eq!(read(&memory, 0x200, 5), b"order");
    assert_eq!(read(&memory, 0x300, 5), b"order");
}

#[test]
fn the_ring_goes_round_and_a_full_one_says_so() {
    let device = open(work::builder().build().unwrap());
    let tenant = Tenant::new(&device, "a");
    let memory = tenant.system(SYSTEM, 64 << 10);
    for number in 0..2000u64 {
        memory.memory().store64(0, number).unwrap();
        let fence = tenant
            .queue
            .submit(&[copy(SYSTEM, SYSTEM + 0x1000, 8)])
            .unwrap();
        fence.wait(LONG).unwrap();
        assert_eq!(memory.memory().load64(0x1000).unwrap(), number);
    }
    // Behind one that does not end, the ring fills.
    let (semaphore, value) = (SYSTEM + 0x2000, 1);
    let acquire = Command::Acquire { semaphore, value };
    tenant.queue.submit(&[acquire]).unwrap();
    let mut submitted = 1;
    let error = loop {
        match tenant.queue.submit(&[copy(SYSTEM, SYSTEM + 0x1000, 8)]) {
            Ok(_) => submitted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SubmitError::Full), "{error}");
    assert_eq!(submitted, 511);
    memory.memory().store64(0x2000, 1).unwrap();
    tenant.queue.last().wait(LONG).unwrap();
    tenant.run(&[copy(SYSTEM, SYSTEM + 0x1000, 8)]);
    let many = vec![copy(SYSTEM, SYSTEM + 0x1000, 8); 4096];
    let error = tenant.queue.submit(&many).err().unwrap();
    assert!(matches!(error, SubmitError::TooLong { .. }), "{error}");
}

#[test]
fn whoever_waits_is_woken_and_nobody_asks_without() {
    let device = open(work::builder().build().unwrap());
    assert!(device.has_interrupts());
    let tenant = Tenant::new(&device, "a");
    let memory = tenant.system(SYSTEM, 64 << 10);
    let (semaphore, value) = (SYSTEM + 0x2000, 1);
    let fence = tenant
        .queue
        .submit(&[Command::Acquire { semaphore, value }])
        .unwrap();
    std::thread::scope(|scope| {
        let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| fence.wait(LONG))).collect();
        // The GPU looks at the semaphore; a write of the CPU's is seen in the end.
        memory.memory().store64(0x2000, 1).unwrap();
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
    });
}

#[test]
fn vram_is_zero_for_the_next_owner() {
    let device = open(work::builder().build().unwrap());
    let total = device.memory().vram().figures().clean;
    {
        let tenant = Tenant::new(&device, "a");
        let len = 8 << 20;
        let _video = tenant.video(VIDEO, len, PageSize::Huge);
        tenant.run(&[Command::Fill {
            dst: VIDEO,
            value: FillValue::U8(0xff),
            count: len,
        }]);
    }
    // Everything that there is: what the first had is in it.
    let tenant = Tenant::new(&device, "b");
    device.scrub().unwrap();
    let clean = device.memory().vram().figures().clean;
    assert!(clean > total - (1 << 20), "{clean:#x} of {total:#x}");
    let step = 2 << 20;
    let (mut kept, mut at) = (Vec::new(), VIDEO);
    while let Ok(memory) = tenant.owner.alloc_vram(&VramRequest::buffer(step)) {
        let flags = MapFlags::default();
        tenant
            .space
            .map(at, memory.clone(), 0, step, flags)
            .unwrap();
        kept.push(memory);
        at += step;
    }
    assert!(at - VIDEO >= 8 << 20);
    let window = tenant.system(BACK, step);
    for va in (VIDEO..at).step_by(step as usize) {
        window
            .memory()
            .write(0, &vec![0x77; step as usize])
            .unwrap();
        tenant.run(&[copy(va, BACK, step)]);
        let found = read(&window, 0, step as usize);
        assert!(found.iter().all(|&byte| byte == 0), "{va:#x}");
    }
}
