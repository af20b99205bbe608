// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where a register is, and how that is called.

use core::{fmt, marker::PhantomData};

use crate::falcon::FalconEngine;

/// A register's name with what tells it from its siblings: `NV_PBUS_SW_SCRATCH(14)`,
/// `NV_PFALCON_FALCON_MAILBOX0(GSP)`, `NV_PFALCON_FBIF_TRANSCFG(SEC2, 0)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegisterName {
    /// NVIDIA's name.
    pub name: &'static str,
    /// The engine of a relative register.
    pub engine: Option<FalconEngine>,
    /// The index of one in an array.
    pub index: Option<u32>,
}

impl fmt::Display for RegisterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;
        match (self.engine, self.index) {
            (None, None) => f.write_str(name),
            (Some(engine), None) => write!(f, "{name}({engine})"),
            (None, Some(index)) => write!(f, "{name}({index})"),
            (Some(engine), Some(index)) => write!(f, "{name}({engine}, {index})"),
        }
    }
}

/// Where a register of layout `R` is in BAR0. Displays as its name.
pub struct Location<R> {
    offset: u32,
    name: RegisterName,
    register: PhantomData<fn() -> R>,
}

impl<R> Location<R> {
    pub(super) const fn new(offset: u32, name: RegisterName) -> Self {
        Self {
            offset,
            name,
            register: PhantomData,
        }
    }

    /// Bytes from the start of BAR0; a multiple of 4.
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// Its name.
    pub const fn name(&self) -> RegisterName {
        self.name
    }
}

impl<R> Clone for Location<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Location<R> {}

impl<R> fmt::Debug for Location<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:#08x}", self.name, self.offset)
    }
}

impl<R> fmt::Display for Location<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}
