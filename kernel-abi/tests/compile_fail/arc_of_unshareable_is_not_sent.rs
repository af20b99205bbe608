// SPDX-License-Identifier: GPL-2.0 OR MIT
use kernel_abi::{alloc::flags::GFP_KERNEL, sync::Arc};
use std::cell::Cell;

fn main() {
    let value = Arc::new(Cell::new(1), GFP_KERNEL).unwrap();
    std::thread::spawn(move || value.set(2));
}
