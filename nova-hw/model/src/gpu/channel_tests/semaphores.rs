// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Semaphores: who waits, and who lets go.

use nova_pci::Bar;
use nova_spec::host::{method, userd, SemExecute, SemOperation};

use super::rig::*;

const SEMAPHORE: u64 = 0xf0 << 32;

fn rig() -> (Rig, u64) {
    let mut rig = Rig::new();
    let at = rig.vram(4096, 4096);
    rig.map(SEMAPHORE, at, 4096, VRAM);
    (rig, at)
}

fn execute(operation: SemOperation) -> SemExecute {
    SemExecute::DEFAULT.with_operation(operation)
}

#[test]
fn a_channel_waits_for_another_and_neither_blocks_it() {
    let (mut rig, at) = rig();
    let (mut first, mut second) = (rig.channel(1), rig.channel(2));
    let mut words = acquire(SEMAPHORE, 1);
    words.extend(release(SEMAPHORE + 16, 11));
    words.extend(acquire(SEMAPHORE, 3));
    words.extend(release(SEMAPHORE + 32, 12));
    rig.submit(&mut first, &words);
    rig.wait("the wait", |rig| rig.host(|host| host.next_due()).is_some());
    assert_eq!(rig.get64(at + 16), 0);
    // Both ways round: the second waits for the first, which waits for the second.
    let mut words = release(SEMAPHORE, 1);
    words.extend(acquire(SEMAPHORE + 16, 11));
    words.extend(release(SEMAPHORE, 3));
    rig.submit(&mut second, &words);
    rig.wait("the end", |rig| rig.get64(at + 32) == 12);
    rig.wait_idle();
}

#[test]
fn a_release_by_the_cpu_is_found() {
    let (mut rig, at) = rig();
    let mut channel = rig.channel(1);
    let wide = execute(SemOperation::ACQ_STRICT_GEQ).with_payload_size_64bit(true);
    let mut words = semaphore(SEMAPHORE, 5 << 32, wide);
    words.extend(release(SEMAPHORE + 16, 1));
    rig.submit(&mut channel, &words);
    rig.wait("the wait", |rig| rig.host(|host| host.next_due()).is_some());
    rig.put64(at, 0xffff_ffff);
    rig.wait("another look", |rig| {
        rig.host(|host| host.next_due()).is_some()
    });
    assert_eq!(rig.get64(at + 16), 0);
    rig.put64(at, 6 << 32);
    rig.wait("the release", |rig| rig.get64(at + 16) == 1);
}

#[test]
fn releases_and_reductions_write_what_they_say() {
    let (mut rig, at) = rig();
    let mut channel = rig.channel(1);
    for offset in (0..80).step_by(8) {
        rig.put64(at + offset, u64::MAX);
    }
    let release = execute(SemOperation::RELEASE);
    let wide = release.with_payload_size_64bit(true);
    let mut words = semaphore(SEMAPHORE, 7 << 32 | 5, release);
    words.extend(semaphore(SEMAPHORE + 8, 7 << 32 | 5, wide));
    let stamped = wide.with_release_timestamp(true).with_release_wfi(true);
    words.extend(semaphore(SEMAPHORE + 16, 7 << 32 | 5, stamped));
    let add = SemExecute::new_with_raw_value(6 | 5 << 27 | 1 << 31);
    words.extend(semaphore(SEMAPHORE + 32, 3, add));
    words.extend(semaphore(
        SEMAPHORE + 40,
        3,
        add.with_payload_size_64bit(true),
    ));
    // The older way: 4 bytes, then 16 with the time.
    let older = |va: u64, d: u32| {
        let values = [(va >> 32) as u32, va as u32, 9, d];
        methods(0, method::SEMAPHOREA, &values)
    };
    words.extend(older(SEMAPHORE + 48, 2 | 1 << 24));
    words.extend(older(SEMAPHORE + 64, 2));
    rig.submit(&mut channel, &words);
    rig.wait("the last", |rig| rig.get64(at + 64) == 9);
    let rest = 0xffff_ffff << 32;
    assert_eq!(rig.get64(at), rest | 5);
    assert_eq!(rig.get64(at + 8), 7 << 32 | 5);
    assert_eq!(rig.get64(at + 16), 7 << 32 | 5);
    assert_eq!(rig.get64(at + 32), rest | 2);
    assert_eq!(rig.get64(at + 40), 2);
    assert_eq!(rig.get64(at + 48), rest | 9);
    let clock = |rig: &Rig| {
        let low = rig.bar0.read32(0xbb_0080).unwrap();
        u64::from(rig.bar0.read32(0xbb_0084).unwrap()) << 32 | u64::from(low)
    };
    let (first, second) = (rig.get64(at + 24), rig.get64(at + 72));
    assert!(0 < first && first <= second && second <= clock(&rig));
}

