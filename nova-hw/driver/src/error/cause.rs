// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What went wrong in a step.

use std::time::Duration;

use nova_pci::PciError;
use nova_spec::{
    falcon::FalconEngine, gsp::layout::LayoutError, register::RegisterName, regs::Named,
};

use crate::{
    dma::DmaError,
    firmware::FirmwareError,
    gsp::{MessageError, SequencerError},
    ucode::UcodeError,
    vbios::VbiosError,
};

/// What went wrong in a step of booting or unloading a GPU.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// An access through the seam failed.
    #[error("the device could not be reached")]
    Pci(#[from] PciError),
    /// The card does not answer any more.
    #[error("the GPU has fallen off the bus: {register} reads 0xffffffff")]
    OffTheBus {
        /// The register that told.
        register: Named,
    },
    /// Something did not happen in time.
    #[error("waited {limit:?} for {waited_for}: {register} still reads {value:#010x}")]
    Timeout {
        /// What did not happen.
        waited_for: &'static str,
        /// The register that would have told.
        register: RegisterName,
        /// What it read last.
        value: u32,
        /// How long was waited.
        limit: Duration,
    },
    /// A program on a falcon ended with an error.
    #[error("{program} on {engine} ended with {mailbox0:#010x} in its mailbox")]
    Mailbox {
        /// The program.
        program: &'static str,
        /// Where it ran.
        engine: FalconEngine,
        /// What it left: 0 would be success.
        mailbox0: u32,
    },
    /// FWSEC did not set the region up.
    #[error("FWSEC-FRTS reports error {code:#06x}")]
    Frts {
        /// The code in `NV_PBUS_SW_SCRATCH_0E_FRTS_ERR`.
        code: u16,
    },
    /// FWSEC did not take the region back.
    #[error("FWSEC-SB reports error {code:#06x}")]
    FwsecSb {
        /// The code in `NV_PBUS_SW_SCRATCH_15_FWSEC_SB`.
        code: u16,
    },
    /// The write-protected region is set and cannot be cleared.
    #[error("WPR2 is set at {start:#x}..{end:#x}, and resetting the device did not clear it")]
    Wpr2Set {
        /// Its first byte.
        start: u64,
        /// The byte after it.
        end: u64,
        /// Why the device could not be reset; `None` when it could.
        #[source]
        reset: Option<PciError>,
    },
    /// FWSEC put the region elsewhere, or nowhere.
    #[error("WPR2 is {start:#x}..{end:#x} and should start at {expected:#x}")]
    Wpr2Misplaced {
        /// Its first byte.
        start: u64,
        /// The byte after it; 0 for no region.
        end: u64,
        /// Where it should start.
        expected: u64,
    },
    /// The region is still there after the way back.
    #[error("WPR2 is still set: {start:#x}..{end:#x}")]
    Wpr2Left {
        /// Its first byte.
        start: u64,
        /// The byte after it.
        end: u64,
    },
    /// The RISC-V core does not run.
    #[error("GSP's RISC-V core does not run")]
    RiscvInactive,
    /// The flush page is not the one that was set.
    #[error("the flush page is {found:#x} and was set to {set:#x}")]
    FlushPage {
        /// What the registers hold.
        found: u64,
        /// What was written.
        set: u64,
    },
    /// No window reaches this address of VRAM.
    #[error("VRAM address {address:#x} is beyond what the CPU can reach")]
    VramAddress {
        /// The address.
        address: u64,
    },
    /// GSP-RM was unloaded, and what was made before is of no use any more.
    #[error("the GPU was unloaded")]
    Unloaded,
    /// The device did not take its set-up on the bus again.
    #[error("the device could not be set up again")]
    Bus(#[source] Box<crate::ProbeError>),
    /// Memory for the GPU.
    #[error(transparent)]
    Dma(#[from] DmaError),
    /// Firmware files.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// The VBIOS.
    #[error(transparent)]
    Vbios(#[from] VbiosError),
    /// A falcon's program.
    #[error(transparent)]
    Ucode(#[from] UcodeError),
    /// The place of the firmware in VRAM.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The message queues.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The card was lost before.
    #[error("the card was lost before")]
    Lost(#[source] std::sync::Arc<Cause>),
    /// RM does not let go of something.
    #[error("RM keeps what it should free")]
    Rm(#[source] Box<crate::RmError>),
    /// RM's sequencer.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
}
