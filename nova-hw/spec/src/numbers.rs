// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Numbers that have names: a newtype with constants, so that one that is not known is no
//! error, and can be shown.

/// `struct Type { NAME = number; … }`: constants of `Type`, its `name()`, and a `Display` that
/// falls back on `unknown` and the number.
macro_rules! named_numbers {
    ($(#[$meta:meta])* $type:ident, $unknown:literal;
     $($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u32);

        impl $type {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// NVIDIA's name, when this crate knows the number.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, concat!($unknown, " {:#x}"), self.0),
                }
            }
        }
    };
}
pub(crate) use named_numbers;
