// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What can be mapped.

use nova_spec::gmmu::PteAperture;

use super::{extent::Extents, owner::Owner};

/// Only memory that this crate made can be mapped: nobody else can make an address up.
pub trait Sealed {}

/// Memory that a page-table entry can lead to. A mapping holds a reference to it.
pub trait Backing: Sealed + Send + Sync {
    /// Which memory it is.
    fn aperture(&self) -> PteAperture;

    /// Where it is: addresses of VRAM, or of the bus.
    fn extents(&self) -> &Extents;

    /// Whose it is.
    fn owner(&self) -> &Owner;
}
