// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! In which order entries are written. After each dword that reaches the card the tables are
//! walked as hardware does: every page leads to what it led to before the operation, or to what
//! it leads to after it, or nowhere. And what the operation does not touch never goes.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
};

use nova_model::{Model, ModelBar, ModelMapping};
use nova_pci::{Bar, BarIndex, BarMemory, DmaMemory, EventFd, Pci, PciError};
use nova_spec::{
    gmmu::{BigPde, Level, Pde, PdeAperture, Pte, SMALL_PAGE},
    regs::PRAMIN,
};

use crate::{
    guest::{GuestMemory, RegionSpec},
    mem::{Backing, Limits, MemoryManager, VramRequest},
    mmu::{AddressSpace, MapFlags},
    testing::{NoScrubber, VramFile},
    Gpu, Timeouts,
};

type Hook = Arc<Mutex<Option<Box<dyn FnMut() + Send>>>>;

/// A model that writes blocks dword by dword, backwards, and tells after each.
struct Spy {
    model: Model,
    hook: Hook,
}

struct SpyBar {
    bar: ModelBar,
    hook: Option<Hook>,
}

impl SpyBar {
    fn tell(&self, offset: u64) {
        let in_window = PRAMIN.offset_of(offset as u32).is_some();
        let hook = self.hook.as_ref().filter(|_| in_window);
        if let Some(hook) = hook.and_then(|hook| hook.lock().unwrap().take()) {
            let mut hook = hook;
            hook();
            *self.hook.as_ref().unwrap().lock().unwrap() = Some(hook);
        }
    }
}

impl Bar for SpyBar {
    fn size(&self) -> u64 {
        self.bar.size()
    }

    fn read32(&self, offset: u64) -> Result<u32, PciError> {
        self.bar.read32(offset)
    }

    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        self.bar.write32(offset, value)?;
        self.tell(offset);
        Ok(())
    }

    fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.bar.read(offset, data)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        for (at, dword) in data.chunks(4).enumerate().rev() {
            let offset = offset + at as u64 * 4;
            self.bar.write(offset, dword)?;
            // A whole table is new, and of no interest until something leads to it.
            if data.len() < 4096 {
                self.tell(offset);
            }
        }
        Ok(())
    }

    fn memory(&self) -> Option<BarMemory> {
        self.bar.memory()
    }
}

impl Pci for Spy {
    type Bar = SpyBar;
    type Mapping = ModelMapping;

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.model.config_read(offset, data)
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.model.config_write(offset, data)
    }

    fn bar(&self, index: BarIndex) -> Result<SpyBar, PciError> {
        let bar = self.model.bar(index)?;
        let hook = (index == BarIndex::Bar0).then(|| self.hook.clone());
        Ok(SpyBar { bar, hook })
    }

    fn rom_size(&self) -> u64 {
        self.model.rom_size()
    }

    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.model.rom_read(offset, data)
    }

    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError> {
        self.model.dma_ranges()
    }

    fn dma_map(&self, at: u64, memory: &Arc<DmaMemory>) -> Result<ModelMapping, PciError> {
        self.model.dma_map(at, memory)
    }

    fn enable_msi(&self) -> Result<EventFd, PciError> {
        self.model.enable_msi()
    }

    fn disable_msi(&self) -> Result<(), PciError> {
        self.model.disable_msi()
    }

    fn reset(&self) -> Result<(), PciError> {
        self.model.reset()
    }
}

/// What pages lead to, without the addresses in them.
type Pages = BTreeMap<u64, u64>;

/// Walks as hardware does, whatever it finds.
struct Walker<'a> {
    vram: &'a VramFile,
    pages: Pages,
}

impl Walker<'_> {
    fn entries(&self, address: u64, count: u64) -> Vec<u64> {
        let mut bytes = vec![0; count as usize * 8];
        self.vram.read(address, &mut bytes);
        let entry = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
        bytes.chunks(8).map(entry).collect()
    }

    fn directory(&mut self, level: Level, address: u64, base: u64) {
        let (below, count) = match level {
            Level::Pd3 => (Level::Pd2, 4),
            Level::Pd2 => (Level::Pd1, 512),
            _ => (Level::Pd0, 512),
        };
        for (at, entry) in (0..).zip(self.entries(address, count)) {
            let (pde, va) = (Pde::new_with_raw_value(entry), base + (at << level.shift()));
            match pde.aperture() {
                PdeAperture::VideoMemory if below == Level::Pd0 => self.pd0(pde.address(), va),
                PdeAperture::VideoMemory => self.directory(below, pde.address(), va),
                _ => {}
            }
        }
    }

    fn pd0(&mut self, address: u64, base: u64) {
        for (at, halves) in (0..).zip(self.entries(address, 512).chunks(2)) {
            let va = base + (at << Level::Pd0.shift());
            let big = BigPde::new_with_raw_value(halves[0]);
            let small = Pde::new_with_raw_value(halves[1]);
            if big.is_pte() {
                self.page(va, halves[0], 512);
                continue;
            }
            let mut hidden = 0u32;
            if big.aperture() == PdeAperture::VideoMemory {
                for (index, entry) in (0..).zip(self.entries(big.address(), 32)) {
                    let pte = Pte::new_with_raw_value(entry);
                    if pte.valid() {
                        self.page(va + (index << 16), entry, 16);
                    }
                    hidden |= u32::from(pte.valid() || pte.is_sparse()) << index;
                }
            }
            if small.aperture() == PdeAperture::VideoMemory {
                for (index, entry) in (0..).zip(self.entries(small.address(), 512)) {
                    let is_hidden = hidden >> (index / 16) & 1 != 0;
                    if !is_hidden && Pte::new_with_raw_value(entry).valid() {
                        self.page(va + (index << 12), entry, 1);
                    }
                }
            }
        }
    }

    fn page(&mut self, va: u64, entry: u64, count: u64) {
        let pte = Pte::new_with_raw_value(entry);
        for page in 0..count {
            let address = pte.address() + page * SMALL_PAGE;
            let lead = address | u64::from(pte.aperture() as u8);
            self.pages.insert(va + page * SMALL_PAGE, lead);
        }
    }
}

