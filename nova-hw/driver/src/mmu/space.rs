// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Address spaces.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nova_pci::Pci;
use nova_spec::gmmu::{Level, SMALL_PAGE, VA_BITS};

use super::{
    commit::{Commit, Retired},
    entries::{Entries, NARROW},
    error::MapError,
    flags::MapFlags,
    plan::{Plan, TableOf},
    records::Records,
    tables::Tables,
    target::Target,
    tlb::Scope,
};
use crate::{
    error::Cause,
    mem::{
        Backing, Charge, MemoryError, MemoryManager, Owner, Resource, Usage, VideoMemory,
        VramError, VramRequest,
    },
};

/// The most that one operation maps: its cost is bounded, whoever asks.
const MAX_LEN: u64 = 1 << 40;
/// Bytes of a table.
const TABLE: u64 = 4096;

fn table() -> VramRequest {
    VramRequest::small(TABLE, Usage::PageTables)
}

struct State {
    records: Records,
    tables: Tables,
    mappings: Charge,
    /// Whether an address was ever used that needs the high half of an entry.
    wide: bool,
    lost: bool,
    /// What an operation that the card failed left.
    limbo: Vec<Retired>,
    /// The root, unless it is somebody else's page in which the space has entries: BAR1's.
    root: Option<VideoMemory>,
}

/// How large a space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceFigures {
    /// How many mappings it has.
    pub mappings: usize,
    /// How many directories below the root.
    pub directories: usize,
    /// In how many blocks of 2 MiB something is mapped.
    pub blocks: usize,
}

/// An address space of an owner, with page tables in VRAM that are charged to it.
///
/// Whatever it maps lives until it is unmapped *and* no TLB has it. The channels that use the
/// space must be gone before it is dropped.
pub struct AddressSpace<P: Pci> {
    memory: Arc<MemoryManager<P>>,
    owner: Owner,
    range: Range<u64>,
    scope: Scope,
    /// What the first entry of a root said that is not the space's own.
    borrowed: Option<u64>,
    state: Mutex<State>,
    _charge: Charge,
}

impl<P: Pci> AddressSpace<P> {
    /// An empty space, in which the addresses of `range` can be mapped, as far as the MMU has
    /// them.
    ///
    /// # Errors
    /// When the owner may not have it, there is no VRAM, or the card cannot be reached.
    pub fn new(
        memory: &Arc<MemoryManager<P>>,
        owner: &Owner,
        range: Range<u64>,
    ) -> Result<Arc<Self>, MemoryError> {
        let charge = owner.charge(Resource::AddressSpaces, Usage::Count, 1)?;
        let root = memory.vram().alloc_unscrubbed(owner, &table())?;
        memory
            .instmem()
            .write(root.address(), &[0; TABLE as usize])?;
        // Whoever is told of the root finds what was written, and not who had the page before.
        memory.tlb().flush()?;
        let scope = Scope::Space(root.address());
        let space = Self::with_root(memory, owner, range, Some(root), scope, charge)?;
        Ok(Arc::new(space))
    }

    /// The space of a BAR, whose root is RM's page. Only the root's first entry is changed, and
    /// put back when the space is dropped. Its pages are never huge, so that what was mapped can
    /// be replaced by repeated pages without one more table.
    pub(crate) fn in_bar(
        memory: &Arc<MemoryManager<P>>,
        root: u64,
        len: u64,
    ) -> Result<Self, MemoryError> {
        let owner = memory.daemon();
        let charge = owner.charge(Resource::AddressSpaces, Usage::Count, 1)?;
        let mut entry = [0; 8];
        memory.instmem().read(root, &mut entry)?;
        let range = 0..len.min(1 << Level::Pd3.shift());
        let mut space = Self::with_root(memory, owner, range, None, Scope::Bar(root), charge)?;
        space.borrowed = Some(u64::from_le_bytes(entry));
        let state = space.state.get_mut();
        state
            .unwrap_or_else(PoisonError::into_inner)
            .tables
            .always_big = true;
        Ok(space)
    }

