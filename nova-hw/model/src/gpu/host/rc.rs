// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Errors that take a channel off its runlist ("robust channels").

use nova_spec::{
    mmu_fault::MmuFaultType,
    rm::event::{
        robust_channel_ce_error, RcTriggered, ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT,
        ROBUST_CHANNEL_PBDMA_ERROR,
    },
};
use zerocopy::FromZeros;

use super::{super::mmu::MmuFault, ChannelId, Environment, Location};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RcKind {
    /// An address led nowhere.
    #[error("{0}")]
    Mmu(#[from] MmuFault),
    /// The host engine met what it does not know, or may not do.
    #[error("PBDMA: {0}")]
    Pbdma(&'static str),
    /// A copy engine did.
    #[error("CE{engine}: {what}")]
    Ce { engine: u32, what: &'static str },
}

/// A channel is off its runlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RcEvent {
    pub(crate) channel: ChannelId,
    /// An `NV2080_ENGINE_TYPE`.
    pub(crate) engine_type: u32,
    pub(crate) kind: RcKind,
}

impl RcKind {
    /// The `ROBUST_CHANNEL_*` number.
    pub(crate) fn except_type(self) -> u32 {
        match self {
            Self::Mmu(_) => ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT,
            Self::Pbdma(_) => ROBUST_CHANNEL_PBDMA_ERROR,
            Self::Ce { engine, .. } => robust_channel_ce_error(engine),
        }
    }
}

/// Says in an error notifier that there is an error.
const STATUS_ERROR: u16 = 0xffff;

impl RcEvent {
    /// Writes the error notifier: nanoseconds, number, engine, status. Where that is not
    /// possible nobody can be told.
    pub(super) fn notify(&self, at: Location, env: &mut Environment<'_>) {
        let mut record = [0; 16];
        record[..8].copy_from_slice(&env.clock_ns.to_le_bytes());
        record[8..12].copy_from_slice(&self.kind.except_type().to_le_bytes());
        record[12..14].copy_from_slice(&(self.engine_type as u16).to_le_bytes());
        record[14..].copy_from_slice(&STATUS_ERROR.to_le_bytes());
        if let Err(fault) = env.memory.write(at.aperture, at.address, &record) {
            tracing::warn!(%fault, "an error notifier cannot be written");
        }
    }

    /// What GSP-RM sends to its client.
    pub(crate) fn payload(&self) -> RcTriggered {
        let (va, fault) = match self.kind {
            RcKind::Mmu(fault) => (fault.va, fault.fault),
            _ => (0, MmuFaultType(0)),
        };
        RcTriggered {
            nv2080EngineType: self.engine_type.into(),
            chid: u32::from(self.channel.chid).into(),
            exceptType: self.kind.except_type().into(),
            mmuFaultAddrLo: (va as u32).into(),
            mmuFaultAddrHi: ((va >> 32) as u32).into(),
            mmuFaultType: fault.0.into(),
            ..RcTriggered::new_zeroed()
        }
    }
}
