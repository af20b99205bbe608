// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What copies do.

use nova_pci::Bar;
use nova_spec::{
    ce::{method, InterruptType, LaunchDma, RemapComponents, SemaphoreType},
    gmmu::{Pte, BIG_PAGE, HUGE_PAGE, SMALL_PAGE},
};

use super::rig::*;
use crate::gpu::host::Counters;

const FROM: u64 = 1 << 40;
const TO: u64 = 2 << 40;
const SEMAPHORE: u64 = 0xf0 << 32;

/// A card with a channel and a page for its semaphore, in VRAM.
fn with_channel(change: impl FnOnce(&mut crate::gpu::host::ChannelParams)) -> (Rig, Channel, u64) {
    let mut rig = Rig::new();
    let mut channel = rig.channel_with(1, change);
    let semaphore = rig.vram(4096, 4096);
    rig.map(SEMAPHORE, semaphore, 4096, VRAM);
    rig.submit(&mut channel, &set_object());
    (rig, channel, semaphore)
}

/// Sets the engine's semaphore.
fn engine_semaphore(payload: u64) -> Vec<u32> {
    let values = [
        (SEMAPHORE >> 32) as u32,
        SEMAPHORE as u32,
        payload as u32,
        (payload >> 32) as u32,
    ];
    methods(OBJECT, method::SET_SEMAPHORE_A, &values)
}

fn finish(rig: &Rig, semaphore: u64) {
    rig.wait("the semaphore", |rig| rig.get64(semaphore) as u32 == 7);
}

#[test]
fn bytes_go_between_all_memories_and_pages() {
    for (index, (from, to)) in (0..).zip([
        ((VRAM, BIG_PAGE), (SYS, SMALL_PAGE)),
        ((SYS, SMALL_PAGE), (VRAM, HUGE_PAGE)),
        ((VRAM, SMALL_PAGE), (VRAM, BIG_PAGE)),
        ((SYS, BIG_PAGE), (SYS, HUGE_PAGE)),
    ]) {
        let (mut rig, mut channel, semaphore) = with_channel(|_| {});
        let mut place = |(map, page): (Map, u64), va: u64| {
            let at = match map.aperture {
                crate::gpu::mmu::Aperture::Vram => rig.vram(4 * MIB, HUGE_PAGE),
                crate::gpu::mmu::Aperture::System => rig.system(4 * MIB, HUGE_PAGE),
            };
            let map = Map { page, ..map };
            rig.map(va, at, 4 * MIB, map);
            (map, at)
        };
        let (source, destination) = (place(from, FROM), place(to, TO));
        let data = noise(index, 3 * MIB);
        rig.set_bytes(source.0, source.1 + 5, &data);
        let old = rig.bytes(destination.0, destination.1, 4 * MIB);
        rig.submit(&mut channel, &copy(FROM + 5, TO + 77, 3 << 20));
        rig.submit(&mut channel, &release(SEMAPHORE, 7));
        finish(&rig, semaphore);
        let mut expected = old;
        expected[77..77 + data.len()].copy_from_slice(&data);
        assert!(rig.bytes(destination.0, destination.1, 4 * MIB) == expected);
        let counters = Counters {
            launches: 1,
            bytes: 3 * MIB,
            faulted: 0,
        };
        assert_eq!(rig.model.counters(), counters);
    }
}

#[test]
fn lines_have_pitches() {
    let (mut rig, mut channel, semaphore) = with_channel(|_| {});
    let (from, to) = (rig.vram(0x10000, 4096), rig.system(0x10000, 4096));
    rig.map(FROM, from, 0x10000, VRAM);
    rig.map(TO, to, 0x10000, SYS);
    let data = noise(1, 0x10000);
    rig.set_bytes(VRAM, from, &data);
    let mut words = geometry(FROM + 3, TO + 1, [300, 200], 70, 20);
    words.extend(launch(LaunchDma::copy().with_multi_line_enable(true)));
    words.extend(release(SEMAPHORE, 7));
    rig.submit(&mut channel, &words);
    finish(&rig, semaphore);
    let mut expected = vec![0; 0x10000];
    for line in 0..20 {
        let (source, destination) = (3 + 300 * line, 1 + 200 * line);
        expected[destination..destination + 70].copy_from_slice(&data[source..source + 70]);
    }
    assert!(rig.bytes(SYS, to, 0x10000) == expected);
    // Without the bit there is one line.
    let mut words = geometry(FROM, TO + 0x8000, [70, 70], 70, 20);
    words.extend(launch(LaunchDma::copy()));
    words.extend(release(SEMAPHORE, 8));
    rig.submit(&mut channel, &words);
    rig.wait("the semaphore", |rig| rig.get64(semaphore) as u32 == 8);
    expected[0x8000..0x8046].copy_from_slice(&data[..70]);
    assert!(rig.bytes(SYS, to, 0x10000) == expected);
}