fn walk(vram: &VramFile, root: u64) -> Pages {
    let pages = Pages::new();
    let mut walker = Walker { vram, pages };
    walker.directory(Level::Pd3, root, 0);
    walker.pages
}

struct World {
    hook: Hook,
    space: Arc<AddressSpace<Spy>>,
    vram: Arc<VramFile>,
    writes: Arc<Mutex<u32>>,
}

impl World {
    /// Carries out one operation on a range. What it leads to in the end is found by doing it
    /// first in a space of its own.
    fn check(&self, twin: &AddressSpace<Spy>, run: impl Fn(&AddressSpace<Spy>)) {
        let (vram, root) = (self.vram.clone(), self.space.page_directory());
        let before = walk(&vram, root);
        run(twin);
        let after = walk(&vram, twin.page_directory());
        let writes = self.writes.clone();
        *self.hook.lock().unwrap() = Some(Box::new(move || {
            *writes.lock().unwrap() += 1;
            let now = walk(&vram, root);
            for (va, lead) in &now {
                let known = [before.get(va), after.get(va)].contains(&Some(lead));
                assert!(known, "{va:#x} leads to {lead:#x}");
            }
            for (va, lead) in &before {
                if after.get(va) == Some(lead) {
                    assert_eq!(now.get(va), Some(lead), "{va:#x} is gone for a moment");
                }
            }
        }));
        run(&self.space);
        *self.hook.lock().unwrap() = None;
        let (done, wanted) = (self.space.page_directory(), twin.page_directory());
        assert_eq!(walk(&self.vram, done), walk(&self.vram, wanted));
    }
}

#[test]
fn no_page_ever_leads_to_anything_else() {
    const MIB: u64 = 1 << 20;
    const KIB: u64 = 1 << 10;
    let hook = Hook::default();
    let model = Model::builder().build().unwrap();
    let gpu = Gpu::probe(Spy {
        model,
        hook: hook.clone(),
    })
    .unwrap();
    let card = gpu.card();
    let file = card.pci().model.bar(BarIndex::Bar1).unwrap();
    let ranges = [MIB..128 * MIB, 128 * MIB..256 * MIB];
    let memory = MemoryManager::with_ranges(card, &Timeouts::default(), &ranges);
    memory.vram().scrub(&mut NoScrubber, u64::MAX).unwrap();
    let owner = memory.owner("a", Limits::UNLIMITED);
    let space = || AddressSpace::new(&memory, &owner, 0..1 << 40).unwrap();
    let (twin, writes) = (space(), Arc::new(Mutex::new(0)));
    let world = World {
        hook,
        space: space(),
        vram: Arc::new(VramFile::new(file.memory().unwrap().file)),
        writes: writes.clone(),
    };
    // VRAM is low on the bus and a guest's memory is high: every half of an entry differs.
    let guest = GuestMemory::new(&memory, &owner, 1 << 30).unwrap();
    let region = RegionSpec {
        file: DmaMemory::new(8 * MIB).unwrap().file().0.clone(),
        file_offset: 0,
        guest_address: 0,
        len: 8 * MIB,
    };
    guest.update(&[region]).unwrap();
    assert!(guest.bus_address() >= 1 << 40);
    let high: Arc<dyn Backing> = guest.pages([(0, 8 * MIB)]).unwrap();
    let low: Arc<dyn Backing> = memory
        .vram()
        .alloc(&owner, &VramRequest::buffer(8 * MIB).contiguous())
        .unwrap();
    let at = 4 * MIB;
    let map = |memory: &Arc<dyn Backing>, va: u64, offset: u64, len: u64| {
        let memory = memory.clone();
        world.check(&twin, move |space| {
            let flags = MapFlags::default();
            space
                .map(at + va, memory.clone(), offset, len, flags)
                .unwrap();
        });
    };
    let unmap = |va: u64, len: u64| {
        world.check(&twin, |space| space.unmap(at + va, len).unwrap());
    };
    map(&low, 0, 0, 2 * MIB);
    // A huge page is broken by others, of both smaller sizes.
    map(&high, 64 * KIB, 64 * KIB, 128 * KIB);
    map(&high, 320 * KIB, 4 * KIB, 8 * KIB);
    map(&low, 320 * KIB + 4 * KIB, 4 * MIB, 8 * KIB);
    // A big page is broken, and becomes one again.
    unmap(128 * KIB + 4 * KIB, 8 * KIB);
    map(&low, 128 * KIB, 0, 64 * KIB);
    map(&high, 128 * KIB, 2 * MIB, 64 * KIB);
    // All of it becomes one page, by way of other memory.
    map(&high, 0, 2 * MIB, 2 * MIB);
    map(&low, 0, 2 * MIB, 2 * MIB);
    unmap(4 * KIB, 2 * MIB - 8 * KIB);
    map(&high, 64 * KIB, MIB, 64 * KIB + 4 * KIB);
    unmap(0, 2 * MIB);
    world.check(&twin, |space| space.map_sparse(at, 68 * KIB).unwrap());
    map(&high, 0, 0, 4 * KIB);
    assert!(*writes.lock().unwrap() > 200, "{}", writes.lock().unwrap());
}
