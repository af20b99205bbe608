// SPDX-License-Identifier: GPL-2.0 OR MIT
//! As `kernel-abi/build.rs`.

fn main() {
    println!("cargo::rerun-if-env-changed=VHOST_NOVA_KERNEL_BINDINGS");
    let kernel = std::env::var_os("VHOST_NOVA_KERNEL_BINDINGS").is_some();
    let home = if kernel { "kernel" } else { "hosted" };
    println!("cargo::rustc-cfg=home=\"{home}\"");
}
