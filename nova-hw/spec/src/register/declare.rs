// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The macros that give a `bitbybit` bit field its place in BAR0.

/// `name at place, access;` a line, with place one of `0x100` (fixed), `Base + 0x100`
/// (relative), `0x100 [8]` or `0x100 [8 by 16]` (array of 8, 4 or 16 bytes apart),
/// `Base + 0x100 [8]`; and access one of `read_only`, `write_only`, `read_write`,
/// `write_one_to_clear`, `write_one_to_set`. Also makes `TABLE` of the declarations.
macro_rules! registers {
    ($($name:ident at $($base:ident +)? $offset:literal $([$count:literal $(by $stride:literal)?])?,
       $access:ident;)*) => {
        $(
            impl $crate::register::Register for $name {
                const NAME: &'static str = stringify!($name);
                const OFFSET: u32 = $offset;
                const ACCESS: $crate::register::Access = $crate::register::registers!(@access $access);

                fn from_raw(raw: u32) -> Self {
                    Self::new_with_raw_value(raw)
                }

                fn into_raw(self) -> u32 {
                    self.raw_value()
                }
            }
            const _: () = assert!($offset % 4 == 0);
            $crate::register::registers!(@place $name [$($base)?] [$($count $(by $stride)?)?]);
            $crate::register::registers!(@marker $name $access);
        )*

        /// The declarations of this unit, for [`name_at`](crate::regs::name_at).
        pub(super) const TABLE: &[$crate::register::Declaration] = &[$(
            $crate::register::Declaration {
                name: stringify!($name),
                access: $crate::register::registers!(@access $access),
                offset: $offset,
                base: $crate::register::registers!(@base [$($base)?]),
                count: $crate::register::registers!(@count [$($count)?]),
                stride: $crate::register::registers!(@stride [$($($stride)?)?]),
            },
        )*];
    };
    (@access read_only) => { $crate::register::Access::ReadOnly };
    (@access write_only) => { $crate::register::Access::WriteOnly };
    (@access read_write) => { $crate::register::Access::ReadWrite };
    (@access write_one_to_clear) => { $crate::register::Access::WriteOneToClear };
    (@access write_one_to_set) => { $crate::register::Access::WriteOneToSet };
    (@marker $name:ident read_only) => { impl $crate::register::Readable for $name {} };
    (@marker $name:ident write_only) => { impl $crate::register::Writable for $name {} };
    (@marker $name:ident read_write) => {
        impl $crate::register::Readable for $name {}
        impl $crate::register::Writable for $name {}
    };
    (@marker $name:ident write_one_to_clear) => {
        impl $crate::register::Readable for $name {}
        impl $crate::register::WriteOneToClear for $name {}
    };
    (@marker $name:ident write_one_to_set) => {
        impl $crate::register::Readable for $name {}
        impl $crate::register::WriteOneToSet for $name {}
    };
    (@place $name:ident [] []) => { impl $crate::register::FixedRegister for $name {} };
    (@place $name:ident [$base:ident] []) => {
        impl $crate::register::RelativeRegister for $name {
            type Base = $base;
        }
    };
    (@place $name:ident [] [$count:literal $(by $stride:literal)?]) => {
        impl $crate::register::RegisterArray for $name {
            const COUNT: u32 = $count;
            const STRIDE: u32 = $crate::register::registers!(@stride [$($stride)?]);
        }
    };
    (@place $name:ident [$base:ident] [$count:literal $(by $stride:literal)?]) => {
        impl $crate::register::RelativeRegisterArray for $name {
            type Base = $base;
            const COUNT: u32 = $count;
            const STRIDE: u32 = $crate::register::registers!(@stride [$($stride)?]);
        }
    };
    (@base []) => { None };
    (@base [$base:ident]) => { Some(<$base as $crate::register::RegisterBase>::base) };
    (@count []) => { None };
    (@count [$count:literal]) => { Some($count) };
    (@stride []) => { 4 };
    (@stride [$stride:literal]) => { $stride };
}
pub(crate) use registers;

/// Registers that are one 32-bit number, `value`, with the methods that `bitbybit` would make
/// (which does not expand inside a macro).
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            value: u32,
        }

        #[allow(missing_docs, dead_code)] // as bitbybit's
        impl $name {
            pub const DEFAULT: Self = Self { value: 0 };

            pub const fn new_with_raw_value(value: u32) -> Self {
                Self { value }
            }

            pub const fn raw_value(&self) -> u32 {
                self.value
            }

            pub const fn value(&self) -> u32 {
                self.value
            }

            pub const fn with_value(self, value: u32) -> Self {
                Self { value }
            }
        }
    )* };
}
pub(crate) use plain;
