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

/// A part of an image, and where a falcon wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// First byte in the image.
    pub source: u32,
    /// First byte in IMEM or DMEM.
    pub target: u32,
    /// Bytes. Loaded in blocks of [`FALCON_BLOCK`], so the image is padded with zeros.
    pub len: u32,
}

/// What the boot ROM is told about a signed program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BromParams {
    /// The signature's offset in DMEM.
    pub pkc_data_offset: u32,
    /// Engines that may run it.
    pub engine_id_mask: u16,
    /// Its id, from 1, which chooses the fuse.
    pub ucode_id: u8,
}
