// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A falcon's DMA: a block at a time between memory and IMEM or DMEM.

use std::ops::Range;

use nova_spec::{
    register::{RelativeRegister, RelativeRegisterArray},
    regs::*,
};

use super::Falcon;
use crate::{dma::Dma, register_file::RegisterFile, vram::Vram};

/// Why a command moved nothing.
#[derive(Debug, thiserror::Error)]
enum TransferError {
    #[error("the aperture is not physical, or physical addresses need a context")]
    Aperture,
    #[error("{0:#x} bytes at {1:#x} are outside of the falcon's memory")]
    Outside(u32, u32),
    #[error("the address is not below 2^49")]
    Address,
    #[error("there is no VRAM there")]
    Vram(#[from] vm_memory::VolatileMemoryError),
    #[error(transparent)]
    Dma(#[from] crate::dma::DmaError),
}

impl Falcon {
    /// Does what the command register says.
    pub(super) fn transfer(&mut self, registers: &RegisterFile, dma: &mut Dma, vram: &Vram) {
        let command = registers.at(NV_PFALCON_FALCON_DMATRFCMD::of(self.engine));
        if let Err(error) = self.try_transfer(registers, command, dma, vram) {
            tracing::warn!(engine = %self.engine, %error, "a DMA of the falcon failed");
        }
    }

    fn try_transfer(
        &mut self,
        registers: &RegisterFile,
        command: NV_PFALCON_FALCON_DMATRFCMD,
        dma: &mut Dma,
        vram: &Vram,
    ) -> Result<(), TransferError> {
        let target = self.aperture(registers, command)?;
        let address = self.address(registers)?;
        let place = self.place(registers, command)?;
        let sysmem = target != FBIF_TRANSCFG_TARGET::LOCAL_FB;
        let end = place.end;
        let (memory, loaded) = match command.imem() {
            true => (&mut self.imem, &mut self.imem_loaded),
            false => (&mut self.dmem, &mut self.dmem_loaded),
        };
        let bytes = &mut memory[place];
        match (command.write(), sysmem) {
            (true, true) => dma.write(address, bytes)?,
            (true, false) => vram.write(address, bytes)?,
            (false, true) => dma.read(address, bytes)?,
            (false, false) => vram.read(address, bytes)?,
        }
        if !command.write() {
            *loaded = end.max(*loaded);
        }
        Ok(())
    }

    /// The memory that the command's aperture reaches.
    fn aperture(
        &self,
        registers: &RegisterFile,
        command: NV_PFALCON_FALCON_DMATRFCMD,
    ) -> Result<FBIF_TRANSCFG_TARGET, TransferError> {
        let index = command.ctxdma().value().into();
        let config = NV_PFALCON_FBIF_TRANSCFG::of_at(self.engine, index);
        let config = registers.at(config.ok_or(TransferError::Aperture)?);
        let control = registers.at(NV_PFALCON_FBIF_CTL::of(self.engine));
        let dmactl = registers.at(NV_PFALCON_FALCON_DMACTL::of(self.engine));
        let physical = config.mem_type() == FBIF_TRANSCFG_MEM_TYPE::PHYSICAL
            && control.allow_phys_no_ctx()
            && !dmactl.require_ctx();
        let target = config.target().ok().filter(|_| physical);
        target.ok_or(TransferError::Aperture)
    }

    /// Base and offset. The sum may be past what a base alone can say.
    fn address(&self, registers: &RegisterFile) -> Result<u64, TransferError> {
        let low = registers.at(NV_PFALCON_FALCON_DMATRFBASE::of(self.engine));
        let high = registers.at(NV_PFALCON_FALCON_DMATRFBASE1::of(self.engine));
        let offset = registers.at(NV_PFALCON_FALCON_DMATRFFBOFFS::of(self.engine));
        let base = u64::from(high.base().value()) << 40 | u64::from(low.value()) << 8;
        let address = base + u64::from(offset.value());
        (address >> 49 == 0)
            .then_some(address)
            .ok_or(TransferError::Address)
    }

    /// The bytes of IMEM or DMEM.
    fn place(
        &self,
        registers: &RegisterFile,
        command: NV_PFALCON_FALCON_DMATRFCMD,
    ) -> Result<Range<usize>, TransferError> {
        let offset = registers.at(NV_PFALCON_FALCON_DMATRFMOFFS::of(self.engine));
        let (offset, len) = (offset.offs().value(), command.size().bytes());
        let place = offset as usize..offset as usize + len as usize;
        (place.end <= super::MEMORY)
            .then_some(place)
            .ok_or(TransferError::Outside(len, offset))
    }
}
