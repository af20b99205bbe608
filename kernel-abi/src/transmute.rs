// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Types that are bytes, and bytes that are types.
//!
//! Follows `rust/kernel/transmute.rs` of Linux.
#![allow(unsafe_code)] // promises about layouts

/// Types of which any bytes are a value: what another side wrote may be taken as one.
///
/// ```
/// use kernel_abi::transmute::FromBytes;
///
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Argument {
///     handle: u32,
///     pad: u32,
/// }
/// // SAFETY: integers only.
/// unsafe impl FromBytes for Argument {}
/// ```
///
/// # Safety
///
/// Any `size_of::<Self>()` bytes are a valid value. There are no pointers, references or interior mutability in it.
pub unsafe trait FromBytes: Copy + 'static {}

/// Types all of whose bytes are initialised: another side may see them.
///
/// # Safety
///
/// There is no padding in a value, and no interior mutability.
pub unsafe trait AsBytes: Copy + 'static {}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        // SAFETY: a number is any bytes.
        unsafe impl FromBytes for $type {}
        // SAFETY: a number has no padding.
        unsafe impl AsBytes for $type {}
    )*};
}

numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

// SAFETY: an array is its elements.
unsafe impl<T: FromBytes, const N: usize> FromBytes for [T; N] {}
// SAFETY: an array is its elements.
unsafe impl<T: AsBytes, const N: usize> AsBytes for [T; N] {}
