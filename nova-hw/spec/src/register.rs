// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a register of BAR0 is: an offset, a name, and in its type what software may do to it.
//!
//! The access letters are those of NVIDIA's hardware headers (`R--`, `RW-`, `RWI` …).

/// What software may do to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A write changes nothing.
    ReadOnly,
    /// Reads back what was written.
    ReadWrite,
    /// A one clears the bit, a zero leaves it.
    WriteOneToClear,
}

/// A 32-bit register of BAR0.
pub trait Register: Copy {
    /// NVIDIA's name.
    const NAME: &'static str;
    /// Bytes from the start of BAR0; a multiple of 4.
    const OFFSET: u32;
    /// The access that the marker traits below say in the type.
    const ACCESS: Access;

    /// The register with this content.
    fn from_raw(raw: u32) -> Self;

    /// The register's content.
    fn into_raw(self) -> u32;
}

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

/// Gives a `bitbybit` bit field over `u32` its place in BAR0: `name: type at offset, access`
/// with access one of `read_only`, `read_write`, `write_one_to_clear`.
macro_rules! registers {
    ($($name:ident at $offset:literal, $access:ident;)*) => { $(
        impl $crate::register::Register for $name {
            const NAME: &'static str = stringify!($name);
            const OFFSET: u32 = $offset;
            const ACCESS: $crate::register::Access = registers!(@access $access);

            fn from_raw(raw: u32) -> Self {
                Self::new_with_raw_value(raw)
            }

            fn into_raw(self) -> u32 {
                self.raw_value()
            }
        }
        const _: () = assert!($offset % 4 == 0);
        registers!(@marker $name $access);
    )* };
    (@access read_only) => { $crate::register::Access::ReadOnly };
    (@access read_write) => { $crate::register::Access::ReadWrite };
    (@access write_one_to_clear) => { $crate::register::Access::WriteOneToClear };
    (@marker $name:ident read_only) => {};
    (@marker $name:ident read_write) => { impl $crate::register::Writable for $name {} };
    (@marker $name:ident write_one_to_clear) => {
        impl $crate::register::WriteOneToClear for $name {}
    };
}
pub(crate) use registers;

#[cfg(test)]
mod tests {
    use super::*;

    #[bitbybit::bitfield(u32)]
    struct STATUS {
        #[bit(3, r)]
        fault: bool,
    }
    registers! { STATUS at 0x10, write_one_to_clear; }

    fn cleared<R: WriteOneToClear>(pending: R, ack: R) -> R {
        R::from_raw(pending.into_raw() & !ack.into_raw())
    }

    #[test]
    fn a_declaration_carries_name_place_and_access() {
        assert_eq!(STATUS::NAME, "STATUS");
        assert_eq!(STATUS::OFFSET, 0x10);
        assert_eq!(STATUS::ACCESS, Access::WriteOneToClear);
        let pending = STATUS::from_raw(0xff);
        assert!(pending.fault());
        assert!(!cleared(pending, STATUS::from_raw(8)).fault());
        assert_eq!(cleared(pending, STATUS::from_raw(8)).into_raw(), 0xf7);
    }
}
