// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What GSP-RM reaches of the card: memory, and the host engine.

use nova_spec::rm::NvStatus;

use crate::{
    dma::Dma,
    gpu::host::{ChannelError, Host},
    vram::Vram,
};

/// The card as GSP-RM sees it.
#[derive(Debug)]
pub(crate) struct Env<'a> {
    pub(crate) dma: &'a mut Dma,
    pub(crate) vram: &'a Vram,
    pub(crate) host: &'a mut Host,
}

impl Env<'_> {
    /// Whether VRAM has these bytes.
    pub(super) fn has_vram(&self, address: u64, len: u64) -> bool {
        let end = address.checked_add(len);
        end.is_some_and(|end| end <= self.vram.size())
    }

    /// Writes VRAM. What lies outside is lost: who chose the address has checked it.
    pub(super) fn write_vram(&self, address: u64, data: &[u8]) {
        if let Err(error) = self.vram.write(address, data) {
            tracing::warn!(%error, "GSP-RM writes outside of VRAM");
        }
    }

    /// Writes system memory.
    pub(super) fn write_bus(&mut self, address: u64, data: &[u8]) {
        if let Err(error) = self.dma.write(address, data) {
            tracing::warn!(%error, "GSP-RM cannot write system memory");
        }
    }

    /// Why the host engine refused is RM's to tell.
    pub(super) fn host_result(result: Result<(), ChannelError>) -> Result<(), NvStatus> {
        result.map_err(|error| {
            tracing::warn!(%error, "the host engine refuses");
            match error {
                ChannelError::Taken => NvStatus::NV_ERR_IN_USE,
                ChannelError::Unknown => NvStatus::NV_ERR_INVALID_CHANNEL,
                ChannelError::NoEntries => NvStatus::NV_ERR_INVALID_ARGUMENT,
                ChannelError::TooMany => NvStatus::NV_ERR_INSUFFICIENT_RESOURCES,
            }
        })
    }
}
