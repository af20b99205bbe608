// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Without it C would get a table that says nothing of what is there.

use kernel_abi::vtable;

#[vtable]
trait Operations {
    fn open() {}
}

struct Plain;

impl Operations for Plain {}

fn main() {}
