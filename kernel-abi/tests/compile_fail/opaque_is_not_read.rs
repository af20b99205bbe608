// SPDX-License-Identifier: GPL-2.0 OR MIT
use kernel_abi::types::Opaque;

fn main() {
    let value = Opaque::new(7);
    let _: u32 = *value;
}
