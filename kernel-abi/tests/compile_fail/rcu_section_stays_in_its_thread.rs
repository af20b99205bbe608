// SPDX-License-Identifier: GPL-2.0 OR MIT
use kernel_abi::sync::rcu;

fn main() {
    let section = rcu::read_lock();
    std::thread::spawn(move || drop(section));
}
