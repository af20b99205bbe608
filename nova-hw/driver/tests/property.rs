// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Several owners allocate, map, copy, fill, unmap and free at random. An oracle knows what each
//! byte of each owner's memory must hold; in the end, and now and then, all of it is read back.

#[path = "common/work.rs"]
mod work;

use std::sync::Arc;

use nova_driver::{
    mem::{PageSize, SystemMemory, VideoMemory, VramRequest},
    mmu::MapFlags,
    Command, Device, FaultReason, FenceError, FillValue,
};
use nova_model::{Model, ModelMapping};
use proptest::{prelude::*, test_runner::Config};
use work::{open, read, Tenant, LONG};

/// Objects are mapped at multiples of this, with holes between them.
const SLOT: u64 = 8 << 20;
const FIRST: u64 = 1 << 32;
/// Where an owner reads its memory back.
const WINDOW: u64 = 1 << 30;
const SLOTS: usize = 6;
const OWNERS: usize = 3;
/// The largest object: a huge page, a big one and two small ones.
const LARGEST: u64 = (2 << 20) + (64 << 10) + (8 << 10);

/// What happens. Numbers are cut to what there is.
#[derive(Clone, Debug)]
enum Step {
    /// VRAM in pages of a size, or system memory.
    Alloc {
        slot: usize,
        page: Option<PageSize>,
        len: u64,
    },
    Free {
        slot: usize,
    },
    Unmap {
        slot: usize,
        from: u64,
        len: u64,
    },
    MapAgain {
        slot: usize,
    },
    Copy {
        from: (usize, u64),
        to: (usize, u64),
        len: u64,
    },
    Fill {
        slot: usize,
        at: u64,
        len: u64,
        value: u8,
    },
    Scrub,
    Check,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let slot = || 0..SLOTS;
    let at = || 0..LARGEST;
    let page = prop::option::of(prop::sample::select(PageSize::ALL.to_vec()));
    let step = prop_oneof![
        4 => (slot(), page, 1..=LARGEST)
            .prop_map(|(slot, page, len)| Step::Alloc { slot, page, len }),
        1 => slot().prop_map(|slot| Step::Free { slot }),
        1 => (slot(), at(), at()).prop_map(|(slot, from, len)| Step::Unmap { slot, from, len }),
        1 => slot().prop_map(|slot| Step::MapAgain { slot }),
        6 => ((slot(), at()), (slot(), at()), at())
            .prop_map(|(from, to, len)| Step::Copy { from, to, len }),
        3 => (slot(), at(), at(), any::<u8>())
            .prop_map(|(slot, at, len, value)| Step::Fill { slot, at, len, value }),
        1 => Just(Step::Scrub),
        1 => Just(Step::Check),
    ];
    (0..OWNERS, step)
}

enum Memory {
    Video(Arc<VideoMemory>),
    System(Arc<SystemMemory<ModelMapping>>),
}

/// An object, what it holds, and which of its pages are mapped.
struct Object {
    memory: Memory,
    content: Vec<u8>,
    mapped: Vec<bool>,
}

impl Object {
    fn is_mapped(&self, at: u64, len: u64) -> bool {
        let pages = at / 4096..=(at + len - 1) / 4096;
        pages.into_iter().all(|page| self.mapped[page as usize])
    }
}

struct Player {
    tenant: Tenant<Model>,
    window: Arc<SystemMemory<ModelMapping>>,
    objects: Vec<Option<Object>>,
    queues: u64,
}

fn va(slot: usize) -> u64 {
    // Objects end in the middle of blocks, so that tables of all kinds are next to each other.
    FIRST + slot as u64 * SLOT
}

impl Player {
    fn new(device: &Device<Model>, name: &str) -> Self {
        let tenant = Tenant::new(device, name);
        let window = tenant.system(WINDOW, LARGEST);
        Self {
            tenant,
            window,
            objects: (0..SLOTS).map(|_| None).collect(),
            queues: 0,
        }
    }

    fn map(&self, slot: usize) {
        let Some(object) = &self.objects[slot] else {
            return;
        };
        let len = object.content.len() as u64;
        let flags = MapFlags::default();
        let (space, va) = (&self.tenant.space, va(slot));
        match &object.memory {
            Memory::Video(memory) => space.map(va, memory.clone(), 0, len, flags),
            Memory::System(memory) => space.map(va, memory.clone(), 0, len, flags),
        }
        .unwrap();
    }

    fn alloc(&mut self, slot: usize, page: Option<PageSize>, len: u64) {
        self.free(slot);
        let owner = &self.tenant.owner;
        let page_len = page.map_or(4096, PageSize::bytes);
        let len = len.next_multiple_of(page_len).min(SLOT / 2);
        let memory = match page {
            Some(page) => {
                let request = VramRequest::buffer(len).in_pages(page);
                match owner.alloc_vram(&request) {
                    Ok(memory) => Memory::Video(memory),
                    // The card is full.
                    Err(_) => return,
                }
            }
            None => Memory::System(owner.alloc_system(len).unwrap()),
        };
        self.objects[slot] = Some(Object {
            memory,
            content: vec![0; len as usize],
            mapped: vec![true; (len / 4096) as usize],
        });
        self.map(slot);
    }

    fn free(&mut self, slot: usize) {
        if let Some(object) = self.objects[slot].take() {
            let len = object.content.len() as u64;
            self.tenant.space.unmap(va(slot), len).unwrap();
        }
    }