#[test]
fn constants_fill_and_components_are_rearranged() {
    let (mut rig, mut channel, semaphore) = with_channel(|_| {});
    let (from, to) = (rig.vram(0x10000, 4096), rig.vram(0x40000, 4096));
    rig.map(FROM, from, 0x10000, VRAM);
    // Every page somewhere else, so that elements lie across.
    for page in 0..64 {
        rig.map(TO + page * 4096, to + (63 - page) * 4096, 4096, VRAM);
    }
    let data = noise(1, 0x10000);
    rig.set_bytes(VRAM, from, &data);
    let remap = |components: RemapComponents| {
        let values = [0x0403_0201, 0x1413_1211, components.raw_value()];
        methods(OBJECT, method::SET_REMAP_CONST_A, &values)
    };
    let enabled = LaunchDma::copy().with_remap_enable(true);
    let mut words = remap(RemapComponents::fill(3).unwrap());
    words.extend(geometry(0, TO + 1, [0; 2], 0x5000, 1));
    words.extend(launch(enabled));
    // Two components of two bytes, swapped, and one of constant B between them.
    let raw = 1 | 5 << 4 | 1 << 16 | 1 << 20 | 2 << 24;
    words.extend(remap(RemapComponents::new_with_raw_value(raw)));
    words.extend(geometry(FROM, TO + 0x20001, [0; 2], 0x3000, 1));
    words.extend(launch(enabled));
    words.extend(release(SEMAPHORE, 7));
    rig.submit(&mut channel, &words);
    finish(&rig, semaphore);
    let mut expected = vec![0; 0x40000];
    for element in 0..0x5000 {
        expected[1 + 3 * element..][..3].copy_from_slice(&[1, 2, 3]);
    }
    for element in 0..0x3000 {
        let source = &data[4 * element..][..4];
        let bytes = [source[2], source[3], 0x11, 0x12, source[0], source[1]];
        expected[0x20001 + 6 * element..][..6].copy_from_slice(&bytes);
    }
    let seen: Vec<u8> = (0..64)
        .rev()
        .flat_map(|page| rig.bytes(VRAM, to + page * 4096, 4096))
        .collect();
    assert!(seen == expected);
}

#[test]
fn the_end_of_a_copy_is_told_by_semaphore_and_interrupt() {
    let (mut rig, mut channel, semaphore) = with_channel(|_| {});
    let at = rig.vram(0x2000, 4096);
    rig.map(FROM, at, 0x2000, VRAM);
    let mut words = engine_semaphore(5 << 32 | 7);
    words.extend(geometry(FROM, FROM + 0x1000, [0; 2], 0x1000, 1));
    let four_words = LaunchDma::copy()
        .with_semaphore_type(SemaphoreType::RELEASE_FOUR_WORD_SEMAPHORE)
        .with_interrupt_type(InterruptType::NON_BLOCKING);
    words.extend(launch(four_words));
    rig.submit(&mut channel, &words);
    rig.wait("the interrupt", |rig| {
        rig.bar0.read32(0xb8_1000).unwrap() == 1 << VECTOR
    });
    assert_eq!(rig.get64(semaphore), 7);
    let stamp = rig.get64(semaphore + 8);
    assert!(stamp > 0);
    let one_word = LaunchDma::DEFAULT
        .with_semaphore_type(SemaphoreType::RELEASE_ONE_WORD_SEMAPHORE)
        .with_semaphore_payload_size_two_word(true);
    rig.submit(&mut channel, &launch(one_word));
    rig.wait("the semaphore", |rig| rig.get64(semaphore) == 5 << 32 | 7);
    assert_eq!(rig.get64(semaphore + 8), stamp);
    // A reduction: one more, as long as it is below the payload.
    let reduction = LaunchDma::DEFAULT
        .with_semaphore_type(SemaphoreType::RELEASE_ONE_WORD_SEMAPHORE)
        .with_semaphore_reduction_enable(true);
    let reduction = LaunchDma::new_with_raw_value(reduction.raw_value() | 6 << 14);
    rig.put64(semaphore, 3);
    rig.submit(&mut channel, &launch(reduction));
    rig.wait("the semaphore", |rig| rig.get64(semaphore) == 4);
}

