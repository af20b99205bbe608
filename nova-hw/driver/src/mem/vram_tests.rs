// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! VRAM goes round in one direction, and somebody pays for it.

use super::*;
use crate::mem::{owner::Owners, Backing, Limits, PageSize, ScrubError, Scrubber, Usage};

const MIB: u64 = 1 << 20;

/// Notes what it is given, and may fail.
#[derive(Default)]
struct Notes {
    scrubbed: u64,
    calls: u32,
    fails: bool,
}

impl Scrubber for Notes {
    fn scrub(&mut self, extents: &Extents) -> Result<(), ScrubError> {
        if self.fails {
            return Err(ScrubError("no".into()));
        }
        self.scrubbed += extents.len();
        self.calls += 1;
        Ok(())
    }
}

fn manager() -> (Arc<VramManager>, Owner) {
    let owner = Owners::default().add("a", Limits::UNLIMITED);
    (VramManager::new(&[100..4 * MIB, 8 * MIB..12 * MIB]), owner)
}

#[test]
fn all_is_dirty_at_first_and_only_the_driver_gets_of_it() {
    let (vram, owner) = manager();
    let total = 8 * MIB - FRAME;
    let figures = vram.figures();
    assert_eq!((figures.total, figures.unscrubbed), (total, total));
    let error = vram.alloc(&owner, &VramRequest::buffer(1)).unwrap_err();
    assert!(matches!(error, VramError::Exhausted { clean: 0, .. }));
    assert_eq!(owner.used(Resource::Vram), 0);
    let table = vram
        .alloc_unscrubbed(&owner, &VramRequest::small(1, Usage::PageTables))
        .unwrap();
    assert_eq!(
        (vram.figures().owned, owner.used(Resource::Vram)),
        (FRAME, FRAME)
    );
    let mut notes = Notes::default();
    assert_eq!(vram.scrub(&mut notes, MIB).unwrap(), total - FRAME);
    assert!(notes.calls >= 7, "{}", notes.calls);
    assert_eq!(vram.figures().clean, total - FRAME);
    drop(table);
    assert_eq!(
        (vram.figures().released, owner.used(Resource::Vram)),
        (FRAME, FRAME)
    );
    assert_eq!(vram.scrub(&mut notes, MIB).unwrap(), FRAME);
    assert_eq!(
        (vram.figures().clean, owner.used(Resource::Vram)),
        (total, 0)
    );
    assert_eq!(notes.scrubbed, total);
}

#[test]
fn memory_comes_back_only_through_a_scrubber_that_succeeds() {
    let (vram, owner) = manager();
    let mut notes = Notes::default();
    vram.scrub(&mut notes, u64::MAX).unwrap();
    let request = VramRequest::buffer(4 * MIB).in_pages(PageSize::Huge);
    let memory = vram.alloc(&owner, &request).unwrap();
    assert_eq!(memory.extents().len(), 4 * MIB);
    assert!(vram.alloc(&owner, &request.contiguous()).is_err());
    drop(memory);
    let dirty = vram.figures();
    assert_eq!((dirty.released, dirty.owned), (4 * MIB, 0));
    notes.fails = true;
    assert!(vram.scrub(&mut notes, MIB).is_err());
    assert_eq!(
        (vram.figures(), owner.used(Resource::Vram)),
        (dirty, 4 * MIB)
    );
    assert!(vram.alloc(&owner, &request).is_err());
    notes.fails = false;
    assert_eq!(vram.scrub(&mut notes, MIB).unwrap(), 4 * MIB);
    assert_eq!(owner.used(Resource::Vram), 0);
    assert!(vram.alloc(&owner, &request).is_ok());
}

#[test]
fn a_quota_holds_and_sizes_are_checked() {
    let (vram, owner) = manager();
    vram.scrub(&mut Notes::default(), u64::MAX).unwrap();
    owner.set_limit(Resource::Vram, MIB);
    let request = VramRequest::buffer(MIB + 1).in_pages(PageSize::Small);
    let error = vram.alloc(&owner, &request).unwrap_err();
    assert!(matches!(error, VramError::Quota(_)), "{error}");
    for len in [0, u64::MAX, u64::MAX - 4096] {
        let error = vram.alloc(&owner, &VramRequest::buffer(len)).unwrap_err();
        assert!(matches!(error, VramError::Size(_) | VramError::Quota(_)));
    }
    let memory = vram.alloc(&owner, &VramRequest::buffer(MIB)).unwrap();
    assert!(vram
        .alloc_unscrubbed(&owner, &VramRequest::small(1, Usage::Userd))
        .is_err());
    assert_eq!(vram.figures().owned, MIB);
    drop(memory);
}
