// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Configuration space: bytes, and for each byte the bits that software can write or clear.
//!
//! The BAR sizing protocol needs no code: the address bits below a BAR's size are not
//! writable, so all-ones reads back as the size's mask. Layout after the header as NVIDIA's
//! cards have it: PM at 0x60, MSI at 0x68, PCI Express at 0x78.

use nova_pci::BarIndex;
use nova_spec::{
    chip::Chip,
    pci::{bar, capability, command, header, msi, pcie, pm, status, CONFIG_SIZE, VENDOR_NVIDIA},
};

const PM: u16 = 0x60;
const MSI: u16 = 0x68;
const PCIE: u16 = 0x78;
/// Past this there is nothing: no extended capability, which 0 says at 0x100.
const USED: usize = 0x100;

/// Configuration space of a card.
#[derive(Debug)]
pub(crate) struct ConfigSpace {
    bytes: [u8; USED],
    /// Content at power-on.
    power_on: [u8; USED],
    writable: [u8; USED],
    write_one_to_clear: [u8; USED],
}

/// What a write asks of the card beyond the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Effect {
    None,
    FunctionReset,
}

impl ConfigSpace {
    pub(crate) fn new(chip: &Chip) -> Self {
        let mut space = Self {
            bytes: [0; USED],
            power_on: [0; USED],
            writable: [0; USED],
            write_one_to_clear: [0; USED],
        };
        space.declare_header(chip);
        space.declare_bar32(BarIndex::Bar0, chip.bar0_size);
        space.declare_bar64(BarIndex::Bar1, chip.bar1_size);
        space.declare_bar64(BarIndex::Bar3, chip.bar3_size);
        let rom = !(chip.rom_size as u32).wrapping_sub(1) | bar::ROM_ENABLE;
        space.set32(header::EXPANSION_ROM, 0, rom);
        space.declare_capabilities();
        space.bytes = space.power_on;
        space
    }

    /// Back to the state at power-on, addresses included.
    pub(crate) fn reset(&mut self) {
        self.bytes = self.power_on;
    }

    /// As [`Self::reset`], then the addresses again: what a platform does around a reset.
    pub(crate) fn reset_keeping_bars(&mut self) {
        let bars = usize::from(header::BAR0)..usize::from(header::BAR0) + 24;
        let before = self.bytes;
        self.reset();
        self.bytes[bars.clone()].copy_from_slice(&before[bars]);
    }

    /// Whether the card answers in its memory BARs: told to, and awake.
    pub(crate) fn decodes_memory(&self) -> bool {
        let awake = self.read16(PM + pm::CONTROL) & pm::CONTROL_STATE == 0;
        awake && self.read16(header::COMMAND) & command::MEMORY != 0
    }

    /// Whether the card may start transactions.
    pub(crate) fn is_bus_master(&self) -> bool {
        self.read16(header::COMMAND) & command::BUS_MASTER != 0
    }

    /// Whether the pin may be used.
    pub(crate) fn allows_intx(&self) -> bool {
        self.read16(header::COMMAND) & command::INTX_DISABLE == 0
    }

    /// Notes that a transaction of the card was not answered.
    pub(crate) fn set_master_abort(&mut self) {
        let at = usize::from(header::STATUS);
        let status = self.read16(header::STATUS) | status::RECEIVED_MASTER_ABORT;
        self.bytes[at..at + 2].copy_from_slice(&status.to_le_bytes());
    }

    /// A dword as BAR0 shows it.
    pub(crate) fn read_mirror(&self, offset: u16) -> u32 {
        let mut data = [0; 4];
        self.read(offset, &mut data);
        u32::from_le_bytes(data)
    }

    /// Turns the MSI capability on or off.
    pub(crate) fn set_msi_enabled(&mut self, enabled: bool) {
        let at = usize::from(MSI + msi::CONTROL);
        let control = self.read16(MSI + msi::CONTROL) & !msi::CONTROL_ENABLE;
        let bit = if enabled { msi::CONTROL_ENABLE } else { 0 };
        self.bytes[at..at + 2].copy_from_slice(&(control | bit).to_le_bytes());
    }

    /// Reads bytes below [`CONFIG_SIZE`].
    pub(crate) fn read(&self, offset: u16, data: &mut [u8]) {
        for (at, byte) in (usize::from(offset)..).zip(data) {
            *byte = self.bytes.get(at).copied().unwrap_or(0);
        }
    }

    /// Writes bytes below [`CONFIG_SIZE`].
    pub(crate) fn write(&mut self, offset: u16, data: &[u8]) -> Effect {
        for (at, value) in (usize::from(offset)..USED).zip(data) {
            let kept = self.bytes[at] & !self.writable[at] & !(value & self.write_one_to_clear[at]);
            self.bytes[at] = kept | value & self.writable[at];
        }
        let control = PCIE + pcie::DEVICE_CONTROL;
        let asked = self.read16(control);
        if asked & pcie::DEVICE_CONTROL_FLR == 0 {
            return Effect::None;
        }
        let at = usize::from(control);
        self.bytes[at..at + 2].copy_from_slice(&(asked & !pcie::DEVICE_CONTROL_FLR).to_le_bytes());
        Effect::FunctionReset
    }

