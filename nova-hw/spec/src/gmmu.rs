// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GMMU version 2, of Pascal to Ada: page directories of four levels over page tables, 49 bits
//! of virtual address. Follows `dev_mmu.h` of gp100 and open-gpu-doc's pascal MMU format.
//!
//! | level | address bits | entries | bytes of an entry |
//! |---|---|---|---|
//! | PD3, the root | 48:47 | 4 | 8 |
//! | PD2 | 46:38 | 512 | 8 |
//! | PD1 | 37:29 | 512 | 8 |
//! | PD0 | 28:21 | 256 | 16: two, for big and small pages |
//! | page table, small | 20:12 | 512 | 8 |
//! | page table, big | 20:16 | 32 | 8 |

use arbitrary_int::{u46, u50};
use bitbybit::{bitenum, bitfield};

/// Bits of a virtual address.
pub const VA_BITS: u32 = 49;
/// Bytes of a page.
pub const SMALL_PAGE: u64 = 4 << 10;
/// Bytes of a big page.
pub const BIG_PAGE: u64 = 64 << 10;
/// Bytes of the page that an entry of PD0 maps by itself.
pub const HUGE_PAGE: u64 = 2 << 20;

/// A level of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The root.
    Pd3,
    /// Under the root.
    Pd2,
    /// Under that.
    Pd1,
    /// The last page directory.
    Pd0,
    /// A page table of small pages.
    Pt,
    /// A page table of big pages.
    BigPt,
}

impl Level {
    /// The lowest address bit that chooses an entry: an entry covers two to its power.
    pub const fn shift(self) -> u32 {
        match self {
            Self::Pd3 => 47,
            Self::Pd2 => 38,
            Self::Pd1 => 29,
            Self::Pd0 => 21,
            Self::Pt => 12,
            Self::BigPt => 16,
        }
    }

    /// Entries of a table.
    pub const fn entries(self) -> u64 {
        match self {
            Self::Pd3 => 4,
            Self::Pd2 | Self::Pd1 | Self::Pt => 512,
            Self::Pd0 => 256,
            Self::BigPt => 32,
        }
    }

    /// Bytes of an entry.
    pub const fn entry_size(self) -> u64 {
        match self {
            Self::Pd0 => 16,
            _ => 8,
        }
    }

    /// Bytes of a table, which is aligned to them.
    pub const fn table_size(self) -> u64 {
        match self {
            Self::BigPt => 256,
            // The root uses 32 bytes of its page.
            _ => 4096,
        }
    }

    /// Which entry an address has.
    pub const fn index(self, va: u64) -> u64 {
        (va >> self.shift()) % self.entries()
    }

    /// Where in its table that entry is.
    pub const fn offset(self, va: u64) -> u64 {
        self.index(va) * self.entry_size()
    }
}

/// Where a table is.
#[bitenum(u2, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum PdeAperture {
    /// There is none.
    Invalid = 0,
    /// VRAM.
    VideoMemory = 1,
    /// System memory, snooped.
    SystemCoherent = 2,
    /// System memory, not snooped.
    SystemNonCoherent = 3,
}

/// Where a page is.
#[bitenum(u2, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum PteAperture {
    /// VRAM.
    VideoMemory = 0,
    /// Another GPU's VRAM.
    Peer = 1,
    /// System memory, snooped.
    SystemCoherent = 2,
    /// System memory, not snooped.
    SystemNonCoherent = 3,
}

/// An entry of PD3, PD2 or PD1, and the small half of PD0's.
#[bitfield(u64, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct Pde {
    /// It is no table but maps a page, as a [`Pte`].
    #[bit(0, rw)]
    is_pte: bool,
    /// Where the table is.
    #[bits(1..=2, rw)]
    aperture: PdeAperture,
    /// The table is not cached in L2.
    #[bit(3, rw)]
    vol: bool,
    /// Address translation services are not asked.
    #[bit(5, rw)]
    no_ats: bool,
    /// The table's address in units of 4 KiB; 25 bits in VRAM.
    #[bits(8..=53, rw)]
    frame: u46,
}

impl Pde {
    /// Leads to a table at `address`; `None` unless that is a multiple of 4 KiB of 58 bits.
    pub fn table(aperture: PdeAperture, address: u64) -> Option<Self> {
        let frame = frame(address)?;
        Some(Self::DEFAULT.with_aperture(aperture).with_frame(frame))
    }

    /// The table's address.
    pub fn address(self) -> u64 {
        self.frame().value() << 12
    }
}

/// The big half of PD0's entry, which is the first; the second is a [`Pde`].
#[bitfield(u64, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct BigPde {
    /// It is no table but maps a page of 2 MiB, as a [`Pte`].
    #[bit(0, rw)]
    is_pte: bool,
    /// Where the table is.
    #[bits(1..=2, rw)]
    aperture: PdeAperture,
    /// The table is not cached in L2.
    #[bit(3, rw)]
    vol: bool,
    /// The table's address in units of 256 bytes.
    #[bits(4..=53, rw)]
    frame: u50,
}

