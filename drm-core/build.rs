// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Chooses the home: `hosted`, unless the environment names a folder with the
//! bindings of a kernel (`VHOST_NOVA_KERNEL_BINDINGS`), which lints and docs of
//! the kernel home are run with. The module's own build does not use cargo and
//! passes the same cfg itself.

fn main() {
    println!("cargo::rerun-if-env-changed=VHOST_NOVA_KERNEL_BINDINGS");
    let kernel = std::env::var_os("VHOST_NOVA_KERNEL_BINDINGS").is_some();
    let home = if kernel { "kernel" } else { "hosted" };
    println!("cargo::rustc-cfg=home=\"{home}\"");
}
