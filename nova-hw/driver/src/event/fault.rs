// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why a channel has ended.

use nova_spec::rm::event::{RcTriggered, ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT};

/// What ended a channel before its work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultReason {
    /// A virtual address led nowhere, or not to what was wanted of it.
    #[error("MMU fault of type {fault_type} at {address:#x}")]
    Mmu {
        /// The virtual address.
        address: u64,
        /// The hardware's number for what was wrong.
        fault_type: u32,
    },
    /// Another error, by its `ROBUST_CHANNEL_*` number: 32 is a method that there is not, or that
    /// the channel may not use.
    #[error("channel error {0}")]
    Rc(u32),
    /// The driver stopped it.
    #[error("the channel was stopped")]
    Stopped,
    /// The driver has closed the device.
    #[error("the device was closed")]
    Closed,
    /// The whole card is lost.
    #[error("the card is lost")]
    Lost,
}

impl FaultReason {
    /// What RM's event says.
    pub(crate) fn of(event: &RcTriggered) -> Self {
        match event.exceptType.get() {
            ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT => Self::Mmu {
                address: event.fault_address(),
                fault_type: event.mmuFaultType.get(),
            },
            number => Self::Rc(number),
        }
    }
}

/// A channel that has ended, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelFault {
    /// The channel's id on the card.
    pub chid: u32,
    /// What ended it.
    pub reason: FaultReason,
}