    fn with_root(
        memory: &Arc<MemoryManager<P>>,
        owner: &Owner,
        range: Range<u64>,
        root: Option<VideoMemory>,
        scope: Scope,
        charge: Charge,
    ) -> Result<Self, MemoryError> {
        let range = range.start..range.end.min(1 << VA_BITS);
        Ok(Self {
            memory: memory.clone(),
            owner: owner.clone(),
            range,
            scope,
            borrowed: None,
            state: Mutex::new(State {
                records: Records::default(),
                tables: Tables::default(),
                mappings: owner.charge(Resource::Mappings, Usage::Count, 0)?,
                wide: memory.vram().end() > NARROW,
                lost: false,
                limbo: Vec::new(),
                root,
            }),
            _charge: charge,
        })
    }

    /// Whose it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The addresses that can be mapped.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The address in VRAM of the root page directory (PD3).
    pub fn page_directory(&self) -> u64 {
        let (Scope::Space(root) | Scope::Bar(root)) = self.scope;
        root
    }

    /// How large it is.
    pub fn figures(&self) -> SpaceFigures {
        let state = self.state();
        SpaceFigures {
            mappings: state.records.len(),
            directories: state.tables.dirs.len(),
            blocks: state.tables.blocks.len(),
        }
    }

    /// Maps `len` bytes of `memory` from `offset` on at `va`, in the largest pages that alignment
    /// allows. What was mapped there is cut, or gone. All three are multiples of 4 KiB.
    ///
    /// # Errors
    /// Nothing has changed, but for [`MapError::Card`].
    pub fn map(
        &self,
        va: u64,
        memory: Arc<dyn Backing>,
        offset: u64,
        len: u64,
        flags: MapFlags,
    ) -> Result<(), MapError> {
        let range = self.check(va, len)?;
        let size = memory.extents().len();
        let end = offset.checked_add(len);
        if offset % SMALL_PAGE != 0 || end.is_none_or(|end| end > size) {
            return Err(MapError::OutsideMemory { offset, len, size });
        }
        if *memory.owner() != self.owner {
            return Err(MapError::Foreign {
                memory: memory.owner().name().into(),
                space: self.owner.name().into(),
            });
        }
        self.replace(
            range,
            Some(Target::memory(memory, offset, flags)),
            &self.owner,
        )
    }

    /// Makes `len` bytes at `va` sparse: reads are 0, and writes are lost.
    ///
    /// # Errors
    /// As of [`Self::map`].
    pub fn map_sparse(&self, va: u64, len: u64) -> Result<(), MapError> {
        let range = self.check(va, len)?;
        self.replace(range, Some(Target::Sparse), &self.owner)
    }

    /// Unmaps what is mapped in `len` bytes at `va`. A page that is only partly in there is
    /// broken down. When this returns, nothing reaches the memory through this space.
    ///
    /// # Errors
    /// As of [`Self::map`]: a page that is broken down needs tables.
    pub fn unmap(&self, va: u64, len: u64) -> Result<(), MapError> {
        let range = self.check_range(va, len)?;
        self.replace(range, None, &self.owner)
    }

    fn check(&self, va: u64, len: u64) -> Result<Range<u64>, MapError> {
        match len <= MAX_LEN {
            true => self.check_range(va, len),
            false => Err(MapError::TooLong { len }),
        }
    }

