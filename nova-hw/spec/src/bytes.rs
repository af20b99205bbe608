// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Looking into bytes that nobody vouches for: each look is checked, none panics.

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::error::FormatError;

/// `len` bytes at `offset`.
pub(crate) fn slice<'a>(
    bytes: &'a [u8],
    what: &'static str,
    offset: impl Into<u64>,
    len: impl Into<u64>,
) -> Result<&'a [u8], FormatError> {
    let (offset, len) = (offset.into(), len.into());
    match range(bytes.len(), offset, len) {
        Some(range) => Ok(&bytes[range]),
        None => Err(outside(bytes, what, offset, len)),
    }
}

/// The bytes from `offset` on.
pub(crate) fn tail<'a>(
    bytes: &'a [u8],
    what: &'static str,
    offset: impl Into<u64>,
) -> Result<&'a [u8], FormatError> {
    let offset = offset.into();
    usize::try_from(offset)
        .ok()
        .and_then(|start| bytes.get(start..))
        .ok_or(outside(bytes, what, offset, 0))
}

/// The structure `T` at `offset`.
pub(crate) fn structure<'a, T>(
    bytes: &'a [u8],
    what: &'static str,
    offset: impl Into<u64>,
) -> Result<&'a T, FormatError>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    let offset = offset.into();
    let error = outside(bytes, what, offset, size_of::<T>() as u64);
    let range = range(bytes.len(), offset, size_of::<T>() as u64).ok_or(error)?;
    T::ref_from_bytes(&bytes[range]).map_err(|_| error)
}

/// The 32-bit number at `offset`.
pub(crate) fn u32_at(
    bytes: &[u8],
    what: &'static str,
    offset: impl Into<u64>,
) -> Result<u32, FormatError> {
    structure::<zerocopy::little_endian::U32>(bytes, what, offset).map(|value| value.get())
}

/// Checks that text is printable ASCII.
pub(crate) fn printable<'a>(field: &'static str, bytes: &'a [u8]) -> Result<&'a str, FormatError> {
    if let Some(at) = bytes.iter().position(|byte| !matches!(byte, 0x20..=0x7e)) {
        let (at, byte) = (at as u64, bytes[at]);
        return Err(FormatError::NotPrintable { field, at, byte });
    }
    core::str::from_utf8(bytes).map_err(|_| FormatError::Missing(field))
}

/// Text up to the first NUL, or to the end.
pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0);
    &bytes[..end.unwrap_or(bytes.len())]
}

fn range(have: usize, offset: u64, len: u64) -> Option<core::ops::Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    (end <= have).then_some(start..end)
}

fn outside(bytes: &[u8], what: &'static str, offset: u64, len: u64) -> FormatError {
    FormatError::Outside {
        what,
        offset,
        len,
        have: bytes.len() as u64,
    }
}
