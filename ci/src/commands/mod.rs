// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One file a command.

pub(crate) mod bench;
pub(crate) mod cost;
pub(crate) mod coverage;
pub(crate) mod demo;
pub(crate) mod disassembly;
pub(crate) mod guest;
pub(crate) mod judge;
pub(crate) mod kernel;
pub(crate) mod module_tests;
pub(crate) mod test;
pub(crate) mod uapi;
pub(crate) mod vm;
pub(crate) mod vm_tests;
