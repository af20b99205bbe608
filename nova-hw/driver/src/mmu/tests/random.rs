// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Random operations of several owners. After each, the tables are walked and compared with a
//! list of what every page must lead to, and the books with what is allocated.

use std::collections::BTreeMap;

use nova_pci::Pci;
use nova_spec::gmmu::{PteAperture, SMALL_PAGE};
use proptest::prelude::*;

use super::{decode::decode, *};
use crate::{
    mem::{Backing, PageSize, Resource, Usage},
    mmu::{MapError, MapFlags},
    testing::NoScrubber,
};

/// The spaces' addresses: on both sides of an entry of every directory.
const BASE: u64 = (1 << 47) - (4 << 20);
/// Pages in them.
const PAGES: u64 = (10 << 20) / SMALL_PAGE;
const OWNERS: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    Alloc {
        owner: usize,
        page: PageSize,
        pages: u64,
        contiguous: bool,
    },
    AllocSystem {
        owner: usize,
        pages: u64,
    },
    Map {
        space: usize,
        memory: prop::sample::Index,
        /// In units of the alignment.
        at: u64,
        offset: u64,
        align: PageSize,
        /// In pages of 4 KiB.
        len: u64,
        read_only: bool,
    },
    Sparse {
        space: usize,
        at: u64,
        len: u64,
    },
    Unmap {
        space: usize,
        at: u64,
        len: u64,
    },
    Free(prop::sample::Index),
    Scrub,
}

fn step() -> impl Strategy<Value = Step> {
    let page = || prop::sample::select(PageSize::ALL.to_vec());
    let space = 0..OWNERS * 2;
    // Ranges of all sizes: some pages, or about as many as a page of the larger sizes has.
    let len = prop_oneof![
        1..20u64,
        1..64u64,
        500..1100u64,
        Just(16),
        Just(512),
        Just(1024)
    ];
    let index = any::<prop::sample::Index>;
    prop_oneof![
        3 => (0..OWNERS, page(), 1..5u64, any::<bool>()).prop_map(
            |(owner, page, pages, contiguous)| Step::Alloc { owner, page, pages, contiguous }
        ),
        1 => (0..OWNERS, 1..600u64).prop_map(|(owner, pages)| Step::AllocSystem { owner, pages }),
        8 => (space.clone(), index(), 0..PAGES, 0..600u64, page(), len.clone(), any::<bool>())
            .prop_map(|(space, memory, at, offset, align, len, read_only)| {
                Step::Map { space, memory, at, offset, align, len, read_only }
            }),
        1 => (space.clone(), 0..PAGES, len.clone())
            .prop_map(|(space, at, len)| Step::Sparse { space, at, len }),
        5 => (space, 0..PAGES, prop_oneof![len, Just(PAGES)])
            .prop_map(|(space, at, len)| Step::Unmap { space, at, len }),
        2 => index().prop_map(Step::Free),
        1 => Just(Step::Scrub),
    ]
}

/// What a page leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leads {
    To {
        aperture: PteAperture,
        address: u64,
        read_only: bool,
    },
    Nowhere,
}