    fn unmap(&mut self, slot: usize, from: u64, len: u64) {
        let Some(object) = &mut self.objects[slot] else {
            return;
        };
        let pages = object.mapped.len() as u64;
        let first = from / 4096 % pages;
        let count = (len / 4096 + 1).min(pages - first);
        object.mapped[first as usize..(first + count) as usize].fill(false);
        let start = va(slot) + first * 4096;
        self.tenant.space.unmap(start, count * 4096).unwrap();
    }

    fn map_again(&mut self, slot: usize) {
        self.map(slot);
        if let Some(object) = &mut self.objects[slot] {
            object.mapped.fill(true);
        }
    }

    /// Cuts an offset to the object in a slot.
    fn cut(&self, slot: usize, at: u64) -> Option<(u64, u64)> {
        let len = self.objects[slot].as_ref()?.content.len() as u64;
        let at = at % len;
        Some((at, len - at))
    }

    /// Submits one command that may fault, and says whether it did as expected.
    fn run(&mut self, command: Command, is_mapped: bool) {
        let fence = self.tenant.queue.submit(&[command]).unwrap();
        match fence.wait(LONG) {
            Ok(()) => assert!(is_mapped, "{command:?} went through what is not mapped"),
            Err(FenceError::Ended(FaultReason::Mmu { .. })) => {
                assert!(!is_mapped, "{command:?} faults");
                self.queues += 1;
                let va = work::QUEUE + (self.queues << 20);
                let queue = self.tenant.owner.copy_queue(&self.tenant.space, 0, va);
                self.tenant.queue = queue.unwrap();
            }
            Err(error) => panic!("{command:?}: {error:?}"),
        }
    }

    fn copy(&mut self, from: (usize, u64), to: (usize, u64), len: u64) {
        if from.0 == to.0 {
            return;
        }
        let (Some((src, src_left)), Some((dst, dst_left))) =
            (self.cut(from.0, from.1), self.cut(to.0, to.1))
        else {
            return;
        };
        let len = len.max(1).min(src_left).min(dst_left);
        let (Some(source), Some(target)) = (&self.objects[from.0], &self.objects[to.0]) else {
            return;
        };
        let is_mapped = source.is_mapped(src, len) && target.is_mapped(dst, len);
        if !is_mapped {
            // How much is copied before the fault is the engine's business: nothing is wanted of
            // the target, but from a page that is not mapped nothing is read or written at all.
            let (src, dst) = (src / 4096 * 4096, dst / 4096 * 4096);
            if source.is_mapped(src, 1) && target.is_mapped(dst, 1) {
                return;
            }
            let (src, dst) = (va(from.0) + src, va(to.0) + dst);
            return self.run(Command::Copy { src, dst, len: 16 }, false);
        }
        let bytes = source.content[src as usize..(src + len) as usize].to_vec();
        let command = work::copy(va(from.0) + src, va(to.0) + dst, len);
        self.run(command, true);
        if let Some(target) = &mut self.objects[to.0] {
            target.content[dst as usize..(dst + len) as usize].copy_from_slice(&bytes);
        }
    }

    fn fill(&mut self, slot: usize, at: u64, len: u64, value: u8) {
        let Some((at, left)) = self.cut(slot, at) else {
            return;
        };
        let len = len.max(1).min(left);
        let is_mapped = self.objects[slot]
            .as_ref()
            .is_some_and(|it| it.is_mapped(at, len));
        if !is_mapped {
            return;
        }
        let command = Command::Fill {
            dst: va(slot) + at,
            value: FillValue::U8(value),
            count: len,
        };
        self.run(command, true);
        if let Some(object) = &mut self.objects[slot] {
            object.content[at as usize..(at + len) as usize].fill(value);
        }
    }

    /// Reads everything back, by one copy an object, through pages of whatever sizes it has.
    fn check(&mut self) {
        for slot in 0..SLOTS {
            self.map_again(slot);
            let Some(object) = &self.objects[slot] else {
                continue;
            };
            let len = object.content.len();
            for start in (0..len).step_by(LARGEST as usize) {
                let part = (len - start).min(LARGEST as usize);
                self.tenant
                    .run(&[work::copy(va(slot) + start as u64, WINDOW, part as u64)]);
                let found = read(&self.window, 0, part);
                assert!(found == object.content[start..start + part], "slot {slot}");
            }
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 12, failure_persistence: None, ..Config::default() })]
    #[test]
    fn memory_holds_what_it_must(steps in prop::collection::vec(step(), 1..80)) {
        let device = open(work::builder().build().unwrap());
        let mut players: Vec<_> = ["a", "b", "c"].map(|name| Player::new(&device, name)).into();
        for (player, step) in steps {
            let player = &mut players[player];
            match step {
                Step::Alloc { slot, page, len } => player.alloc(slot, page, len),
                Step::Free { slot } => player.free(slot),
                Step::Unmap { slot, from, len } => player.unmap(slot, from, len),
                Step::MapAgain { slot } => player.map_again(slot),
                Step::Copy { from, to, len } => player.copy(from, to, len),
                Step::Fill { slot, at, len, value } => player.fill(slot, at, len, value),
                Step::Scrub => drop(device.scrub().unwrap()),
                Step::Check => player.check(),
            }
        }
        players.iter_mut().for_each(Player::check);
        drop(players);
        let vram = device.memory().vram().figures();
        device.scrub().unwrap();
        let scrubbed = device.memory().vram().figures();
        prop_assert_eq!(scrubbed.clean, vram.clean + vram.released);
        device.close().unload().unwrap();
    }
}