    fn check_range(&self, va: u64, len: u64) -> Result<Range<u64>, MapError> {
        if len == 0 || va % SMALL_PAGE != 0 || len % SMALL_PAGE != 0 {
            return Err(MapError::Misaligned { va, len });
        }
        va.checked_add(len)
            .filter(|&end| va >= self.range.start && end <= self.range.end)
            .map(|end| va..end)
            .ok_or(MapError::OutsideSpace { va, len })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Maps a range to something else, with tables that `payer` pays for.
    pub(crate) fn replace(
        &self,
        range: Range<u64>,
        target: Option<Target>,
        payer: &Owner,
    ) -> Result<(), MapError> {
        let mut state = self.state();
        if state.lost {
            return Err(MapError::Lost);
        }
        self.memory.tlb().check_open()?;
        let end = target.as_ref().map_or(0, Target::end);
        let wide = state.wide || end > NARROW;
        let plan = state.prepare(&range, target, |table_of| {
            let payer = match table_of {
                TableOf::Space => &self.owner,
                TableOf::Range => payer,
            };
            self.memory.vram().alloc_unscrubbed(payer, &table())
        });
        let (plan, mut retired) = plan?;
        state.wide = wide;
        let state = &mut *state;
        let commit = Commit {
            entries: Entries {
                instmem: self.memory.instmem(),
                wide,
            },
            root: self.page_directory(),
            tables: &mut state.tables,
            records: &state.records,
            range,
            images: Default::default(),
            retired: &mut retired,
        };
        if let Err(cause) = commit.run(plan) {
            state.lost = true;
            state.limbo.push(retired);
            return Err(cause.into());
        }
        match self.memory.tlb().invalidate(self.scope, retired) {
            Ok(retired) => {
                state.let_go(retired);
                Ok(())
            }
            Err(cause) => {
                state.lost = true;
                Err(cause.into())
            }
        }
    }

    /// Puts the entry back in a root that is not the space's own.
    fn leave_root(&self, entry: u64) -> Result<(), Cause> {
        self.memory.tlb().check_open()?;
        let entries = Entries {
            instmem: self.memory.instmem(),
            wide: true,
        };
        entries.directory(self.page_directory(), entry)
    }
}

impl State {
    /// Changes the records and reserves tables for that, or does neither.
    fn prepare(
        &mut self,
        range: &Range<u64>,
        target: Option<Target>,
        alloc: impl FnMut(TableOf) -> Result<VideoMemory, VramError>,
    ) -> Result<(Plan, Retired), MapError> {
        let replaced = self.records.replace(range.clone(), target);
        let before = self.mappings.amount();
        let charged = self.mappings.resize(self.records.len() as u64);
        let plan = charged.map_err(MapError::from).and_then(|()| {
            Plan::new(&mut self.tables, &self.records, range, alloc).map_err(MapError::from)
        });
        match plan {
            Ok(plan) => {
                let retired = Retired {
                    replaced: Some(replaced),
                    ..Retired::default()
                };
                Ok((plan, retired))
            }
            Err(error) => {
                self.records.revert(replaced);
                // Back to what was allowed before, unless a limit came down meanwhile: then the
                // charge stays above what there is, until the next change.
                let _ = self.mappings.resize(before);
                Err(error)
            }
        }
    }

    /// Nothing leads to these any more.
    fn let_go(&mut self, retired: Retired) {
        for slot in retired.slots {
            self.tables.pool.put(slot);
        }
    }
}

impl<P: Pci> Drop for AddressSpace<P> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let records = std::mem::take(&mut state.records);
        let tables = std::mem::take(&mut state.tables);
        let limbo = std::mem::take(&mut state.limbo);
        let root = state.root.take();
        let kept = (records, tables, limbo, root);
        if let Some(entry) = self.borrowed {
            match self.leave_root(entry) {
                Ok(()) | Err(Cause::Unloaded) => {}
                Err(error) => {
                    tracing::warn!(%error, "a BAR's page tables were not taken away");
                    // They are still led to, whatever is invalidated.
                    return self.memory.tlb().keep_for_good(kept);
                }
            }
        }
        if let Err(error) = self.memory.tlb().invalidate(self.scope, kept) {
            tracing::warn!(%error, "the memory of an address space has to wait");
        }
    }
}
