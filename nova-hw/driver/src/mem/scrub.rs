// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is between owners: VRAM that somebody's data may be in.

use super::{extent::Extents, owner::Charge, vram::VramManager};

/// Why VRAM could not be scrubbed. It stays dirty, and can be scrubbed again.
#[derive(Debug, thiserror::Error)]
#[error("VRAM could not be scrubbed")]
pub struct ScrubError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Fills VRAM with zeros: the daemon's own channel.
pub trait Scrubber {
    /// Fills these pieces with zeros and returns when that has happened and was flushed: an
    /// access by anybody, through anything, then reads zeros.
    ///
    /// # Errors
    /// When it cannot be said that all of it is zero.
    fn scrub(&mut self, extents: &Extents) -> Result<(), ScrubError>;
}

/// VRAM that has to be scrubbed. Nothing maps it: its owner's last reference is gone, and
/// mappings hold references.
#[derive(Debug)]
pub(super) struct Dirty {
    pub(super) extents: Extents,
    /// The last owner pays until it is clean. What is dirty since the start nobody pays for.
    pub(super) charge: Option<Charge>,
}

impl VramManager {
    /// Scrubs VRAM, up to `limit` bytes in one call of the scrubber, until none is dirty; how
    /// many bytes it was. Owners' memory comes before what is dirty since the start.
    ///
    /// # Errors
    /// When the scrubber fails. What it was at stays dirty.
    pub fn scrub(&self, scrubber: &mut dyn Scrubber, limit: u64) -> Result<u64, ScrubError> {
        let mut sum = 0;
        while let Some(batch) = self.take_dirty(limit) {
            let mut extents = Extents::new();
            for extent in batch.iter().flat_map(|dirty| dirty.extents.iter()) {
                // They are pieces of VRAM, of which there is less than 2^64.
                let _ = extents.push(extent);
            }
            if let Err(error) = scrubber.scrub(&extents) {
                self.put_dirty(batch);
                return Err(error);
            }
            sum += extents.len();
            self.put_clean(batch);
        }
        Ok(sum)
    }
}
