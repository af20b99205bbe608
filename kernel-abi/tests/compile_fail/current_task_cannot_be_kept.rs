// SPDX-License-Identifier: GPL-2.0 OR MIT
//! It is borrowed from the function that asked.

use kernel_abi::{current, task::CurrentTask};

fn who() -> &'static CurrentTask {
    current!()
}

fn main() {
    who();
}