impl BigPde {
    /// Leads to a table at `address`; `None` unless that is a multiple of 256 of 58 bits.
    pub fn table(aperture: PdeAperture, address: u64) -> Option<Self> {
        let frame = u50::try_new(address >> 8)
            .ok()
            .filter(|_| address % 256 == 0)?;
        Some(Self::DEFAULT.with_aperture(aperture).with_frame(frame))
    }

    /// The table's address.
    pub fn address(self) -> u64 {
        self.frame().value() << 8
    }
}

/// How memory is laid out.
pub mod kind {
    /// Row by row.
    pub const PITCH: u8 = 0;
    /// In blocks.
    pub const GENERIC: u8 = 6;
    /// An access is a fault.
    pub const INVALID: u8 = 7;
}

/// An entry of a page table.
#[bitfield(u64, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct Pte {
    /// It maps a page.
    #[bit(0, rw)]
    valid: bool,
    /// Where the page is.
    #[bits(1..=2, rw)]
    aperture: PteAperture,
    /// The page is not cached in L2. An entry that is volatile and not valid is sparse: reads
    /// are 0 and writes are lost.
    #[bit(3, rw)]
    vol: bool,
    /// The page is encrypted.
    #[bit(4, rw)]
    encrypted: bool,
    /// Only privileged accesses reach it. In an entry of a big table that is not valid it says
    /// that the small table has nothing there either: without it the small table is asked.
    #[bit(5, rw)]
    privilege: bool,
    /// Writes are faults.
    #[bit(6, rw)]
    read_only: bool,
    /// Atomics are faults.
    #[bit(7, rw)]
    atomic_disable: bool,
    /// The page's address in units of 4 KiB; 25 bits in VRAM.
    #[bits(8..=53, rw)]
    frame: u46,
    /// How the page is laid out: see [`kind`].
    #[bits(56..=63, rw)]
    kind: u8,
}

impl Pte {
    /// Maps the page at `address`, for reading and writing; `None` unless that is a multiple of
    /// 4 KiB of 58 bits.
    pub fn page(aperture: PteAperture, address: u64) -> Option<Self> {
        let frame = frame(address)?;
        let pte = Self::DEFAULT.with_valid(true).with_aperture(aperture);
        Some(pte.with_frame(frame))
    }

    /// Reads are 0 and writes are lost.
    pub fn sparse() -> Self {
        Self::DEFAULT.with_vol(true)
    }

    /// Whether it is [`sparse`](Self::sparse).
    pub fn is_sparse(self) -> bool {
        !self.valid() && self.vol()
    }

    /// The page's address.
    pub fn address(self) -> u64 {
        self.frame().value() << 12
    }
}

fn frame(address: u64) -> Option<u46> {
    u46::try_new(address >> 12)
        .ok()
        .filter(|_| address % 4096 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_without_loss() {
        let va = 0x1_5abc_def1_2345 & ((1 << VA_BITS) - 1);
        let levels = [Level::Pd3, Level::Pd2, Level::Pd1, Level::Pd0, Level::Pt];
        let together = levels.iter().fold(va % SMALL_PAGE, |sum, level| {
            sum | level.index(va) << level.shift()
        });
        assert_eq!(together, va);
        assert_eq!(Level::BigPt.index(va), va >> 16 & 31);
        assert_eq!(Level::Pd0.offset(3 << 21), 48);
        for level in levels {
            assert!(level.entries() * level.entry_size() <= level.table_size());
        }
        assert_eq!(Level::BigPt.entries() * 8, Level::BigPt.table_size());
    }

    #[test]
    fn entries_are_those_of_the_hardware() {
        let pde = Pde::table(PdeAperture::VideoMemory, 0x1234_5000).unwrap();
        assert_eq!(pde.raw_value(), 0x0123_4500 | 1 << 1);
        assert_eq!(pde.address(), 0x1234_5000);
        let big = BigPde::table(PdeAperture::SystemCoherent, 0x1234_5600).unwrap();
        assert_eq!(big.raw_value(), 0x0123_4560 | 2 << 1);
        assert_eq!(big.address(), 0x1234_5600);
        let pte = Pte::page(PteAperture::SystemCoherent, 0x7fff_ffff_f000).unwrap();
        assert_eq!(pte.raw_value(), 0x07ff_ffff_ff00 | 2 << 1 | 1);
        assert_eq!(pte.with_kind(kind::GENERIC).raw_value() >> 56, 6);
        assert!(Pte::sparse().is_sparse() && !pte.is_sparse());
    }

    #[test]
    fn addresses_that_do_not_fit_are_refused() {
        assert!(Pde::table(PdeAperture::VideoMemory, 0x800).is_none());
        assert!(Pte::page(PteAperture::Peer, 1 << 58).is_none());
        assert!(Pte::page(PteAperture::Peer, u64::MAX).is_none());
        assert!(BigPde::table(PdeAperture::VideoMemory, 0x80).is_none());
        assert!(BigPde::table(PdeAperture::VideoMemory, 1 << 58).is_none());
    }
}
