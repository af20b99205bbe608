// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A way through the tables: one entry of each level, so that tables which point at
//! themselves end it too.

use nova_spec::{
    gmmu::{kind, BigPde, Level, Pde, PdeAperture, Pte, PteAperture, VA_BITS},
    mmu_fault::MmuFaultType,
};

use super::{Aperture, Backing, Memory, MmuFault, Page, PageDirectory};

/// The page of an address. Who accesses it has to [check](super::Access::check).
pub(crate) fn walk(
    memory: &mut Memory<'_>,
    root: Option<PageDirectory>,
    va: u64,
) -> Result<Page, MmuFault> {
    page(memory, root, va, Small::One).map_err(|fault| MmuFault { va, fault })
}

/// As [`walk`], but small pages that lie together in memory are one: entries of page tables are
/// read a line at a time.
pub(super) fn walk_line(
    memory: &mut Memory<'_>,
    root: Option<PageDirectory>,
    va: u64,
) -> Result<Page, MmuFault> {
    page(memory, root, va, Small::Line).map_err(|fault| MmuFault { va, fault })
}

/// Entries of a page table that are read at once.
const LINE: u64 = 16;

/// How small pages are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Small {
    One,
    Line,
}

/// What an entry of a directory says.
enum Next {
    Table(Aperture, u64),
    Page(Page),
}

fn page(
    memory: &mut Memory<'_>,
    root: Option<PageDirectory>,
    va: u64,
    small: Small,
) -> Result<Page, MmuFaultType> {
    if va >> VA_BITS != 0 {
        return Err(MmuFaultType::VA_LIMIT_VIOLATION);
    }
    let root = root.ok_or(MmuFaultType::UNBOUND_INST_BLOCK)?;
    let (mut aperture, mut table) = (root.aperture, root.address);
    for level in [Level::Pd3, Level::Pd2, Level::Pd1] {
        let entry = read(memory, aperture, table, level, va, 0)?;
        match directory(Pde::new_with_raw_value(entry), level, va)? {
            Next::Table(next, address) => (aperture, table) = (next, address),
            Next::Page(page) => return Ok(page),
        }
    }
    last_directory(memory, aperture, table, va, small)
}

/// An entry of a directory above the last.
fn directory(entry: Pde, level: Level, va: u64) -> Result<Next, MmuFaultType> {
    if entry.is_pte() {
        return Err(MmuFaultType::PDE_SIZE);
    }
    match table_aperture(entry.aperture()) {
        Some(aperture) => Ok(Next::Table(aperture, entry.address())),
        None if entry.vol() => Ok(Next::Page(sparse(level, va))),
        None => Err(MmuFaultType::PDE),
    }
}

/// PD0, whose entries lead to a table of big pages and to one of small pages, or are a page.
/// The big table comes first; where it has nothing the small one is asked, unless the entry
/// says that this is of no use.
fn last_directory(
    memory: &mut Memory<'_>,
    aperture: Aperture,
    table: u64,
    va: u64,
    how: Small,
) -> Result<Page, MmuFaultType> {
    let low = read(memory, aperture, table, Level::Pd0, va, 0)?;
    let big = BigPde::new_with_raw_value(low);
    if big.is_pte() {
        let pte = Pte::new_with_raw_value(low);
        return mapped(memory, pte, Level::Pd0, va);
    }
    if let Some(aperture) = table_aperture(big.aperture()) {
        let entry = read(memory, aperture, big.address(), Level::BigPt, va, 0)?;
        let pte = Pte::new_with_raw_value(entry);
        if pte.valid() {
            return mapped(memory, pte, Level::BigPt, va);
        }
        if pte.is_sparse() {
            return Ok(sparse(Level::BigPt, va));
        }
        if pte.privilege() {
            return Err(MmuFaultType::PTE);
        }
    }
    let high = read(memory, aperture, table, Level::Pd0, va, 8)?;
    let small = Pde::new_with_raw_value(high);
    let Some(aperture) = table_aperture(small.aperture()) else {
        return match (table_aperture(big.aperture()), big.vol()) {
            (None, true) => Ok(sparse(Level::Pd0, va)),
            (None, false) => Err(MmuFaultType::PDE),
            (Some(_), _) => Err(MmuFaultType::PTE),
        };
    };
    match how {
        Small::One => {
            let entry = read(memory, aperture, small.address(), Level::Pt, va, 0)?;
            small_page(memory, Pte::new_with_raw_value(entry), va)
        }
        Small::Line => line(memory, aperture, small.address(), va),
    }
}

