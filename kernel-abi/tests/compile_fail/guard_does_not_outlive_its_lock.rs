// SPDX-License-Identifier: GPL-2.0 OR MIT
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    new_mutex,
    sync::Mutex,
};
use std::pin::Pin;

fn main() {
    let guard = {
        let lock: Pin<KBox<Mutex<u32>>> = KBox::pin_init(new_mutex!(1), GFP_KERNEL).unwrap();
        lock.lock()
    };
    assert_eq!(*guard, 1);
}
