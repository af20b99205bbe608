// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Symbols for GPL modules alone would not be found, and only at the load.

kernel_abi::module! {
    type: Hello,
    name: "hello",
}

struct Hello;

fn main() {}
