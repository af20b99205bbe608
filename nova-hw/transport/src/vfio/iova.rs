// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The IOVA ranges in `VFIO_IOMMU_GET_INFO`'s capabilities.

use std::{io, ops::RangeInclusive};

use vfio_bindings::bindings::vfio::{VFIO_IOMMU_INFO_CAPS, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// `struct vfio_iommu_type1_info`.
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Info {
    _argsz: u32,
    flags: u32,
    _page_sizes: u64,
    cap_offset: u32,
    _pad: u32,
}

/// `struct vfio_info_cap_header`; offsets are from the start of the whole.
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Capability {
    id: u16,
    _version: u16,
    next: u32,
}

/// `struct vfio_iommu_type1_info_cap_iova_range` behind its header, before the ranges.
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Ranges {
    count: u32,
    _reserved: u32,
}

/// What a kernel without the capability allows: it cannot say more.
const ALL: RangeInclusive<u64> = 0..=u64::MAX;

/// The ranges at which memory can be mapped, ascending.
pub(crate) fn ranges(info: &[u8]) -> io::Result<Vec<RangeInclusive<u64>>> {
    let broken = || io::Error::other("the kernel's IOMMU info makes no sense");
    let (head, _) = Info::read_from_prefix(info).map_err(|_| broken())?;
    if head.flags & VFIO_IOMMU_INFO_CAPS == 0 {
        return Ok(vec![ALL]);
    }
    let (mut next, mut before) = (head.cap_offset as usize, 0);
    while next != 0 {
        // The list only goes forward, so that it ends.
        let rest = info
            .get(next..)
            .filter(|_| next > before)
            .ok_or_else(broken)?;
        let (capability, rest) = Capability::read_from_prefix(rest).map_err(|_| broken())?;
        if u32::from(capability.id) == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE {
            let (head, rest) = Ranges::read_from_prefix(rest).map_err(|_| broken())?;
            let count = head.count as usize;
            let (pairs, _) =
                <[[u64; 2]]>::ref_from_prefix_with_elems(rest, count).map_err(|_| broken())?;
            return Ok(pairs.iter().map(|[start, end]| *start..=*end).collect());
        }
        before = next;
        next = capability.next as usize;
    }
    Ok(vec![ALL])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As aligned as the kernel's answer is.
    fn info(dwords: &[u32]) -> io::Result<Vec<RangeInclusive<u64>>> {
        let mut buffer = vec![0u64; dwords.len().div_ceil(2)];
        let bytes = zerocopy::IntoBytes::as_mut_bytes(buffer.as_mut_slice());
        for (place, dword) in bytes.chunks_exact_mut(4).zip(dwords) {
            place.copy_from_slice(&dword.to_ne_bytes());
        }
        ranges(zerocopy::IntoBytes::as_bytes(buffer.as_slice()))
    }

    #[test]
    fn the_capability_is_found_behind_others() {
        let head = [0, 3, 0x1000, 0, 24, 0];
        // Migration's (2), then the ranges (1): what an Intel IOMMU leaves around its MSI window.
        let migration = [0x0001_0002, 32];
        let ranges = [
            0x0001_0001,
            0,
            2,
            0,
            0,
            0,
            0xfedf_ffff,
            0,
            0xfef0_0000,
            0,
            !0,
            0x7f,
        ];
        let found = info(&[&head[..], &migration, &ranges].concat()).unwrap();
        assert_eq!(found, [0..=0xfedf_ffff, 0xfef0_0000..=0x7f_ffff_ffff]);
    }

    #[test]
    fn no_capability_is_no_limit_and_a_broken_list_is_an_error() {
        assert_eq!(info(&[0, 1, 0, 0, 0, 0]).unwrap(), [ALL]);
        assert_eq!(info(&[0, 3, 0, 0, 0, 0]).unwrap(), [ALL]);
        for broken in [
            &[0, 3, 0, 0][..],
            // Past the end, onto itself, and more ranges than there are.
            &[0, 3, 0, 0, 64, 0],
            &[0, 3, 0, 0, 24, 0, 0x0001_0002, 24],
            &[0, 3, 0, 0, 24, 0, 0x0001_0001, 0, !0, 0, 0, 0, 1, 0],
        ] {
            assert!(info(broken).is_err(), "{broken:x?}");
        }
    }
}
