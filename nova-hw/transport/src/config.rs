// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a transport itself reads in configuration space: what its BARs are (PCI Local Bus
//! Specification 3.0, section 6.2.5).

use nova_pci::{BarIndex, Pci, PciError};

/// The command register's offset.
pub(crate) const COMMAND: u16 = 4;
/// In the command register: the function answers in its memory BARs.
pub(crate) const COMMAND_MEMORY: u16 = 1 << 1;
/// In the command register: the function may start transactions.
pub(crate) const COMMAND_BUS_MASTER: u16 = 1 << 2;
/// The first BAR's offset.
const BAR0: u16 = 0x10;
/// In a BAR: it is in I/O space.
const IO: u32 = 1;
/// In a memory BAR: the next one has the upper half of the address.
const TYPE: u32 = 0b110;
const TYPE_64: u32 = 0b100;

/// What configuration space says of a BAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BarKind {
    Memory,
    Io,
    /// The upper half of the address of the BAR before it.
    UpperHalf,
}

impl BarKind {
    /// Refuses what is no memory BAR of `size` bytes.
    pub(crate) fn check(self, index: BarIndex, size: u64) -> Result<(), PciError> {
        if self == Self::Memory && size.is_power_of_two() && size >= 16 {
            return Ok(());
        }
        Err(PciError::NoBar(index))
    }
}

pub(crate) fn bar_kind<P: Pci>(pci: &P, index: BarIndex) -> Result<BarKind, PciError> {
    let mut kind = BarKind::Memory;
    let mut upper = false;
    for register in 0..=index as u16 {
        let value = pci.config_read32(BAR0 + 4 * register)?;
        kind = match value {
            _ if upper => BarKind::UpperHalf,
            value if value & IO != 0 => BarKind::Io,
            _ => BarKind::Memory,
        };
        upper = kind == BarKind::Memory && value & TYPE == TYPE_64;
    }
    Ok(kind)
}
