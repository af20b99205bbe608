// SPDX-License-Identifier: GPL-2.0 OR MIT
use kernel_abi::sync::Mutex;

fn f(lock: &Mutex<u32>) -> &u32 {
    let guard = lock.lock();
    &*guard
}

fn main() {}
