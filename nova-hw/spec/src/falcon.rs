// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Falcon, NVIDIA's microcontroller: which of them there are, and the unit in which their
//! memories are loaded. The registers are in [`regs`](crate::regs).

use core::fmt;

/// Bytes of the block in which IMEM is tagged and a DMA command copies. Images are padded
/// to it with zeros.
pub const FALCON_BLOCK: u32 = 256;

/// An engine that is a falcon, by NVIDIA's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FalconEngine {
    /// GPU System Processor; it has a RISC-V core beside the falcon.
    GSP,
    /// Security engine 2, on which the booters run.
    SEC2,
}

impl FalconEngine {
    /// Every engine, in ascending order of its registers.
    pub const ALL: [Self; 2] = [Self::GSP, Self::SEC2];

    /// NVIDIA's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GSP => "GSP",
            Self::SEC2 => "SEC2",
        }
    }
}

impl fmt::Display for FalconEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
