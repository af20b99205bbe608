// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Configuration space: the offsets and bits that a GPU driver and its device use.
//!
//! Follows the PCI Local Bus Specification 3.0 chapter 6, PCI Power Management 1.2 chapter 3
//! and PCI Express Base 2.0 section 7.8. A module of our own: the crates for this decode
//! captured images or need `unsafe` accessors, and none offers the bare constants.

/// NVIDIA's vendor id.
pub const VENDOR_NVIDIA: u16 = 0x10de;
/// What a read returns where no device answers.
pub const VENDOR_NONE: u16 = 0xffff;
/// Bytes of a PCI Express function's configuration space.
pub const CONFIG_SIZE: u16 = 4096;

/// The header of type 0: offsets in configuration space.
pub mod header {
    #![allow(missing_docs)] // the specification's own names
    pub const VENDOR_ID: u16 = 0x00;
    pub const DEVICE_ID: u16 = 0x02;
    pub const COMMAND: u16 = 0x04;
    pub const STATUS: u16 = 0x06;
    /// Revision id in the low byte, class code in the upper three.
    pub const REVISION_CLASS: u16 = 0x08;
    pub const CACHE_LINE_SIZE: u16 = 0x0c;
    pub const BAR0: u16 = 0x10;
    pub const SUBSYSTEM_VENDOR_ID: u16 = 0x2c;
    pub const SUBSYSTEM_ID: u16 = 0x2e;
    pub const EXPANSION_ROM: u16 = 0x30;
    pub const CAPABILITIES: u16 = 0x34;
    pub const INTERRUPT_LINE: u16 = 0x3c;
    pub const INTERRUPT_PIN: u16 = 0x3d;
}

/// Bits of the command register.
pub mod command {
    /// The function answers in its memory BARs.
    pub const MEMORY: u16 = 1 << 1;
    /// The function may start transactions: DMA and MSI.
    pub const BUS_MASTER: u16 = 1 << 2;
    /// Parity errors are reported.
    pub const PARITY_ERROR: u16 = 1 << 6;
    /// System errors are reported.
    pub const SERR: u16 = 1 << 8;
    /// INTx is not asserted.
    pub const INTX_DISABLE: u16 = 1 << 10;
}

/// Bits of the status register.
pub mod status {
    /// There is a capability list.
    pub const CAPABILITIES: u16 = 1 << 4;
    /// A transaction of the device was not answered.
    pub const RECEIVED_MASTER_ABORT: u16 = 1 << 13;
    /// The error bits, which a one clears: parity, aborts, system error.
    pub const ERRORS: u16 = 0xf900;
}

/// Bits of a base address register.
pub mod bar {
    /// The next BAR holds the upper half of the address.
    pub const MEMORY_64: u32 = 0b10 << 1;
    /// Reads have no side effects.
    pub const PREFETCHABLE: u32 = 1 << 3;
    /// The function answers in its ROM, in the expansion ROM's register.
    pub const ROM_ENABLE: u32 = 1;
    /// The address of a memory BAR; the bits below say what it is.
    pub const ADDRESS: u32 = !0xf;
}

/// Class codes: base class, subclass, programming interface.
pub mod class {
    /// Base class of display controllers.
    pub const BASE_DISPLAY: u8 = 0x03;
    /// 3D controller: a GPU without VGA.
    pub const DISPLAY_3D: u32 = 0x03_02_00;
}

/// Ids of capabilities.
pub mod capability {
    /// Power management.
    pub const POWER_MANAGEMENT: u8 = 0x01;
    /// Message signalled interrupts.
    pub const MSI: u8 = 0x05;
    /// PCI Express.
    pub const PCI_EXPRESS: u8 = 0x10;
}

/// The power management capability: offsets from its start, and bits.
pub mod pm {
    /// Version 3 of the interface, in the capabilities word.
    pub const CAP_VERSION_3: u16 = 3;
    /// Control and status.
    pub const CONTROL: u16 = 4;
    /// The power state D0 to D3hot, in control.
    pub const CONTROL_STATE: u16 = 0b11;
    /// D3hot to D0 keeps the function's state, in control.
    pub const CONTROL_NO_SOFT_RESET: u16 = 1 << 3;
}

/// The MSI capability: offsets from its start, and bits.
pub mod msi {
    /// Message control.
    pub const CONTROL: u16 = 2;
    /// MSI is on, in control.
    pub const CONTROL_ENABLE: u16 = 1;
    /// The address has 64 bits, in control.
    pub const CONTROL_64BIT: u16 = 1 << 7;
    /// Low half of the address.
    pub const ADDRESS: u16 = 4;
    /// High half of the address.
    pub const ADDRESS_HIGH: u16 = 8;
    /// The message, when the address has 64 bits.
    pub const DATA_64: u16 = 12;
}

/// The PCI Express capability: offsets from its start, and bits.
pub mod pcie {
    /// Version 2 of the structure, in the capabilities word at offset 2.
    pub const CAP_VERSION_2: u16 = 2;
    /// Device/port type legacy endpoint, in the capabilities word.
    pub const CAP_LEGACY_ENDPOINT: u16 = 1 << 4;
    /// Device capabilities.
    pub const DEVICE_CAP: u16 = 4;
    /// Payloads of up to 256 bytes, in device capabilities.
    pub const DEVICE_CAP_PAYLOAD_256: u32 = 1;
    /// The function can be reset on its own, in device capabilities.
    pub const DEVICE_CAP_FLR: u32 = 1 << 28;
    /// Device control.
    pub const DEVICE_CONTROL: u16 = 8;
    /// Resets the function when written; reads as 0. In device control.
    pub const DEVICE_CONTROL_FLR: u16 = 1 << 15;
    /// Link capabilities.
    pub const LINK_CAP: u16 = 12;
    /// Link control.
    pub const LINK_CONTROL: u16 = 16;
    /// Link status.
    pub const LINK_STATUS: u16 = 18;
    /// 16 GT/s (version 4) on 16 lanes, in link capabilities and link status.
    pub const LINK_GEN4_X16: u16 = 4 | 16 << 4;
}
