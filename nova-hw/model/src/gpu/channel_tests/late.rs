// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channels that are late, and the faults of plans that concern them.

use std::time::Duration;

use nova_pci::Bar;

use super::rig::*;
use crate::Model;

const SEMAPHORE: u64 = 0xf0 << 32;
const MEMORY: u64 = 0xe0 << 32;

/// A card with noise in VRAM, and a page for semaphores in system memory.
fn rig(builder: crate::Builder) -> (Rig, u64, u64) {
    let mut rig = Rig::with(builder);
    let at = rig.system(4096, 4096);
    rig.map(SEMAPHORE, at, 4096, SYS);
    let memory = rig.vram(2 * MIB, 2 * MIB);
    let map = Map {
        page: 2 * MIB,
        ..VRAM
    };
    rig.map(MEMORY, memory, 2 * MIB, map);
    rig.set_bytes(VRAM, memory, &noise(1, MIB));
    (rig, at, memory)
}

fn semaphore(rig: &Rig, at: u64) -> u32 {
    // Reading a register has late writes arrive.
    rig.bar0.read32(0).unwrap();
    rig.system.load32(at).unwrap()
}

#[test]
fn late_channels_do_all_in_their_order() {
    for seed in 0..4 {
        let builder = Model::builder()
            .seed(seed)
            .delayed_channels(Duration::from_micros(300))
            .delayed_writes(Duration::from_micros(300));
        let (mut rig, at, memory) = rig(builder);
        let system = rig.system(MIB, 4096);
        rig.map(1 << 40, system, MIB, SYS);
        let (mut first, mut second) = (rig.channel(1), rig.channel(2));
        let mut words = set_object();
        words.extend(acquire(SEMAPHORE, 1));
        words.extend(copy(1 << 40, MEMORY + MIB, 0x8000));
        words.extend(release(SEMAPHORE, 2));
        rig.submit(&mut second, &words);
        rig.submit(&mut first, &set_object());
        rig.submit(&mut first, &copy(MEMORY, 1 << 40, 0x8000));
        rig.submit(&mut first, &release(SEMAPHORE, 1));
        rig.wait("the second", |rig| semaphore(rig, at) == 2);
        let copied = rig.bytes(VRAM, memory + MIB, 0x8000);
        assert!(copied == noise(1, MIB)[..0x8000], "seed {seed}");
    }
}

#[test]
fn plans_drop_delay_and_hang_steps_of_one_channel() {
    let plan = "copy 1 nth=2 drop\nsemaphore 1 nth=2 drop\nfetch 1 nth=4 delay=5ms\n\
                copy 1 nth=3 hang\nfetch 2 drop";
    let (mut rig, at, memory) = rig(Model::builder().faults(plan.parse().unwrap()));
    let (mut first, mut second) = (rig.channel(1), rig.channel(2));
    rig.submit(&mut first, &set_object());
    let mut words = copy(MEMORY, MEMORY + MIB, 0x100);
    words.extend(copy(MEMORY, MEMORY + MIB + 0x100, 0x100));
    words.extend(release(SEMAPHORE, 1));
    words.extend(release(SEMAPHORE + 16, 2));
    words.extend(release(SEMAPHORE + 32, 3));
    rig.submit(&mut first, &words);
    rig.wait("the third semaphore", |rig| semaphore(rig, at + 32) == 3);
    assert_eq!(semaphore(&rig, at), 1);
    assert_eq!(semaphore(&rig, at + 16), 0);
    let expected = &noise(1, MIB)[..0x100];
    assert!(rig.bytes(VRAM, memory + MIB, 0x100) == expected);
    assert!(rig.bytes(VRAM, memory + MIB + 0x100, 0x100) == [0; 0x100]);
    // It is late, and does nothing any more from the third copy on.
    rig.submit(&mut first, &release(SEMAPHORE, 4));
    rig.submit(&mut first, &copy(MEMORY, MEMORY + MIB + 0x200, 0x100));
    rig.submit(&mut first, &release(SEMAPHORE, 5));
    rig.wait("the late one", |rig| semaphore(rig, at) == 4);
    // The other one loses its first entry and works.
    rig.submit(&mut second, &release(SEMAPHORE + 48, 1));
    rig.submit(&mut second, &release(SEMAPHORE + 64, 1));
    rig.wait("the other", |rig| semaphore(rig, at + 64) == 1);
    assert_eq!(semaphore(&rig, at + 48), 0);
    rig.wait_idle();
    rig.doorbell(first.id.token());
    rig.wait_idle();
    assert_eq!(semaphore(&rig, at), 4);
    assert!(rig.bytes(VRAM, memory + MIB + 0x200, 0x100) == [0; 0x100]);
    // A new channel of its number is not concerned.
    rig.host(|host| host.destroy(first.id)).unwrap();
    let mut again = rig.channel(1);
    rig.submit(&mut again, &release(SEMAPHORE, 6));
    rig.wait("the new one", |rig| semaphore(rig, at) == 6);
}

#[test]
fn faults_of_dma_reach_copies_and_the_whole_card() {
    let plan = "dma-write 0x100700000 corrupt payload\ncopy * nth=2 all-ones";
    let (mut rig, at, _) = rig(Model::builder().faults(plan.parse().unwrap()));
    rig.map(1 << 40, 0x70_0000, MIB, SYS);
    let mut channel = rig.channel(1);
    rig.submit(&mut channel, &set_object());
    rig.submit(&mut channel, &copy(MEMORY, 1 << 40, 16));
    rig.submit(&mut channel, &release(SEMAPHORE, 1));
    rig.wait("the copy", |rig| semaphore(rig, at) == 1);
    let inverted: Vec<u8> = noise(1, MIB)[..16].iter().map(|byte| !byte).collect();
    assert_eq!(rig.bytes(SYS, 0x70_0000, 16), inverted);
    rig.submit(&mut channel, &copy(MEMORY, 1 << 40, 16));
    rig.wait("the end of the card", |rig| {
        rig.bar0.read32(0).unwrap() == u32::MAX
    });
    assert!(!rig.model.card.state().gpu().channels_are_ready());
}
