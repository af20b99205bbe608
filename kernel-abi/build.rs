// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Chooses the home: `hosted`, unless the environment names a folder with the
//! bindings of a kernel (`VHOST_NOVA_KERNEL_BINDINGS`), which lints and docs of
//! the kernel home are run with. The module's own build does not use cargo and
//! passes the same cfg itself.

fn main() {
    println!("cargo::rerun-if-env-changed=VHOST_NOVA_KERNEL_BINDINGS");
    match std::env::var("VHOST_NOVA_KERNEL_BINDINGS") {
        Ok(dir) => {
            println!("cargo::rustc-cfg=home=\"kernel\"");
            println!("cargo::rustc-env=KERNEL_ABI_BINDINGS_DIR={dir}");
            println!("cargo::rerun-if-changed={dir}/bindings_generated.rs");
        }
        Err(_) => println!("cargo::rustc-cfg=home=\"hosted\""),
    }
}
