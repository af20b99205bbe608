// SPDX-License-Identifier: GPL-2.0 OR MIT
use kernel_abi::sync::{Mutex, MutexGuard};

fn send<T: Send>(_: T) {}

fn f(lock: &Mutex<u32>) {
    let guard: MutexGuard<'_, u32> = lock.lock();
    send(guard);
}

fn main() {}
