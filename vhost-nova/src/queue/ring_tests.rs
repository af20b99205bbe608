// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Ring arithmetic, around the wrap of the indexes.

use super::*;

const TABLE: u64 = 0x1000;
const AVAIL: u64 = 0x2000;
const USED: u64 = 0x3000;
const SIZE: u16 = 8;

fn memory() -> GuestMemoryMmap {
    GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x4000)]).unwrap()
}

fn queue(event_idx: bool, position: u16) -> Queue {
    let mut queue = Queue::new(SIZE).unwrap();
    queue
        .try_set_desc_table_address(GuestAddress(TABLE))
        .unwrap();
    queue
        .try_set_avail_ring_address(GuestAddress(AVAIL))
        .unwrap();
    queue.try_set_used_ring_address(GuestAddress(USED)).unwrap();
    queue.set_event_idx(event_idx);
    queue.set_next_avail(position);
    queue.set_next_used(position);
    queue
}

fn set16(mem: &GuestMemoryMmap, addr: u64, value: u16) {
    mem.write_obj(value.to_le(), GuestAddress(addr)).unwrap();
}

fn get16(mem: &GuestMemoryMmap, addr: u64) -> u16 {
    u16::from_le(mem.read_obj(GuestAddress(addr)).unwrap())
}

#[test]
fn heads_come_in_order_across_the_wrap() {
    let mem = memory();
    for position in [0, 5, 65_530] {
        let mut queue = queue(true, position);
        for at in 0..SIZE {
            let slot = u64::from(position.wrapping_add(at) % SIZE);
            set16(&mem, AVAIL + 4 + 2 * slot, 100 + at);
        }
        set16(&mem, AVAIL + 2, position.wrapping_add(SIZE));
        let mut ring = Ring::new(&mut queue, &mem, false).unwrap();
        for at in 0..SIZE {
            assert_eq!(ring.pop().unwrap().unwrap().index, 100 + at);
        }
        assert!(ring.pop().unwrap().is_none());
    }
}

#[test]
fn an_index_too_far_ahead_or_behind_is_broken() {
    let mem = memory();
    for (position, index) in [(0, SIZE + 1), (0, 0xffff), (65_530, 3 + SIZE), (7, 6)] {
        let mut queue = queue(true, position);
        set16(&mem, AVAIL + 2, index);
        let mut ring = Ring::new(&mut queue, &mem, false).unwrap();
        assert_eq!(
            ring.pop().unwrap_err(),
            Broken::AvailIndex,
            "{position} {index}"
        );
        assert_eq!(queue.next_avail(), position);
    }
}

#[test]
fn used_elements_are_written_before_their_index() {
    let mem = memory();
    let mut queue = queue(true, 65_535);
    let mut ring = Ring::new(&mut queue, &mem, false).unwrap();
    let head = |index| Head {
        index,
        entries: SIZE,
        indirect: false,
    };
    ring.push_used(head(3), 0x1234).unwrap();
    ring.push_used(head(7), 24).unwrap();
    // No descriptor: nothing to return.
    ring.push_used(head(SIZE), 24).unwrap();
    assert_eq!(get16(&mem, USED + 2), 1);
    let slot = |at: u64| USED + 4 + 8 * at;
    assert_eq!(
        (get16(&mem, slot(7)), get16(&mem, slot(7) + 4)),
        (3, 0x1234)
    );
    assert_eq!((get16(&mem, slot(0)), get16(&mem, slot(0) + 4)), (7, 24));
}

#[test]
fn the_driver_is_notified_when_its_index_is_passed() {
    let mem = memory();
    let head = Head {
        index: 0,
        entries: SIZE,
        indirect: false,
    };
    // Position, number of elements, the driver's used_event, the verdict.
    for (position, added, used_event, wanted) in [
        (0, 0, 0, false),
        (0, 1, 0, true),
        (0, 1, 1, false),
        (0, 1, 65_535, false),
        (0, 3, 2, true),
        (0, 3, 3, false),
        (10, 2, 9, false),
        (65_535, 1, 65_535, true),
        (65_535, 2, 0, true),
        (65_535, 2, 1, false),
    ] {
        let mut queue = queue(true, position);
        set16(&mem, AVAIL + 4 + 2 * u64::from(SIZE), used_event);
        let mut ring = Ring::new(&mut queue, &mem, false).unwrap();
        for _ in 0..added {
            ring.push_used(head, 0).unwrap();
        }
        let got = ring.needs_notification().unwrap();
        assert_eq!(got, wanted, "{position} +{added}, {used_event}");
    }
    // Without RING_EVENT_IDX a flag decides.
    for (flags, wanted) in [(0, true), (1, false)] {
        let mut queue = queue(false, 0);
        set16(&mem, AVAIL, flags);
        let mut ring = Ring::new(&mut queue, &mem, false).unwrap();
        assert!(!ring.needs_notification().unwrap());
        ring.push_used(head, 0).unwrap();
        assert_eq!(ring.needs_notification().unwrap(), wanted);
    }
}

#[test]
fn kicks_are_asked_for_and_none_is_lost() {
    let mem = memory();
    for event_idx in [true, false] {
        let mut queue = queue(event_idx, 65_535);
        set16(&mem, AVAIL + 2, 65_535);
        let mut ring = Ring::new(&mut queue, &mem, false).unwrap();
        ring.disable_kicks().unwrap();
        if !event_idx {
            assert_eq!(get16(&mem, USED), 1);
        }
        assert!(!ring.enable_kicks().unwrap());
        assert_eq!(get16(&mem, USED), 0);
        if event_idx {
            assert_eq!(get16(&mem, USED + 4 + 8 * u64::from(SIZE)), 65_535);
        }
        // A chain that came in while kicks were disabled.
        set16(&mem, AVAIL + 2, 0);
        assert!(ring.enable_kicks().unwrap());
        assert!(ring.pop().unwrap().is_some());
        assert!(!ring.enable_kicks().unwrap());
    }
}

#[test]
fn a_ring_outside_memory_is_broken() {
    let mem = memory();
    type Place = fn(&mut Queue, u64);
    let places: [Place; 3] = [
        |queue, addr| {
            queue
                .try_set_desc_table_address(GuestAddress(addr))
                .unwrap()
        },
        |queue, addr| {
            queue
                .try_set_avail_ring_address(GuestAddress(addr))
                .unwrap()
        },
        |queue, addr| queue.try_set_used_ring_address(GuestAddress(addr)).unwrap(),
    ];
    for place in places {
        for addr in [0x4000, 0x4000 - 16, u64::MAX - 15] {
            let mut queue = queue(true, 0);
            place(&mut queue, addr);
            let ring = Ring::new(&mut queue, &mem, false);
            assert_eq!(ring.err(), Some(Broken::OutsideMemory), "{addr:#x}");
        }
    }
}
