// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! BAR0 by register types. Every access of the driver to a register goes through here and
//! is traced.

use std::{sync::Arc, time::Duration};

use nova_pci::{Bar, PciError};
use nova_spec::{
    register::{
        FixedRegister, Location, Readable, Register, Writable, WriteOneToClear, WriteOneToSet,
    },
    regs::{name_at, Named, NV_PMC_BOOT_0},
};

use crate::{
    error::Cause,
    trace::{Direction, RegisterAccess, Trace},
    wait,
};

pub(crate) struct Registers<B> {
    bar: B,
    trace: Option<Arc<dyn Trace>>,
}

impl<B: Bar> Registers<B> {
    pub(crate) fn new(bar: B, trace: Option<Arc<dyn Trace>>) -> Self {
        Self { bar, trace }
    }

    /// Reads a register that is at one place.
    pub(crate) fn read<R: FixedRegister + Readable>(&self) -> Result<R, Cause> {
        self.read_at(R::LOCATION)
    }

    /// Writes a register that is at one place.
    pub(crate) fn write<R: FixedRegister + Writable>(&self, register: R) -> Result<(), Cause> {
        self.write_at(R::LOCATION, register)
    }

    /// Reads a register that is never all-ones on a card that answers.
    pub(crate) fn read_at<R: Register + Readable>(
        &self,
        location: Location<R>,
    ) -> Result<R, Cause> {
        let value = self.read_offset(location.offset())?;
        if value == u32::MAX {
            return Err(Cause::OffTheBus {
                register: Named::Register(location.name()),
            });
        }
        Ok(R::from_raw(value))
    }

    /// Reads a register that may have any value. All-ones is only believed when the card is
    /// still there.
    pub(crate) fn read_any<R: Register + Readable>(
        &self,
        location: Location<R>,
    ) -> Result<R, Cause> {
        let value = self.read_offset(location.offset())?;
        self.believe(location.offset(), value).map(R::from_raw)
    }

    /// Writes a register.
    pub(crate) fn write_at<R: Register + Writable>(
        &self,
        location: Location<R>,
        register: R,
    ) -> Result<(), Cause> {
        Ok(self.write_offset(location.offset(), register.into_raw())?)
    }

    /// Clears the bits that are set in `ones`.
    pub(crate) fn clear_at<R: Register + WriteOneToClear>(
        &self,
        location: Location<R>,
        ones: u32,
    ) -> Result<(), Cause> {
        Ok(self.write_offset(location.offset(), ones)?)
    }

    /// Sets the bits that are set in `ones`.
    pub(crate) fn set_at<R: Register + WriteOneToSet>(
        &self,
        location: Location<R>,
        ones: u32,
    ) -> Result<(), Cause> {
        Ok(self.write_offset(location.offset(), ones)?)
    }

    /// Reads a register, changes it and writes it back.
    pub(crate) fn update_at<R: Register + Readable + Writable>(
        &self,
        location: Location<R>,
        change: impl FnOnce(R) -> R,
    ) -> Result<(), Cause> {
        let register = self.read_at(location)?;
        self.write_at(location, change(register))
    }

    /// `value`, read at `offset`, unless it is all-ones and so is `NV_PMC_BOOT_0`.
    pub(crate) fn believe(&self, offset: u32, value: u32) -> Result<u32, Cause> {
        if value == u32::MAX && self.is_gone()? {
            let register = name_at(offset);
            return Err(Cause::OffTheBus { register });
        }
        Ok(value)
    }

    /// Whether the card no longer answers.
    pub(crate) fn is_gone(&self) -> Result<bool, PciError> {
        Ok(self.read_offset(NV_PMC_BOOT_0::OFFSET)? == u32::MAX)
    }

    /// Reads what is at `offset`: for the ROM, and for what the sequencer names.
    pub(crate) fn read_offset(&self, offset: u32) -> Result<u32, PciError> {
        let value = self.bar.read32(u64::from(offset))?;
        self.record(Direction::Read, offset, value);
        Ok(value)
    }

    /// Writes what is at `offset`.
    pub(crate) fn write_offset(&self, offset: u32, value: u32) -> Result<(), PciError> {
        self.bar.write32(u64::from(offset), value)?;
        self.record(Direction::Write, offset, value);
        Ok(())
    }

    /// Reads bytes of a window of BAR0, whole dwords. What is behind a window are no registers:
    /// it is not traced.
    pub(crate) fn read_window(&self, offset: u32, data: &mut [u8]) -> Result<(), PciError> {
        self.bar.read(offset.into(), data)
    }

    /// Writes bytes of a window of BAR0, whole dwords.
    pub(crate) fn write_window(&self, offset: u32, data: &[u8]) -> Result<(), PciError> {
        self.bar.write(offset.into(), data)
    }

    /// Writes one dword of a window of BAR0, in one access.
    pub(crate) fn write_window32(&self, offset: u32, value: u32) -> Result<(), PciError> {
        self.bar.write32(offset.into(), value)
    }

    fn record(&self, direction: Direction, offset: u32, value: u32) {
        let access = RegisterAccess {
            direction,
            offset,
            value,
        };
        tracing::trace!(target: "nova_driver::mmio", "{access}");
        if let Some(trace) = &self.trace {
            trace.access(&access);
        }
    }
}

/// Reads a register, which is never all-ones, until it is `done`, for `limit` at most.
pub(crate) fn poll<R: Register + Readable, B: Bar>(
    registers: &Registers<B>,
    location: Location<R>,
    waited_for: &'static str,
    limit: Duration,
    done: impl Fn(R) -> bool,
) -> Result<(), Cause> {
    let mut last = 0;
    let found = wait::until(limit, || {
        let register = registers.read_at(location)?;
        last = register.into_raw();
        Ok::<_, Cause>(done(register).then_some(()))
    })?;
    found.ok_or(Cause::Timeout {
        waited_for,
        register: location.name(),
        value: last,
        limit,
    })
}
