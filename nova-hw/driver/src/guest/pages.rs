// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! An object in a guest's memory.

use std::sync::Arc;

use nova_spec::gmmu::PteAperture;

use super::region::Region;
use crate::mem::{Backing, Extents, Owner, Sealed};

/// Pages of a guest. The regions that they are in stay mapped while this lives.
pub struct GuestPages<M> {
    owner: Owner,
    extents: Extents,
    #[allow(dead_code)] // lives for its drop
    regions: Vec<Arc<Region<M>>>,
}

impl<M> GuestPages<M> {
    pub(super) fn new(owner: &Owner, extents: Extents, regions: Vec<Arc<Region<M>>>) -> Self {
        Self {
            owner: owner.clone(),
            extents,
            regions,
        }
    }
}

impl<M> Sealed for GuestPages<M> {}

impl<M: Send + Sync> Backing for GuestPages<M> {
    fn aperture(&self) -> PteAperture {
        PteAperture::SystemCoherent
    }

    fn extents(&self) -> &Extents {
        &self.extents
    }

    fn owner(&self) -> &Owner {
        &self.owner
    }
}
