// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why bytes are not what they should be. One type for all formats: it names what was looked
//! at and the value that was found.

/// Why something could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes end before the structure does, or an offset leads outside of them.
    #[error(
        "{what}: {len:#x} bytes at {offset:#x} are outside the {have:#x} bytes that there are"
    )]
    Outside {
        /// The structure or the part.
        what: &'static str,
        /// Its first byte.
        offset: u64,
        /// Its bytes.
        len: u64,
        /// Bytes that there are.
        have: u64,
    },
    /// A field has a value that it must not have.
    #[error("{field} is {value:#x}, and not {expected}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// What would be right.
        expected: &'static str,
    },
    /// Something that must be there is not.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// Something that may be there once is there again.
    #[error("there is a second {0}")]
    Duplicate(&'static str),
    /// Text has a byte that is no printable ASCII.
    #[error("{field} is not printable: byte {at} is {byte:#04x}")]
    NotPrintable {
        /// The field.
        field: &'static str,
        /// Index of the byte.
        at: u64,
        /// The byte.
        byte: u8,
    },
}

impl FormatError {
    /// A field's value that is not what it should be.
    pub(crate) fn value(
        field: &'static str,
        value: impl Into<u64>,
        expected: &'static str,
    ) -> Self {
        Self::Value {
            field,
            value: value.into(),
            expected,
        }
    }
}