#[test]
fn physical_addresses_are_for_the_privileged() {
    let (mut rig, mut channel, semaphore) = with_channel(|params| {
        (params.privileged, params.deny_physical) = (true, false);
    });
    let (from, to) = (rig.vram(MIB, 4096), rig.system(MIB, 4096));
    let data = noise(1, MIB);
    rig.set_bytes(VRAM, from, &data);
    let mut words = methods(OBJECT, method::SET_SRC_PHYS_MODE, &[0, 1]);
    words.extend(geometry(from, BUS + to, [0; 2], 1 << 20, 1));
    let physical = LaunchDma::copy()
        .with_src_type_physical(true)
        .with_dst_type_physical(true);
    words.extend(launch(physical));
    words.extend(release(SEMAPHORE, 7));
    rig.submit(&mut channel, &words);
    finish(&rig, semaphore);
    assert!(rig.bytes(SYS, to, MIB) == data);
}

#[test]
fn sparse_pages_read_as_zeros_and_lose_writes() {
    let (mut rig, mut channel, semaphore) = with_channel(|_| {});
    let at = rig.vram(0x3000, 4096);
    rig.map(TO, at, 0x3000, VRAM);
    rig.set_bytes(VRAM, at, &noise(1, 0x3000));
    rig.entry(FROM, SMALL_PAGE, Pte::sparse().raw_value());
    rig.entry(FROM + HUGE_PAGE, HUGE_PAGE, Pte::sparse().raw_value());
    let mut words = copy(FROM + 0x800, TO, 0x800);
    words.extend(copy(FROM + HUGE_PAGE, TO + 0x800, 0x1000));
    words.extend(copy(TO, FROM, 0x1000));
    words.extend(copy(FROM, FROM + HUGE_PAGE, 0x1000));
    words.extend(release(SEMAPHORE, 7));
    rig.submit(&mut channel, &words);
    finish(&rig, semaphore);
    let mut expected = noise(1, 0x3000);
    expected[..0x1800].fill(0);
    assert!(rig.bytes(VRAM, at, 0x3000) == expected);
}

/// Seconds that all threads of this process have run: others on the machine do not count.
fn cpu_seconds() -> f64 {
    let ran = nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID.now().unwrap();
    std::time::Duration::from(ran).as_secs_f64()
}

/// How long a copy takes, next to one of memory in this process, each the best of several, in
/// turn. To be run alone and optimised:
/// `cargo test --release -p nova-model --lib copy_rate -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn copy_rate() {
    const LEN: u64 = 64 * MIB;
    let (from, to) = (64 * MIB, 160 * MIB);
    let (mut rig, mut channel, semaphore) = with_channel(|_| {});
    rig.set_bytes(VRAM, from, &noise(1, LEN));
    rig.set_bytes(VRAM, to, &noise(2, LEN));
    let card = rig.model.card.clone();
    let mut payload = 100;
    for (name, page) in [
        ("2 MiB", HUGE_PAGE),
        ("64 KiB", BIG_PAGE),
        ("4 KiB", SMALL_PAGE),
    ] {
        let map = Map { page, ..VRAM };
        let shift = page << 20;
        rig.map(FROM + shift, from, LEN, map);
        rig.map(TO + shift, to, LEN, map);
        let mut memcpy = || {
            let from = card.vram.slice(from, LEN as usize).unwrap();
            from.copy_to_volatile_slice(card.vram.slice(to, LEN as usize).unwrap());
        };
        let mut engine = || {
            payload += 1;
            let mut words = copy(FROM + shift, TO + shift, LEN as u32);
            words.extend(release(SEMAPHORE, payload));
            rig.submit(&mut channel, &words);
            while rig.get64(semaphore) as u32 != payload {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        };
        let mut best = [f64::MAX; 2];
        let mut runs: [&mut dyn FnMut(); 2] = [&mut memcpy, &mut engine];
        for _ in 0..20 {
            for (best, run) in best.iter_mut().zip(&mut runs) {
                let start = cpu_seconds();
                run();
                *best = best.min(cpu_seconds() - start);
            }
        }
        let [memcpy, engine] = best.map(|seconds| LEN as f64 / seconds / 1e9);
        let ratio = engine / memcpy;
        println!("{name} pages: memcpy {memcpy:.2} GB/s, engine {engine:.2} GB/s, {ratio:.3}");
    }
}