struct World {
    fixture: Fixture,
    owners: Vec<Owner>,
    spaces: Vec<Arc<AddressSpace<Model>>>,
    oracle: Vec<BTreeMap<u64, Leads>>,
    held: Vec<Arc<dyn Backing>>,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::new();
        let owner = |at: usize| fixture.memory.owner(["x", "y"][at], Limits::UNLIMITED);
        let owners: Vec<_> = (0..OWNERS).map(owner).collect();
        let range = BASE..BASE + PAGES * SMALL_PAGE;
        let space = |at: usize| {
            AddressSpace::new(&fixture.memory, &owners[at % OWNERS], range.clone()).unwrap()
        };
        Self {
            spaces: (0..OWNERS * 2).map(space).collect(),
            oracle: vec![BTreeMap::new(); OWNERS * 2],
            held: Vec::new(),
            owners,
            fixture,
        }
    }

    fn run(&mut self, step: Step) {
        let memory = self.fixture.memory.clone();
        match step {
            Step::Alloc {
                owner,
                page,
                pages,
                contiguous,
            } => {
                let mut request = VramRequest::buffer(pages * page.bytes()).in_pages(page);
                request.contiguous = contiguous;
                if let Ok(new) = memory.vram().alloc(&self.owners[owner], &request) {
                    self.check_fresh(&new);
                    self.held.push(new);
                }
            }
            Step::AllocSystem { owner, pages } => {
                let owner = &self.owners[owner];
                let new = memory.alloc_system(owner, Usage::Buffer, pages * SMALL_PAGE);
                self.held.push(new.unwrap());
            }
            Step::Free(index) if !self.held.is_empty() => {
                self.held.swap_remove(index.index(self.held.len()));
            }
            Step::Scrub => drop(memory.vram().scrub(&mut NoScrubber, 1 << 20).unwrap()),
            Step::Map { space, .. } | Step::Sparse { space, .. } | Step::Unmap { space, .. } => {
                self.map(&step);
                self.check_space(space);
            }
            Step::Free(_) => {}
        }
        self.check_books();
    }

    fn map(&mut self, step: &Step) {
        match *step {
            Step::Map {
                space,
                ref memory,
                at,
                offset,
                align,
                len,
                read_only,
            } => {
                if self.held.is_empty() {
                    return;
                }
                let memory = self.held[memory.index(self.held.len())].clone();
                let align = align.bytes();
                let size = memory.extents().len();
                let va = BASE + at * SMALL_PAGE / align * align;
                let offset = offset * SMALL_PAGE / align * align % size;
                let len = (len * SMALL_PAGE).min(size - offset);
                let flags = MapFlags {
                    read_only,
                    ..MapFlags::default()
                };
                let result = self.spaces[space].map(va, memory.clone(), offset, len, flags);
                let is_inside = va + len <= BASE + PAGES * SMALL_PAGE;
                let is_own = memory.owner() == self.spaces[space].owner();
                match result {
                    Ok(()) => assert!(is_inside && is_own),
                    Err(MapError::OutsideSpace { .. }) => assert!(!is_inside),
                    Err(MapError::Foreign { .. }) => assert!(!is_own),
                    Err(error) => panic!("{error}"),
                }
                if is_inside && is_own {
                    self.expect(space, va, len, |delta| {
                        let extent = memory.extents().at(offset + delta).unwrap();
                        Some(Leads::To {
                            aperture: memory.aperture(),
                            address: extent.address,
                            read_only,
                        })
                    });
                }
            }
            Step::Sparse { space, at, len } => {
                let (va, len) = (BASE + at * SMALL_PAGE, len * SMALL_PAGE);
                if self.spaces[space].map_sparse(va, len).is_ok() {
                    self.expect(space, va, len, |_| Some(Leads::Nowhere));
                }
            }
            Step::Unmap { space, at, len } => {
                let (va, len) = (BASE + at * SMALL_PAGE, len * SMALL_PAGE);
                let len = len.min(BASE + PAGES * SMALL_PAGE - va);
                self.spaces[space].unmap(va, len).unwrap();
                self.expect(space, va, len, |_| None);
            }
            _ => {}
        }
    }

    fn expect(&mut self, space: usize, va: u64, len: u64, leads: impl Fn(u64) -> Option<Leads>) {
        for delta in (0..len).step_by(SMALL_PAGE as usize) {
            match leads(delta) {
                Some(leads) => self.oracle[space].insert(va + delta, leads),
                None => self.oracle[space].remove(&(va + delta)),
            };
        }
    }

    /// New memory is not what anybody still reaches.
    fn check_fresh(&self, new: &VideoMemory) {
        for extent in new.extents().iter() {
            for leads in self.oracle.iter().flat_map(BTreeMap::values) {
                if let Leads::To {
                    aperture: PteAperture::VideoMemory,
                    address,
                    ..
                } = leads
                {
                    assert!(*address < extent.address || *address >= extent.end());
                }
            }
        }
    }

    fn check_space(&self, space: usize) {
        let root = self.spaces[space].page_directory();
        let mut found = BTreeMap::new();
        for (va, leaf) in decode(&self.fixture.vram, root) {
            for delta in (0..leaf.size.bytes()).step_by(SMALL_PAGE as usize) {
                let leads = match leaf.pte.valid() {
                    false => Leads::Nowhere,
                    true => Leads::To {
                        aperture: leaf.pte.aperture(),
                        address: leaf.pte.address() + delta,
                        read_only: leaf.pte.read_only(),
                    },
                };
                found.insert(va + delta, leads);
            }
        }
        assert_eq!(found.len(), self.oracle[space].len());
        for (expected, found) in self.oracle[space].iter().zip(&found) {
            assert_eq!(found, expected);
        }
    }

    /// Every byte that is not free is charged to somebody.
    fn check_books(&self) {
        check_books(&self.fixture.memory);
    }
}

/// The accounts and the allocator agree.
pub(crate) fn check_books<P: Pci>(memory: &MemoryManager<P>) {
    let figures = memory.vram().figures();
    let all = figures.clean + figures.unscrubbed + figures.released + figures.owned;
    assert_eq!(all, figures.total);
    let owners = memory.owners();
    let used = owners.iter().flat_map(|owner| &owner.used);
    let vram = used.filter(|(resource, ..)| *resource == Resource::Vram);
    let charged: u64 = vram.map(|(.., amount)| amount).sum();
    assert_eq!(charged, figures.owned + figures.released);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_tables_say_what_was_asked(steps in prop::collection::vec(step(), 1..70)) {
        let mut world = World::new();
        for step in steps {
            world.run(step);
        }
        let World { fixture, spaces, held, owners, .. } = world;
        drop((spaces, held));
        fixture.memory.vram().scrub(&mut NoScrubber, u64::MAX).unwrap();
        for owner in owners {
            prop_assert_eq!(owner.figures().used, []);
        }
        check_books(&fixture.memory);
    }
}
