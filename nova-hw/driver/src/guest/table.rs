// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory tables: what must hold of one, and what differs between two.

use super::{
    region::{Identity, RegionSpec},
    GuestMemoryError,
};

/// The most regions of a table; VIRTIO's monitors know 509 at most.
const MAX_REGIONS: usize = 512;

/// Checks a table for a slot of `len` bytes.
pub(super) fn check(table: &[RegionSpec], len: u64) -> Result<Vec<Identity>, GuestMemoryError> {
    if table.len() > MAX_REGIONS {
        return Err(GuestMemoryError::TooMany(table.len()));
    }
    let mut identities = Vec::with_capacity(table.len());
    for spec in table {
        let (start, size) = (spec.guest_address, spec.len);
        let identity = Identity::of(spec).map_err(|source| GuestMemoryError::File {
            start,
            len: size,
            source,
        })?;
        if !identity.is_whole_pages() {
            return Err(GuestMemoryError::Misaligned { start, len: size });
        }
        if identity.end() > len {
            return Err(GuestMemoryError::OutsideSlot {
                end: identity.end(),
                slot: len,
            });
        }
        identities.push(identity);
    }
    let mut sorted: Vec<_> = identities.iter().collect();
    sorted.sort_by_key(|identity| identity.guest_address);
    match sorted.windows(2).find(|two| two[0].overlaps(two[1])) {
        Some(two) => Err(GuestMemoryError::Overlap(two[1].guest_address)),
        None => Ok(identities),
    }
}
