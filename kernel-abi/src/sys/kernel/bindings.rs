// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Bindings to the kernel that the module is built for, made by bindgen in that build
//! (`kernel-abi/bindings/`).
#![allow(unknown_lints)]
#![allow(
    clippy::all,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    improper_ctypes,
    dead_code,
    unreachable_pub,
    unnecessary_transmutes,
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc,
    rustdoc::all
)]

include!(concat!(
    env!("KERNEL_ABI_BINDINGS_DIR"),
    "/bindings_generated.rs"
));
