// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a register of BAR0 is: an offset, a name, and in its type what software may do to it.
//!
//! There are three kinds, as in the kernel's `register!`: a *fixed* register is at one place;
//! a *relative* one is at the same distance from the base of each [`FalconEngine`]; an *array*
//! has registers of one layout in a row. Each gives a [`Location`], which is all that an access
//! needs:
//!
//! ```
//! use nova_spec::{falcon::FalconEngine, register::*, regs::*};
//! assert_eq!(NV_PMC_BOOT_42::LOCATION.offset(), 0xa00);
//! assert_eq!(NV_PFALCON_FALCON_MAILBOX0::of(FalconEngine::SEC2).offset(), 0x84_0040);
//! let scratch = NV_PBUS_SW_SCRATCH::at(14).unwrap();
//! assert_eq!(scratch.offset(), 0x1438);
//! assert_eq!(scratch.to_string(), "NV_PBUS_SW_SCRATCH(14)");
//! ```
//!
//! The access letters are those of NVIDIA's hardware headers (`R--`, `RW-`, `RWI` …).

mod declare;
mod location;

pub(crate) use declare::{plain, registers};
pub use location::{Location, RegisterName};

use crate::falcon::FalconEngine;

/// What software may do to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A write changes nothing.
    ReadOnly,
    /// A read tells nothing.
    WriteOnly,
    /// Reads back what was written, where the hardware does not change it.
    ReadWrite,
    /// A one clears the bit, a zero leaves it.
    WriteOneToClear,
    /// A one sets the bit, a zero leaves it.
    WriteOneToSet,
}

/// The layout of a 32-bit register of BAR0. The traits below say where it is.
pub trait Register: Copy {
    /// NVIDIA's name.
    const NAME: &'static str;
    /// Bytes from the start of BAR0, or from the base of a relative register; for an array
    /// that of its first register. A multiple of 4.
    const OFFSET: u32;
    /// The access that the marker traits below say in the type.
    const ACCESS: Access;

    /// The register with this content.
    fn from_raw(raw: u32) -> Self;

    /// The register's content.
    fn into_raw(self) -> u32;
}

/// A register that is at one place.
pub trait FixedRegister: Register {
    /// Where it is.
    const LOCATION: Location<Self> = Location::new(
        Self::OFFSET,
        RegisterName {
            name: Self::NAME,
            engine: None,
            index: None,
        },
    );
}

/// The start of a group of registers that each engine has.
pub trait RegisterBase {
    /// Where the group of `engine` starts in BAR0.
    fn base(engine: FalconEngine) -> u32;
}

/// A register that every engine has, at the same distance from a base of it.
pub trait RelativeRegister: Register {
    /// The group that it belongs to.
    type Base: RegisterBase;

    /// Where it is for `engine`.
    fn of(engine: FalconEngine) -> Location<Self> {
        Location::new(
            Self::Base::base(engine) + Self::OFFSET,
            RegisterName {
                name: Self::NAME,
                engine: Some(engine),
                index: None,
            },
        )
    }
}

/// Registers of one layout, at equal distances.
pub trait RegisterArray: Register {
    /// How many there are.
    const COUNT: u32;
    /// Bytes from one to the next.
    const STRIDE: u32;

    /// Where the register `index` is; `None` past the last.
    fn at(index: u32) -> Option<Location<Self>> {
        (index < Self::COUNT).then(|| {
            Location::new(
                Self::OFFSET + index * Self::STRIDE,
                RegisterName {
                    name: Self::NAME,
                    engine: None,
                    index: Some(index),
                },
            )
        })
    }
}

/// Registers of one layout that every engine has.
pub trait RelativeRegisterArray: Register {
    /// The group that they belong to.
    type Base: RegisterBase;
    /// How many there are in each engine.
    const COUNT: u32;
    /// Bytes from one to the next.
    const STRIDE: u32;

    /// Where the register `index` of `engine` is; `None` past the last.
    fn of_at(engine: FalconEngine, index: u32) -> Option<Location<Self>> {
        (index < Self::COUNT).then(|| {
            Location::new(
                Self::Base::base(engine) + Self::OFFSET + index * Self::STRIDE,
                RegisterName {
                    name: Self::NAME,
                    engine: Some(engine),
                    index: Some(index),
                },
            )
        })
    }
}

/// A register whose value a driver may read: a write-only one does not have this.
///
/// ```compile_fail,E0277
/// use nova_spec::{register::Readable, regs::NV_PFALCON_FALCON_IRQSCLR};
/// fn read<R: Readable>() {}
/// read::<NV_PFALCON_FALCON_IRQSCLR>();
/// ```
pub trait Readable: Register {}

/// A register whose value a driver may set: a read-only one does not have this.
///
/// ```compile_fail,E0277
/// use nova_spec::{register::Writable, regs::NV_PMC_BOOT_0};
/// fn write<R: Writable>(_: R) {}
/// write(NV_PMC_BOOT_0::new_with_raw_value(0));
/// ```
pub trait Writable: Register {}

/// A register whose bits a driver may clear by writing ones, and not otherwise set.
pub trait WriteOneToClear: Register {}

/// A register whose bits a driver may set by writing ones, and not otherwise clear.
pub trait WriteOneToSet: Register {}

/// One line of the table of registers: a declaration without its type.
#[derive(Clone, Copy)]
pub struct Declaration {
    /// NVIDIA's name.
    pub name: &'static str,
    /// What software may do to it.
    pub access: Access,
    /// Bytes from the start of BAR0 or from the base; for an array that of the first.
    pub offset: u32,
    /// The base of a relative register.
    pub base: Option<fn(FalconEngine) -> u32>,
    /// How many registers; `None` when it is no array.
    pub count: Option<u32>,
    /// Bytes from one to the next.
    pub stride: u32,
}

#[cfg(test)]
mod tests;
