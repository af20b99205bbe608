// SPDX-License-Identifier: GPL-2.0 OR MIT
use kernel_abi::types::NotThreadSafe;

struct InTask {
    _task: NotThreadSafe,
}

fn send<T: Send>(_: T) {}

fn main() {
    send(InTask {
        _task: NotThreadSafe,
    });
}
