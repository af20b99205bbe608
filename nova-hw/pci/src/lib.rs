// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The PCI seam: all that a GPU driver may ask of the PCI device under it.
//!
//! `nova-driver` is generic over [`Pci`]; a transport implements it. Offsets, widths and
//! the byte order (little endian) are those of the PCI Local Bus Specification 3.0.
//!
//! # Why a crate of its own
//! The driver calls these traits and the model implements them, and neither may import the
//! other. They are no hardware format either (a BAR's memory is a file descriptor, which
//! needs `std`), so they are not in `nova-spec`.
//!
//! # What is here
//! Configuration space, BARs, the option ROM, memory that the device reaches by DMA
//! ([`DmaMemory`]), one MSI vector, reset. Which bus address memory gets is the caller's choice,
//! within what the transport allows ([`Pci::dma_ranges`]).
#![forbid(unsafe_code)]

mod dma;

pub use dma::{DmaMemory, PAGE_SIZE};
pub use vmm_sys_util::eventfd::EventFd;

use std::{fs::File, io, ops::RangeInclusive, sync::Arc};

/// Why an access through the seam did not happen.
///
/// An access that the *device* does not answer is no error: it reads as all-ones, as on a bus.
#[derive(Debug, thiserror::Error)]
pub enum PciError {
    /// The bytes asked for are not all inside the space addressed.
    #[error("{len} bytes at {offset:#x} are outside {space} ({size:#x} bytes)")]
    OutOfRange {
        /// Name of the space, like `BAR0`.
        space: &'static str,
        /// First byte of the access.
        offset: u64,
        /// Bytes in the access.
        len: usize,
        /// Bytes in the space.
        size: u64,
    },
    /// The access is not of 1, 2 or 4 bytes at a multiple of its size, where it has to be.
    #[error("an access of {len} bytes at {offset:#x} in {space} is not naturally aligned")]
    Misaligned {
        /// Name of the space, like `configuration space`.
        space: &'static str,
        /// First byte of the access.
        offset: u64,
        /// Bytes in the access.
        len: usize,
    },
    /// The device has no memory BAR with this index.
    #[error("the device has no {}", .0.name())]
    NoBar(BarIndex),
    /// Memory cannot be shown to the device at this bus address: it is not on a page, it is
    /// taken, or it is outside of [`Pci::dma_ranges`].
    #[error("{len:#x} bytes cannot be mapped for DMA at bus address {bus_address:#x}")]
    DmaAddress {
        /// The bus address asked for.
        bus_address: u64,
        /// Bytes to map.
        len: u64,
    },
    /// The device has no MSI capability.
    #[error("the device has no MSI")]
    NoMsi,
    /// The transport failed: a socket that closed, an ioctl that was refused.
    #[error("the PCI transport failed")]
    Transport(#[from] io::Error),
}

/// A base address register, by the number of its first dword (a 64-bit BAR takes two).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BarIndex {
    Bar0,
    Bar1,
    Bar2,
    Bar3,
    Bar4,
    Bar5,
}

impl BarIndex {
    /// Every index, in order.
    pub const ALL: [Self; 6] = [
        Self::Bar0,
        Self::Bar1,
        Self::Bar2,
        Self::Bar3,
        Self::Bar4,
        Self::Bar5,
    ];

    /// The name that lspci and the PCI documents use.
    pub const fn name(self) -> &'static str {
        ["BAR0", "BAR1", "BAR2", "BAR3", "BAR4", "BAR5"][self as usize]
    }
}

/// A PCI function that this process owns.
///
/// Shared by threads: each access is atomic towards the others, sequences are the caller's.
pub trait Pci: Send + Sync {
    /// A BAR of this device; it stays usable while it lives.
    type Bar: Bar;
    /// Memory that is mapped for DMA; dropping it takes the mapping away, and only then may the
    /// memory be used for something else.
    type Mapping: Send + Sync + 'static;

    /// Reads 1, 2 or 4 bytes of configuration space, naturally aligned.
    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError>;

    /// Writes 1, 2 or 4 bytes of configuration space, naturally aligned.
    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError>;

    /// Opens a memory BAR; [`PciError::NoBar`] where the device has none at `index`.
    fn bar(&self, index: BarIndex) -> Result<Self::Bar, PciError>;

    /// Bytes of the option ROM's BAR; 0 when the device has none.
    fn rom_size(&self) -> u64;

    /// Reads the option ROM, which the transport enables for the time. Reading past the end is
    /// [`PciError::OutOfRange`].
    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError>;

    /// The bus addresses at which memory can be mapped, ascending: all that the IOMMU and the
    /// platform's reserved ranges leave.
    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError>;

    /// Shows all of `memory` to the device, readable and writable, from `bus_address` on, which
    /// is a multiple of [`PAGE_SIZE`]. The device reaches it while it is a bus master.
    fn dma_map(&self, bus_address: u64, memory: &Arc<DmaMemory>)
        -> Result<Self::Mapping, PciError>;

    /// Turns MSI on, one vector, and returns what counts its interrupts (non-blocking). A
    /// second call replaces the first one's.
    fn enable_msi(&self) -> Result<EventFd, PciError>;

    /// Turns MSI off.
    fn disable_msi(&self) -> Result<(), PciError>;

    /// Resets the function (FLR or what the platform has in its place).
    ///
    /// Afterwards the device is as after power-on, except that the platform keeps the BARs'
    /// addresses. The command register must be set again.
    fn reset(&self) -> Result<(), PciError>;

    /// Reads a byte of configuration space.
    fn config_read8(&self, offset: u16) -> Result<u8, PciError> {
        let mut data = [0];
        self.config_read(offset, &mut data)?;
        Ok(data[0])
    }

    /// Reads a word of configuration space.
    fn config_read16(&self, offset: u16) -> Result<u16, PciError> {
        let mut data = [0; 2];
        self.config_read(offset, &mut data)?;
        Ok(u16::from_le_bytes(data))
    }

    /// Reads a dword of configuration space.
    fn config_read32(&self, offset: u16) -> Result<u32, PciError> {
        let mut data = [0; 4];
        self.config_read(offset, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }
}

/// A memory BAR. How it is reached (mapped, `pread`, a message) is the transport's choice.
pub trait Bar: Send + Sync {
    /// Size in bytes: a power of two.
    fn size(&self) -> u64;

    /// Reads a dword in one access; `offset` is a multiple of 4.
    fn read32(&self, offset: u64) -> Result<u32, PciError>;

    /// Writes a dword in one access; `offset` is a multiple of 4.
    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError>;

    /// Reads bytes. For memory: nothing is said about the size or order of the accesses.
    fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError>;

    /// Writes bytes. For memory: nothing is said about the size or order of the accesses, but
    /// that four bytes at a multiple of 4 which are all written go in one.
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError>;

    /// The BAR's memory, where it can be mapped. A mapping bypasses the seam: it may fault or
    /// read anything while the device does not decode memory.
    fn memory(&self) -> Option<BarMemory>;
}

/// The part of a file that is a BAR's memory, to be mapped shared.
#[derive(Clone, Debug)]
pub struct BarMemory {
    /// The file to map.
    pub file: Arc<File>,
    /// Where the BAR starts in it, in bytes.
    pub offset: u64,
    /// Bytes of the BAR.
    pub len: u64,
}
