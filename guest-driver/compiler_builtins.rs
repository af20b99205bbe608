// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The compiler's helper crate, empty: the kernel has memcpy and its kin, and
//! everything else that rustc may call here (128-bit and floating-point arithmetic)
//! must not be used, so a use ends as an unresolved symbol at modpost.
#![feature(compiler_builtins, no_core)]
#![allow(internal_features)]
#![compiler_builtins]
#![no_builtins]
#![no_std]