    fn read16(&self, offset: u16) -> u16 {
        let mut data = [0; 2];
        self.read(offset, &mut data);
        u16::from_le_bytes(data)
    }

    fn declare_header(&mut self, chip: &Chip) {
        self.set16(header::VENDOR_ID, VENDOR_NVIDIA, 0);
        self.set16(header::DEVICE_ID, chip.pci_device, 0);
        let commands = command::MEMORY | command::BUS_MASTER | command::PARITY_ERROR;
        self.set16(
            header::COMMAND,
            0,
            commands | command::SERR | command::INTX_DISABLE,
        );
        self.set16(header::STATUS, status::CAPABILITIES, 0);
        Self::put(
            &mut self.write_one_to_clear,
            header::STATUS,
            &status::ERRORS.to_le_bytes(),
        );
        let revision_class = chip.pci_class << 8 | u32::from(chip.pci_revision);
        self.set32(header::REVISION_CLASS, revision_class, 0);
        self.set8(header::CACHE_LINE_SIZE, 0, 0xff);
        self.set16(header::SUBSYSTEM_VENDOR_ID, VENDOR_NVIDIA, 0);
        self.set16(header::SUBSYSTEM_ID, chip.pci_device, 0);
        self.set8(header::CAPABILITIES, PM as u8, 0);
        self.set8(header::INTERRUPT_LINE, 0, 0xff);
        // INTA
        self.set8(header::INTERRUPT_PIN, 1, 0);
    }

    fn declare_bar32(&mut self, index: BarIndex, size: u64) {
        let address = !(size as u32).wrapping_sub(1) & bar::ADDRESS;
        self.set32(header::BAR0 + 4 * index as u16, 0, address);
    }

    fn declare_bar64(&mut self, index: BarIndex, size: u64) {
        let address = !(size - 1);
        let offset = header::BAR0 + 4 * index as u16;
        let kind = bar::MEMORY_64 | bar::PREFETCHABLE;
        self.set32(offset, kind, address as u32 & bar::ADDRESS);
        self.set32(offset + 4, 0, (address >> 32) as u32);
    }

    fn declare_capabilities(&mut self) {
        self.link(PM, capability::POWER_MANAGEMENT, MSI);
        self.set16(PM + 2, pm::CAP_VERSION_3, 0);
        self.set16(
            PM + pm::CONTROL,
            pm::CONTROL_NO_SOFT_RESET,
            pm::CONTROL_STATE,
        );

        self.link(MSI, capability::MSI, PCIE);
        self.set16(MSI + msi::CONTROL, msi::CONTROL_64BIT, msi::CONTROL_ENABLE);
        self.set32(MSI + msi::ADDRESS, 0, !0b11);
        self.set32(MSI + msi::ADDRESS_HIGH, 0, !0);
        self.set16(MSI + msi::DATA_64, 0, !0);

        self.link(PCIE, capability::PCI_EXPRESS, 0);
        self.set16(PCIE + 2, pcie::CAP_VERSION_2 | pcie::CAP_LEGACY_ENDPOINT, 0);
        let device = pcie::DEVICE_CAP_PAYLOAD_256 | pcie::DEVICE_CAP_FLR;
        self.set32(PCIE + pcie::DEVICE_CAP, device, 0);
        self.set16(PCIE + pcie::DEVICE_CONTROL, 0, !0);
        self.set32(PCIE + pcie::LINK_CAP, u32::from(pcie::LINK_GEN4_X16), 0);
        self.set16(PCIE + pcie::LINK_CONTROL, 0, !0);
        self.set16(PCIE + pcie::LINK_STATUS, pcie::LINK_GEN4_X16, 0);
    }

    fn link(&mut self, at: u16, id: u8, next: u16) {
        self.set8(at, id, 0);
        self.set8(at + 1, next as u8, 0);
    }

    fn set8(&mut self, offset: u16, value: u8, writable: u8) {
        Self::put(&mut self.power_on, offset, &[value]);
        Self::put(&mut self.writable, offset, &[writable]);
    }

    fn set16(&mut self, offset: u16, value: u16, writable: u16) {
        Self::put(&mut self.power_on, offset, &value.to_le_bytes());
        Self::put(&mut self.writable, offset, &writable.to_le_bytes());
    }

    fn set32(&mut self, offset: u16, value: u32, writable: u32) {
        Self::put(&mut self.power_on, offset, &value.to_le_bytes());
        Self::put(&mut self.writable, offset, &writable.to_le_bytes());
    }

    fn put(bytes: &mut [u8; USED], offset: u16, value: &[u8]) {
        let at = usize::from(offset);
        bytes[at..at + value.len()].copy_from_slice(value);
    }
}

const _: () = assert!(USED <= CONFIG_SIZE as usize);
