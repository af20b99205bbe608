// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Parts of BAR0 that show memory, or another set of registers, and no registers of their own.

/// A part of BAR0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// NVIDIA's name.
    pub name: &'static str,
    /// First byte in BAR0.
    pub start: u32,
    /// Bytes.
    pub len: u32,
}

impl Window {
    /// The offset in this window of a byte of BAR0.
    pub fn offset_of(&self, bar0: u32) -> Option<u32> {
        bar0.checked_sub(self.start)
            .filter(|&within| within < self.len)
    }
}

/// Configuration space.
pub const PCFG: Window = Window {
    name: "NV_PCFG",
    start: 0x08_8000,
    len: 0x1000,
};

/// The VBIOS ROM.
pub const PROM: Window = Window {
    name: "NV_PROM",
    start: 0x30_0000,
    len: 0x10_0000,
};

/// The VGA registers of the first head, a byte each: the PC's ports from 0x3b0.
pub const PRMCIO: Window = Window {
    name: "NV_PRMCIO",
    start: 0x60_1000,
    len: 0x1000,
};

/// VRAM where [`NV_PBUS_BAR0_WINDOW`](super::NV_PBUS_BAR0_WINDOW) says.
pub const PRAMIN: Window = Window {
    name: "NV_PRAMIN",
    start: 0x70_0000,
    len: 0x10_0000,
};

/// Every window.
pub const WINDOWS: [Window; 4] = [PCFG, PROM, PRMCIO, PRAMIN];
