// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! System memory that the driver allocates for somebody.

use nova_pci::DmaMemory;
use nova_spec::gmmu::PteAperture;

use super::{
    backing::{Backing, Sealed},
    extent::{Extent, Extents},
    owner::{Charge, Owner},
};
use crate::dma::DmaBuffer;

/// Memory of this process that the GPU reaches, and that an owner pays for. The IOMMU lets go
/// of it before the charge ends.
#[derive(Debug)]
pub struct SystemMemory<M> {
    buffer: DmaBuffer<M>,
    extents: Extents,
    charge: Charge,
}

impl<M> SystemMemory<M> {
    pub(super) fn new(buffer: DmaBuffer<M>, charge: Charge) -> Self {
        let (address, len) = (buffer.bus_address(), buffer.memory().len());
        Self {
            extents: Extent { address, len }.into(),
            buffer,
            charge,
        }
    }

    /// Where the GPU sees its first byte; the others follow.
    pub fn bus_address(&self) -> u64 {
        self.buffer.bus_address()
    }

    /// The memory itself.
    pub fn memory(&self) -> &DmaMemory {
        self.buffer.memory()
    }
}

impl<M> Sealed for SystemMemory<M> {}

impl<M: Send + Sync> Backing for SystemMemory<M> {
    fn aperture(&self) -> PteAperture {
        PteAperture::SystemCoherent
    }

    fn extents(&self) -> &Extents {
        &self.extents
    }

    fn owner(&self) -> &Owner {
        self.charge.owner()
    }
}