fn small_page(memory: &Memory<'_>, pte: Pte, va: u64) -> Result<Page, MmuFaultType> {
    match (pte.valid(), pte.is_sparse()) {
        (true, _) => mapped(memory, pte, Level::Pt, va),
        (false, true) => Ok(sparse(Level::Pt, va)),
        (false, false) => Err(MmuFaultType::PTE),
    }
}

/// The small page of an address, or the whole line of pages where that lies together.
fn line(
    memory: &mut Memory<'_>,
    aperture: Aperture,
    table: u64,
    va: u64,
) -> Result<Page, MmuFaultType> {
    let mut data = [0; 8 * LINE as usize];
    let index = Level::Pt.index(va);
    let first = index - index % LINE;
    let at = table.checked_add(8 * first).ok_or(MmuFaultType::PTE)?;
    let read = memory.read(aperture, at, &mut data);
    read.map_err(|_| MmuFaultType::PTE)?;
    let entry = |index: u64| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&data[8 * index as usize..][..8]);
        u64::from_le_bytes(bytes)
    };
    let page = small_page(memory, Pte::new_with_raw_value(entry(index % LINE)), va)?;
    // From entry to entry only the frame counts up.
    let together = (0..LINE).all(|index| entry(index) == entry(0).wrapping_add(index << 8));
    if !together || page.backing == Backing::Sparse {
        return Ok(page);
    }
    let size = LINE << Level::Pt.shift();
    let start = va & !(size - 1);
    let ends = [(0, start), (LINE - 1, start + (size - 1))];
    let [low, high] =
        ends.map(|(index, va)| small_page(memory, Pte::new_with_raw_value(entry(index)), va));
    let (Ok(low), Ok(high)) = (low, high) else {
        return Ok(page);
    };
    let whole = Page { size, ..low };
    match whole.at(high.va) == high.backing {
        true => Ok(whole),
        false => Ok(page),
    }
}

/// What a valid entry maps.
fn mapped(memory: &Memory<'_>, pte: Pte, level: Level, va: u64) -> Result<Page, MmuFaultType> {
    let aperture = match pte.aperture() {
        PteAperture::VideoMemory => Aperture::Vram,
        PteAperture::SystemCoherent | PteAperture::SystemNonCoherent => Aperture::System,
        PteAperture::Peer => return Err(MmuFaultType::UNSUPPORTED_APERTURE),
    };
    if !matches!(pte.kind(), kind::PITCH | kind::GENERIC) {
        return Err(MmuFaultType::UNSUPPORTED_KIND);
    }
    let size = 1 << level.shift();
    let address = pte.address();
    if address % size != 0 {
        return Err(MmuFaultType::PTE);
    }
    if aperture == Aperture::Vram && address.saturating_add(size) > memory.vram.size() {
        return Err(MmuFaultType::REGION_VIOLATION);
    }
    Ok(Page {
        va: va & !(size - 1),
        size,
        backing: Backing::Memory(aperture, address),
        read_only: pte.read_only(),
        privilege: pte.privilege(),
    })
}

/// All that an entry of a level covers, without memory.
fn sparse(level: Level, va: u64) -> Page {
    let size = 1 << level.shift();
    Page {
        va: va & !(size - 1),
        size,
        backing: Backing::Sparse,
        read_only: false,
        privilege: false,
    }
}

/// The half at `half` of an address's entry in a table. A table that is not there has none.
fn read(
    memory: &mut Memory<'_>,
    aperture: Aperture,
    table: u64,
    level: Level,
    va: u64,
    half: u64,
) -> Result<u64, MmuFaultType> {
    let fault = match level {
        Level::Pt | Level::BigPt => MmuFaultType::PTE,
        _ => MmuFaultType::PDE,
    };
    let address = table.checked_add(level.offset(va) + half).ok_or(fault)?;
    memory.read64(aperture, address).map_err(|_| fault)
}

fn table_aperture(aperture: PdeAperture) -> Option<Aperture> {
    match aperture {
        PdeAperture::Invalid => None,
        PdeAperture::VideoMemory => Some(Aperture::Vram),
        PdeAperture::SystemCoherent | PdeAperture::SystemNonCoherent => Some(Aperture::System),
    }
}
