// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The seam's rules for offsets, which every transport keeps before it sends anything.

use nova_pci::PciError;

/// Bytes of a PCI Express function's configuration space.
pub(crate) const CONFIG_SIZE: u64 = 4096;
/// Bytes of a conventional PCI function's.
pub(crate) const CONVENTIONAL_CONFIG_SIZE: u64 = 256;

pub(crate) const CONFIG: &str = "configuration space";
pub(crate) const ROM: &str = "the option ROM";

/// All bytes are inside.
pub(crate) fn check_range(
    space: &'static str,
    size: u64,
    offset: u64,
    len: usize,
) -> Result<(), PciError> {
    let end = offset.checked_add(len as u64);
    if end.is_some_and(|end| end <= size) {
        return Ok(());
    }
    Err(PciError::OutOfRange {
        space,
        offset,
        len,
        size,
    })
}

/// A dword's offset.
pub(crate) fn check_aligned(space: &'static str, offset: u64) -> Result<(), PciError> {
    if offset % 4 == 0 {
        return Ok(());
    }
    Err(PciError::Misaligned {
        space,
        offset,
        len: 4,
    })
}

/// 1, 2 or 4 bytes, naturally aligned, inside configuration space.
pub(crate) fn check_config(size: u64, offset: u16, len: usize) -> Result<(), PciError> {
    check_range(CONFIG, size, u64::from(offset), len)?;
    if matches!(len, 1 | 2 | 4) && usize::from(offset) % len == 0 {
        return Ok(());
    }
    Err(PciError::Misaligned {
        space: CONFIG,
        offset: u64::from(offset),
        len,
    })
}
