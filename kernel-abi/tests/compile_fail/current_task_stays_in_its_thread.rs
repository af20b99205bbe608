// SPDX-License-Identifier: GPL-2.0 OR MIT
//! In another thread it would not be the current task.

use kernel_abi::{current, task::CurrentTask};

fn main() {
    let who: &CurrentTask = current!();
    std::thread::scope(|scope| {
        scope.spawn(|| who.pid());
    });
}
