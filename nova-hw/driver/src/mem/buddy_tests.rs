// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Frames: none is lost, none is given twice, and pages are aligned.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;

#[test]
fn what_is_given_back_joins_again() {
    let ranges = [0..3 * MIB, 8 * MIB..16 * MIB];
    let mut buddy = Buddy::full(ranges.clone());
    assert_eq!(buddy.free(), 11 * MIB);
    let piece = buddy.contiguous(5 * MIB, FRAME).unwrap();
    assert_eq!((piece.address, buddy.free()), (8 * MIB, 6 * MIB));
    buddy.put(piece);
    let all = buddy.scattered(11 * MIB, FRAME).unwrap();
    assert_eq!((buddy.free(), all.count()), (0, 2));
    all.iter().for_each(|extent| buddy.put(extent));
    assert!(buddy.contiguous(8 * MIB, 8 * MIB).is_some());
    assert_eq!(buddy.free(), 3 * MIB);
}

#[test]
fn an_empty_one_takes_all() {
    let mut buddy = Buddy::empty([FRAME..MIB / 2, MIB / 2..MIB]);
    assert_eq!(buddy.free(), 0);
    assert!(buddy.take_largest(u64::MAX).is_none());
    let (address, len) = (FRAME, MIB - FRAME);
    buddy.put(Extent { address, len });
    assert_eq!(buddy.free(), MIB - FRAME);
    assert_eq!(buddy.take_largest(u64::MAX).unwrap().len, MIB / 2);
    assert_eq!(buddy.take_largest(FRAME).unwrap().len, FRAME);
    assert!(buddy.take_largest(FRAME - 1).is_none());
}

#[test]
fn sizes_that_no_memory_has_are_refused() {
    let mut buddy = Buddy::full([0..MIB / 2, MIB / 2..MIB]);
    assert!(buddy.contiguous(u64::MAX / FRAME * FRAME, FRAME).is_none());
    assert!(buddy.contiguous(1 << 50, FRAME).is_none());
    assert!(buddy.scattered(u64::MAX / FRAME * FRAME, FRAME).is_none());
    assert!(buddy.scattered(2 * MIB, 2 * MIB).is_none());
    assert_eq!(buddy.free(), MIB);
}

#[derive(Clone, Debug)]
enum Step {
    Scattered(u64, u32),
    Contiguous(u64, u32),
    Put(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // 4 KiB, 64 KiB, 2 MiB.
    let page = prop::sample::select(vec![0u32, 4, 9]);
    let step = prop_oneof![
        (1..12u64, page.clone()).prop_map(|(pages, page)| Step::Scattered(pages, page)),
        (1..6u64, page).prop_map(|(pages, page)| Step::Contiguous(pages, page)),
        any::<prop::sample::Index>().prop_map(Step::Put),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_frame_is_lost_or_given_twice(steps in steps()) {
        let ranges = [2 * FRAME..17 * MIB, 20 * MIB..(64 << 20) - FRAME];
        let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let mut buddy = Buddy::full(ranges.clone());
        let mut held: Vec<Extents> = Vec::new();
        let mut frames = BTreeSet::new();
        for step in steps {
            let (taken, page) = match step {
                Step::Scattered(pages, page) => {
                    (buddy.scattered(pages * (FRAME << page), FRAME << page), page)
                }
                Step::Contiguous(pages, page) => {
                    let taken = buddy.contiguous(pages * (FRAME << page), FRAME << page);
                    (taken.map(Extents::from), page)
                }
                Step::Put(index) if !held.is_empty() => {
                    let extents = held.swap_remove(index.index(held.len()));
                    for extent in extents.iter() {
                        (extent.address..extent.end()).step_by(4096).for_each(|frame| {
                            frames.remove(&frame);
                        });
                        buddy.put(extent);
                    }
                    continue;
                }
                Step::Put(_) => continue,
            };
            let Some(extents) = taken else { continue };
            for extent in extents.iter() {
                prop_assert_eq!(extent.address % (FRAME << page), 0);
                prop_assert_eq!(extent.len % (FRAME << page), 0);
                prop_assert!(ranges.iter().any(|range| range.start <= extent.address
                    && extent.end() <= range.end));
                for frame in (extent.address..extent.end()).step_by(4096) {
                    prop_assert!(frames.insert(frame), "{:#x} twice", frame);
                }
            }
            held.push(extents);
            prop_assert_eq!(buddy.free() + frames.len() as u64 * FRAME, total);
        }
    }
}
