// SPDX-License-Identifier: GPL-2.0 OR MIT
//! As `kernel-abi/build.rs`; the version is that of the source package.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-env-changed=VHOST_NOVA_KERNEL_BINDINGS");
    println!("cargo::rerun-if-changed=VERSION");
    let kernel = std::env::var_os("VHOST_NOVA_KERNEL_BINDINGS").is_some();
    let home = if kernel { "kernel" } else { "hosted" };
    println!("cargo::rustc-cfg=home=\"{home}\"");
    let version = std::fs::read_to_string("VERSION")?;
    println!("cargo::rustc-env=VIRTIO_NOVA_VERSION={}", version.trim());
    Ok(())
}
