// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Events: room, order, whole reads, and files that go away.

use super::toy::{Bench, Toy, ToyFile};
use crate::{sys::drm::OpenFile, test::TestResult};
use core::sync::atomic::Ordering::SeqCst;
use drm_core::event::{Event, PendingEvent, DRIVER_TYPES, HEADER, SPACE};
use kernel_abi::error::{
    code::{EAGAIN, EINVAL, ENOMEM},
    Result,
};

/// An event of 8 bytes of payload.
struct Tick(u64);

impl Event for Tick {
    const TYPE: u32 = DRIVER_TYPES + 1;
    type Bytes = [u8; 8];

    fn to_bytes(&self) -> [u8; 8] {
        self.0.to_ne_bytes()
    }
}

/// An event that fills a quarter of a file's room.
struct Large;

impl Event for Large {
    const TYPE: u32 = DRIVER_TYPES + 2;
    type Bytes = [u8; SPACE / 4 - HEADER];

    fn to_bytes(&self) -> Self::Bytes {
        [7; SPACE / 4 - HEADER]
    }
}

fn reserve(file: &OpenFile<Toy>, event: &impl Event) -> Result<PendingEvent<ToyFile>> {
    PendingEvent::reserve(file.get(), event)
}

fn tick(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&Tick::TYPE.to_ne_bytes());
    bytes[4..8].copy_from_slice(&16u32.to_ne_bytes());
    bytes[8..].copy_from_slice(&number.to_ne_bytes());
    bytes
}

fn events_are_read_whole_and_in_the_order_they_were_sent() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let mut bytes = [0; 64];
    check_eq!(file.read(&mut bytes), Err(EAGAIN));
    let (one, two) = (reserve(&file, &Tick(1))?, reserve(&file, &Tick(2))?);
    check!(!file.is_readable());
    let mut two = two;
    check_eq!(two.update(&Tick(22)), Ok(()));
    check_eq!(two.update(&Large), Err(EINVAL));
    two.send();
    one.send();
    reserve(&file, &Tick(3))?.send();
    check!(file.is_readable());
    check_eq!(file.read(&mut bytes[..15]), Ok(0));
    check_eq!(file.read(&mut bytes[..40]), Ok(32));
    check_eq!(bytes[..16], tick(22));
    check_eq!(bytes[16..32], tick(1));
    check_eq!(file.read(&mut bytes), Ok(16));
    check_eq!(bytes[..16], tick(3));
    check!(!file.is_readable());
    Ok(())
}

fn a_file_has_room_for_so_many_bytes_of_events() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let first = reserve(&file, &Large)?;
    let three = [
        reserve(&file, &Large)?,
        reserve(&file, &Large)?,
        reserve(&file, &Large)?,
    ];
    check_eq!(reserve(&file, &Tick(1)).err(), Some(ENOMEM));
    // Given back when it is cancelled, or read; not when it is sent.
    drop(first);
    let first = reserve(&file, &Large)?;
    first.send();
    check_eq!(reserve(&file, &Tick(1)).err(), Some(ENOMEM));
    check_eq!(file.read(&mut [0; SPACE / 4]), Ok(SPACE / 4));
    drop(reserve(&file, &Large)?);
    drop(three);
    Ok(())
}

fn an_event_may_outlive_its_file() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let (sent, cancelled) = (reserve(&file, &Tick(1))?, reserve(&file, &Tick(2))?);
    reserve(&file, &Tick(3))?.send();
    drop(file);
    check_eq!(bench.counts.files.load(SeqCst), 0);
    sent.send();
    drop(cancelled);
    Ok(())
}

selftests! {
    events_are_read_whole_and_in_the_order_they_were_sent => [
        drm_core::event::Event,
        drm_core::event::PendingEvent,
        drm_core::event::PendingEvent::reserve,
        drm_core::event::PendingEvent::send,
        drm_core::event::PendingEvent::update,
        drm_core::event::DRIVER_TYPES,
    ];
    a_file_has_room_for_so_many_bytes_of_events => [drm_core::event::SPACE, drm_core::event::HEADER];
    an_event_may_outlive_its_file => [];
}
