// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The steps of a boot and of the way back, and the errors that name them.

use std::fmt;

use super::Cause;

/// What was being done, in the order of a boot, then of an unload. Displays so that it
/// completes "cannot …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Waiting for the card's own firmware.
    WaitForGfw,
    /// Setting the page for flushes of system memory.
    SetFlushPage,
    /// Allocating and filling what GSP reads.
    PrepareMemory,
    /// Finding and checking GSP's firmware.
    LoadFirmware,
    /// Placing the firmware in VRAM.
    LayOutVram,
    /// Reading the VBIOS.
    ReadVbios,
    /// Preparing FWSEC or the booters.
    PrepareUcode,
    /// Looking for a write-protected region that somebody left.
    CheckWpr2,
    /// Resetting the device because of it.
    ResetDevice,
    /// Running FWSEC's FRTS command on GSP.
    RunFwsecFrts,
    /// Resetting GSP for its RISC-V core.
    ResetGsp,
    /// Running booter_load on SEC2.
    RunBooterLoad,
    /// Waiting for GSP's RISC-V core.
    StartRiscv,
    /// Sending the system's description.
    SetSystemInfo,
    /// Sending the registry.
    SetRegistry,
    /// Waiting for RM, and running its sequencer.
    WaitForRm,
    /// Asking what RM found.
    GetStaticInfo,
    /// Putting BAR1 back into physical mode.
    SetUpBar1,
    /// Telling RM to end.
    UnloadRm,
    /// Waiting for GSP to suspend.
    SuspendGsp,
    /// Running FWSEC's SB command on GSP.
    RunFwsecSb,
    /// Running booter_unload on SEC2.
    RunBooterUnload,
    /// Taking the flush page back.
    ClearFlushPage,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WaitForGfw => "wait for the card's own firmware",
            Self::SetFlushPage => "set the sysmem flush page",
            Self::PrepareMemory => "prepare the memory that GSP reads",
            Self::LoadFirmware => "load GSP's firmware",
            Self::LayOutVram => "place the firmware in VRAM",
            Self::ReadVbios => "read the VBIOS",
            Self::PrepareUcode => "prepare the falcons' programs",
            Self::CheckWpr2 => "start with the write-protected region WPR2 clear",
            Self::ResetDevice => "reset the device",
            Self::RunFwsecFrts => "run FWSEC-FRTS on GSP",
            Self::ResetGsp => "reset GSP",
            Self::RunBooterLoad => "run booter_load on SEC2",
            Self::StartRiscv => "start GSP's RISC-V core",
            Self::SetSystemInfo => "send GSP_SET_SYSTEM_INFO",
            Self::SetRegistry => "send SET_REGISTRY",
            Self::WaitForRm => "wait for GSP_INIT_DONE",
            Self::GetStaticInfo => "get RM's static information",
            Self::SetUpBar1 => "put BAR1 into physical mode",
            Self::UnloadRm => "unload RM",
            Self::SuspendGsp => "suspend GSP",
            Self::RunFwsecSb => "run FWSEC-SB on GSP",
            Self::RunBooterUnload => "run booter_unload on SEC2",
            Self::ClearFlushPage => "clear the sysmem flush page",
        })
    }
}

/// Why [`Gpu::boot`](crate::Gpu::boot) failed. What had been done was undone as far as the
/// card let it; a new probe and boot may be tried.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct BootError {
    /// What was being done.
    pub step: Step,
    /// What came of it.
    #[source]
    pub cause: Cause,
}

/// Why [`Booted::unload`](crate::Booted::unload) left something behind. The rest was still
/// done, and the device does no more DMA.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct UnloadError {
    /// The first thing that failed.
    pub step: Step,
    /// What came of it.
    #[source]
    pub cause: Cause,
}

/// A step that failed, on the way to one of the two errors above.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) step: Step,
    pub(crate) cause: Cause,
}

impl From<Failed> for BootError {
    fn from(Failed { step, cause }: Failed) -> Self {
        Self { step, cause }
    }
}

impl From<Failed> for UnloadError {
    fn from(Failed { step, cause }: Failed) -> Self {
        Self { step, cause }
    }
}

/// Names the step of a cause.
pub(crate) trait During<T> {
    /// The same, as what happened in `step`.
    fn during(self, step: Step) -> Result<T, Failed>;
}

impl<T, E: Into<Cause>> During<T> for Result<T, E> {
    fn during(self, step: Step) -> Result<T, Failed> {
        self.map_err(|cause| Failed {
            step,
            cause: cause.into(),
        })
    }
}
