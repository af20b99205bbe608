// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! BAR0 by register types. Every access of the driver to a register goes through here and
//! is traced by the register's name.

use nova_pci::{Bar, PciError};
use nova_spec::register::{FixedRegister, Readable, Writable};

pub(crate) struct Registers<B> {
    bar: B,
}

impl<B: Bar> Registers<B> {
    pub(crate) fn new(bar: B) -> Self {
        Self { bar }
    }

    pub(crate) fn read<R: FixedRegister + Readable>(&self) -> Result<R, PciError> {
        let value = self.bar.read32(u64::from(R::OFFSET))?;
        tracing::trace!(target: "nova_driver::mmio", "rd {} {value:#010x}", R::NAME);
        Ok(R::from_raw(value))
    }

    pub(crate) fn write<R: FixedRegister + Writable>(&self, register: R) -> Result<(), PciError> {
        let value = register.into_raw();
        tracing::trace!(target: "nova_driver::mmio", "wr {} {value:#010x}", R::NAME);
        self.bar.write32(u64::from(R::OFFSET), value)
    }
}
