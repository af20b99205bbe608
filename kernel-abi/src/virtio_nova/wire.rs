// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Encoding and decoding of fixed layouts.

/// A value with a fixed encoding.
pub trait Wire: Sized {
    /// Bytes that the encoding takes.
    const LEN: usize;
    /// Decodes from the front of `bytes`; `None` when there are too few. Returns the rest too.
    fn take(bytes: &[u8]) -> Option<(Self, &[u8])>;
    /// Encodes to the front of `bytes`; `None` when there is too little room. Returns the rest.
    fn put<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]>;

    /// Decodes from the front of `bytes`, or `None` when there are too few.
    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::take(bytes).map(|(value, _)| value)
    }
}

macro_rules! wire_int {
    ($($int:ty),*) => {$(
        impl Wire for $int {
            const LEN: usize = size_of::<$int>();
            fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
                let (head, rest) = bytes.split_first_chunk()?;
                Some((<$int>::from_le_bytes(*head), rest))
            }
            fn put<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
                let (head, rest) = bytes.split_first_chunk_mut()?;
                *head = self.to_le_bytes();
                Some(rest)
            }
        }
    )*};
}
wire_int!(u8, u16, u32, u64);

impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    const LEN: usize = T::LEN * N;
    fn take(mut bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut array = [T::default(); N];
        for item in &mut array {
            (*item, bytes) = T::take(bytes)?;
        }
        Some((array, bytes))
    }
    fn put<'a>(&self, mut bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
        for item in self {
            bytes = item.put(bytes)?;
        }
        Some(bytes)
    }
}

/// Structures with a fixed encoding: name, bytes, fields.
macro_rules! wire_struct {
    ($(
        $(#[$attr:meta])*
        struct $name:ident = $len:literal {
            $($(#[$fattr:meta])* $field:ident: $ty:ty,)*
        }
    )*) => {$(
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$fattr])* pub $field: $ty,)*
        }
        const _: () = assert!($name::LEN == $len);
        impl $name {
            /// The encoding as an array.
            pub fn to_bytes(&self) -> [u8; $len] {
                let mut bytes = [0; $len];
                let _ = self.put(&mut bytes);
                bytes
            }
        }
        impl Wire for $name {
            const LEN: usize = 0 $(+ <$ty as Wire>::LEN)*;
            fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
                $(let ($field, bytes) = <$ty as Wire>::take(bytes)?;)*
                Some((Self { $($field),* }, bytes))
            }
            fn put<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
                $(let bytes = self.$field.put(bytes)?;)*
                Some(bytes)
            }
        }
    )*};
}
pub(super) use wire_struct;
