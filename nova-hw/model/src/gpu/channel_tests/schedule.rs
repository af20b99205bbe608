// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Turns, and channels that come and go.

use nova_pci::Pci;
use nova_spec::{
    ce::LaunchDma,
    host::GpEntry,
    pci::{command, header},
};

use super::rig::*;
use crate::{
    gpu::host::{ChannelError, ChannelId, GroupId, GroupSettings, Interleave},
    Model,
};

const SEMAPHORE: u64 = 0xf0 << 32;
const MEMORY: u64 = 0xe0 << 32;

fn rig_of(rig: Rig) -> (Rig, u64) {
    let mut rig = rig;
    let at = rig.vram(4096, 4096);
    rig.map(SEMAPHORE, at, 4096, VRAM);
    let memory = rig.vram(4 * MIB, 2 * MIB);
    let map = Map {
        page: 2 * MIB,
        ..VRAM
    };
    rig.map(MEMORY, memory, 4 * MIB, map);
    (rig, at)
}

fn rig() -> (Rig, u64) {
    rig_of(Rig::new())
}

/// Copies without end: 2^32 lines of 2 MiB.
fn endless(rig: &Rig, channel: &mut Channel) {
    let mut words = set_object();
    words.extend(geometry(
        MEMORY,
        MEMORY + 2 * MIB,
        [0; 2],
        2 << 20,
        u32::MAX,
    ));
    words.extend(launch(LaunchDma::copy().with_multi_line_enable(true)));
    rig.submit(channel, &words);
    rig.wait("its start", |rig| rig.model.counters().bytes > 0);
}

fn works(rig: &Rig, channel: &mut Channel, at: u64, payload: u32) {
    rig.submit(channel, &release(SEMAPHORE, payload));
    rig.wait("the release", |rig| rig.get64(at) == u64::from(payload));
}

#[test]
fn who_never_ends_stops_nobody_and_can_be_ended() {
    let (mut rig, at) = rig();
    let (mut busy, mut other) = (rig.channel(1), rig.channel(2));
    endless(&rig, &mut busy);
    works(&rig, &mut other, at, 1);
    // Off the runlist nothing of it happens any more.
    rig.host(|host| host.disable(busy.id)).unwrap();
    let memory = rig.bytes(VRAM, 0, 8);
    let bytes = rig.model.counters().bytes;
    rig.wait_idle();
    assert!(rig.model.counters().bytes <= bytes + 16 * MIB);
    let bytes = rig.model.counters().bytes;
    works(&rig, &mut other, at, 2);
    assert_eq!(rig.model.counters().bytes, bytes);
    assert_eq!(rig.bytes(VRAM, 0, 8), memory);
    rig.schedule(busy.id);
    rig.wait("more", |rig| rig.model.counters().bytes > bytes);
    rig.host(|host| host.destroy(busy.id)).unwrap();
    rig.wait_idle();
    works(&rig, &mut other, at, 3);
    // Its number is free.
    let mut again = rig.channel(1);
    works(&rig, &mut again, at, 4);
}

#[test]
fn a_loop_of_methods_stops_nobody() {
    let (mut rig, at) = rig();
    let (mut busy, mut other) = (rig.channel(1), rig.channel(2));
    // An entry as long as can be, of words that do nothing, and each in the ring is the same.
    let zeros = GpEntry::push(MEMORY, (1 << 20) - 1).unwrap();
    for _ in 0..ENTRIES - 1 {
        rig.ring(&mut busy, zeros.raw_value());
    }
    works(&rig, &mut other, at, 1);
    assert!(rig.host(|host| host.is_ready()));
    rig.host(|host| host.destroy(busy.id)).unwrap();
}

#[test]
fn some_firmware_ignores_what_it_is_told() {
    let settings = GroupSettings {
        timeslice_us: 100,
        interleave: Interleave::High,
    };
    let (mut rig, at) = rig_of(Rig::with(Model::builder().ignores_scheduling()));
    let mut channel = rig.channel(1);
    rig.host(|host| {
        host.set_group(GroupId(1), settings);
        host.disable(channel.id).unwrap();
    });
    works(&rig, &mut channel, at, 1);
    // Ending it ends it, though.
    rig.host(|host| host.schedule(channel.id, false)).unwrap();
    rig.submit(&mut channel, &release(SEMAPHORE, 2));
    rig.wait_idle();
    assert_eq!(rig.get64(at), 1);
}

#[test]
fn what_rang_while_it_was_off_happens_later() {
    let (mut rig, at) = rig();
    let mut channel = rig.channel(1);
    rig.host(|host| host.schedule(channel.id, false)).unwrap();
    rig.submit(&mut channel, &release(SEMAPHORE, 1));
    rig.wait_idle();
    assert_eq!(rig.get64(at), 0);
    rig.schedule(channel.id);
    rig.wait("the release", |rig| rig.get64(at) == 1);
}

#[test]
fn ids_are_checked() {
    let (mut rig, _) = rig();
    let channel = rig.channel(1);
    let nobody = ChannelId {
        runlist: RUNLIST + 1,
        chid: 1,
    };
    rig.host(|host| {
        assert_eq!(host.destroy(nobody), Err(ChannelError::Unknown));
        assert_eq!(host.schedule(nobody, true), Err(ChannelError::Unknown));
        assert_eq!(host.disable(nobody), Err(ChannelError::Unknown));
        assert_eq!(
            host.set_page_directory(nobody, None),
            Err(ChannelError::Unknown)
        );
    });
    for token in [nobody.token(), 0, u32::MAX, channel.id.token() | 1 << 12] {
        rig.doorbell(token);
    }
    rig.wait_idle();
    assert_eq!(rig.host(|host| host.error_of(channel.id)), None);
}

#[test]
fn an_idle_card_has_nothing_to_wake_for() {
    let (mut rig, at) = rig();
    let mut channel = rig.channel(1);
    works(&rig, &mut channel, at, 1);
    rig.wait_idle();
    assert_eq!(rig.model.card.state().advance(), None);
}

#[test]
fn a_reset_and_the_end_of_bus_mastering_stop_all() {
    let (mut rig, _) = rig();
    let mut busy = rig.channel(1);
    endless(&rig, &mut busy);
    rig.model.reset().unwrap();
    let bytes = rig.model.counters().bytes;
    rig.wait_idle();
    assert!(rig.model.counters().bytes == bytes);
    let gone = rig.host(|host| host.destroy(busy.id));
    assert_eq!(gone, Err(ChannelError::Unknown));

    let (mut rig, _) = self::rig();
    let mut busy = rig.channel(1);
    endless(&rig, &mut busy);
    let memory_only = command::MEMORY.to_le_bytes();
    rig.model
        .config_write(header::COMMAND, &memory_only)
        .unwrap();
    // Its ring is behind the bus; the copy itself is not, and goes on.
    rig.host(|host| host.destroy(busy.id)).unwrap();
    let mut channel = {
        let mut channel = rig.channel(2);
        rig.submit(&mut channel, &set_object());
        channel
    };
    let error = rig.error(&channel).kind;
    assert_eq!(error.except_type(), 31, "{error}");
    rig.submit(&mut channel, &set_object());
}
