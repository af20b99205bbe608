// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Physical memory as the engines reach it: VRAM without its protected region, and what is
//! behind the bus.

use std::ops::Range;

use nova_spec::mmu_fault::MmuFaultType;

use super::Aperture;
use crate::{dma::Dma, vram::Vram};

/// Both memories.
#[derive(Debug)]
pub(crate) struct Memory<'a> {
    pub(crate) vram: &'a Vram,
    pub(crate) dma: &'a mut Dma,
    /// The write-protected region, which only GSP reaches.
    pub(crate) wpr2: Option<Range<u64>>,
}

impl Memory<'_> {
    /// Whether all these bytes can be there. What is behind the bus is known only by trying.
    pub(crate) fn check(
        &self,
        aperture: Aperture,
        address: u64,
        len: u64,
    ) -> Result<(), MmuFaultType> {
        let end = address.checked_add(len);
        let end = end.ok_or(MmuFaultType::REGION_VIOLATION)?;
        let protected = self.wpr2.as_ref();
        let allowed = match aperture {
            Aperture::System if self.dma.is_master() => true,
            Aperture::System => return Err(MmuFaultType::POISONED),
            Aperture::Vram => {
                end <= self.vram.size()
                    && protected.is_none_or(|wpr2| end <= wpr2.start || wpr2.end <= address)
            }
        };
        match allowed {
            true => Ok(()),
            false => Err(MmuFaultType::REGION_VIOLATION),
        }
    }

    /// Copies out.
    pub(crate) fn read(
        &mut self,
        aperture: Aperture,
        address: u64,
        data: &mut [u8],
    ) -> Result<(), MmuFaultType> {
        self.check(aperture, address, data.len() as u64)?;
        match aperture {
            Aperture::Vram => {
                let done = self.vram.read(address, data);
                done.map_err(|_| MmuFaultType::REGION_VIOLATION)
            }
            Aperture::System => {
                let done = self.dma.read(address, data);
                done.map_err(|_| MmuFaultType::POISONED)
            }
        }
    }

    /// Copies in.
    pub(crate) fn write(
        &mut self,
        aperture: Aperture,
        address: u64,
        data: &[u8],
    ) -> Result<(), MmuFaultType> {
        self.check(aperture, address, data.len() as u64)?;
        match aperture {
            Aperture::Vram => {
                let done = self.vram.write(address, data);
                done.map_err(|_| MmuFaultType::REGION_VIOLATION)
            }
            Aperture::System => {
                let done = self.dma.write(address, data);
                done.map_err(|_| MmuFaultType::POISONED)
            }
        }
    }

    /// Eight bytes, little endian.
    pub(crate) fn read64(&mut self, aperture: Aperture, address: u64) -> Result<u64, MmuFaultType> {
        let mut data = [0; 8];
        self.read(aperture, address, &mut data)?;
        Ok(u64::from_le_bytes(data))
    }
}
