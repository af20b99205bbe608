// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Numbers of engines. RM has three: its own (`RM_ENGINE_TYPE_*`), which differ from version to
//! version; those that clients use (`NV2080_ENGINE_TYPE_*`), which do not; and those of
//! interrupts (`MC_ENGINE_IDX_*`). Follows `gpu_engine_type.h`, `cl2080_notification.h` and
//! `engine_idx.h` of open-gpu-kernel-modules 570.144.

use core::fmt;

/// `RM_ENGINE_TYPE_*`. Displays as its name: `COPY3`, `SEC2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RmEngineType(pub u32);

/// First number, name, and how many there are.
const RM_ENGINE_TYPES: [(u32, &str, u32); 16] = [
    (0x01, "GR", 8),
    (0x09, "COPY", 20),
    (0x1d, "NVDEC", 8),
    (0x25, "NVENC", 4),
    (0x29, "VP", 1),
    (0x2d, "SW", 1),
    (0x2e, "TSEC", 1),
    (0x2f, "VIC", 1),
    (0x30, "MP", 1),
    (0x31, "SEC2", 1),
    (0x32, "HOST", 1),
    (0x33, "DPU", 1),
    (0x34, "PMU", 1),
    (0x35, "FBFLCN", 1),
    (0x36, "NVJPEG", 8),
    (0x3e, "OFA", 2),
];

impl RmEngineType {
    /// One past the last number.
    pub const LAST: u32 = 0x54;
    /// Graphics.
    pub const GR0: Self = Self(0x01);
    /// Security.
    pub const SEC2: Self = Self(0x31);

    /// Copy engine `index`, of 20.
    pub fn copy(index: u32) -> Option<Self> {
        (index < 20).then_some(Self(0x09 + index))
    }

    /// The index of a copy engine.
    pub fn copy_index(self) -> Option<u32> {
        self.0.checked_sub(0x09).filter(|&index| index < 20)
    }
}

impl fmt::Display for RmEngineType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (first, name, count) in RM_ENGINE_TYPES {
            match self.0.checked_sub(first) {
                Some(0) if count == 1 => return f.pad(name),
                Some(index) if index < count => return write!(f, "{name}{index}"),
                _ => {}
            }
        }
        write!(f, "engine {:#x}", self.0)
    }
}

/// `NV2080_ENGINE_TYPE_GRAPHICS`.
pub const NV2080_ENGINE_TYPE_GRAPHICS: u32 = 1;

/// `NV2080_ENGINE_TYPE_COPY(index)`: 20 of them, in two runs of numbers.
pub fn nv2080_copy(index: u32) -> Option<u32> {
    match index {
        0..=9 => Some(0x09 + index),
        10..=19 => Some(0x34 + index - 10),
        _ => None,
    }
}

/// The index of a copy engine by its `NV2080_ENGINE_TYPE_COPY`.
pub fn nv2080_copy_index(engine: u32) -> Option<u32> {
    match engine {
        0x09..=0x12 => Some(engine - 0x09),
        0x34..=0x3d => Some(engine - 0x34 + 10),
        _ => None,
    }
}

/// `MC_ENGINE_IDX_GSP`.
pub const MC_ENGINE_IDX_GSP: u16 = 50;
/// `MC_ENGINE_IDX_GR0`.
pub const MC_ENGINE_IDX_GR0: u16 = 84;

/// `MC_ENGINE_IDX_CE(index)`, of 20.
pub fn mc_copy(index: u16) -> Option<u16> {
    (index < 20).then_some(15 + index)
}