#[test]
fn all_ways_to_write_methods_do_the_same() {
    let (mut rig, at) = rig();
    let mut channel = rig.channel(1);
    let header = |op: u32, method: u32, count: u32| op << 29 | count << 16 | method >> 2;
    // The address by one incrementing method, the payload and the rest by the others.
    let mut words = methods(0, method::SEM_ADDR_LO, &[SEMAPHORE as u32, 0xf0]);
    words.extend([header(3, method::SEM_PAYLOAD_LO, 2), 1, 21]);
    words.extend([header(5, method::SEM_PAYLOAD_HI, 2), 0, 1]);
    words.extend([header(4, method::SEM_ADDR_LO, 16)]);
    words.extend([header(4, method::SEM_PAYLOAD_LO, 22)]);
    words.extend([header(4, method::SEM_EXECUTE, 1)]);
    // The format of before Fermi: count from bit 18 on, and the address in bytes.
    words.extend([2 << 18 | method::SEM_ADDR_LO, SEMAPHORE as u32 + 32, 0xf0]);
    words.extend([2 << 29 | 1 << 18 | method::SEM_PAYLOAD_LO, 23]);
    words.extend([header(4, method::SEM_EXECUTE, 1)]);
    // Nothing, a mask of sub-devices, and the end, after which there is no method.
    words.extend([0, 1 << 16 | 0xfff0, 7 << 29, header(1, method::ILLEGAL, 1)]);
    rig.submit(&mut channel, &words);
    // A header at the end of a segment has its values in the next one.
    rig.submit(&mut channel, &[header(1, method::SEM_ADDR_LO, 2)]);
    rig.submit(&mut channel, &[SEMAPHORE as u32 + 48, 0xf0]);
    rig.submit(&mut channel, &[header(4, method::SEM_EXECUTE, 1)]);
    rig.wait_idle();
    assert_eq!(rig.host(|host| host.error_of(channel.id)), None);
    let seen = [0, 16, 32, 48].map(|offset| rig.get64(at + offset));
    assert_eq!(seen, [21, 22, 23, 23]);
}

#[test]
fn the_ring_wraps_and_says_how_far_it_is() {
    let (mut rig, at) = rig();
    let mut channel = rig.channel(1);
    for round in 0..3 * ENTRIES {
        let words = methods(0, method::SET_REFERENCE, &[round]);
        rig.submit(&mut channel, &words);
        rig.wait("GP_GET", |rig| {
            rig.get64(channel.userd + userd::GP_GET) as u32 == (round + 1) % ENTRIES
        });
    }
    // A control entry does nothing.
    rig.ring(&mut channel, 0);
    rig.submit(&mut channel, &release(SEMAPHORE, 1));
    rig.wait("the release", |rig| rig.get64(at) == 1);
    let reference = rig.get64(channel.userd + userd::REFERENCE) as u32;
    assert_eq!(reference, 3 * ENTRIES - 1);
}

#[test]
fn notifications_raise_the_vector_of_the_engine() {
    let (mut rig, _) = rig();
    let mut channel = rig.channel(1);
    rig.submit(&mut channel, &methods(0, method::NON_STALL_INTERRUPT, &[0]));
    let leaf = |rig: &Rig| rig.bar0.read32(0xb8_1000).unwrap();
    rig.wait("the vector", |rig| leaf(rig) == 1 << VECTOR);
    rig.bar0.write32(0xb8_1000, 1 << VECTOR).unwrap();
    rig.submit(&mut channel, &methods(0, method::YIELD, &[0]));
    rig.wait_idle();
    assert_eq!(leaf(&rig), 0);
}
