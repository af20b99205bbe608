// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The uAPI of Linux 7.3's nova_drm.h, with upstream's semantics.

use super::Test;
use crate::node::Node;
use anyhow::{ensure, Result};
use kernel_abi::uapi::*;
use std::fs;

pub(super) const TESTS: &[Test] = &[
    ("uapi: the driver is nova-drm", name),
    ("uapi: there is a primary and a render node", nodes),
    ("uapi: GETPARAM VRAM_BAR_SIZE", getparam),
    ("uapi: GEM_CREATE rounds up to pages", create_rounds),
    ("uapi: padding is not looked at", padding),
    ("uapi: a short argument is zero-extended", short_argument),
    ("uapi: QUERY", query),
];

pub(super) fn name(node: &Node) -> Result<()> {
    ensure!(node.driver_name()? == "nova-drm");
    Ok(())
}

fn nodes(_node: &Node) -> Result<()> {
    let names: Vec<String> = fs::read_dir("/dev/dri")?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    ensure!(
        names.iter().any(|name| name.starts_with("card")),
        "{names:?}"
    );
    ensure!(
        names.iter().any(|name| name.starts_with("renderD")),
        "{names:?}"
    );
    Ok(())
}

pub(super) fn getparam(node: &Node) -> Result<()> {
    let size = node.getparam(NOVA_GETPARAM_VRAM_BAR_SIZE)?;
    ensure!(size == 256 << 20, "BAR1 has {size} bytes");
    // Upstream looks at the low half of the number only.
    ensure!(node.getparam(NOVA_GETPARAM_VRAM_BAR_SIZE | 1 << 32)? == size);
    Ok(())
}

pub(super) fn create_rounds(node: &Node) -> Result<()> {
    for (asked, given) in [
        (1, 4096),
        (4096, 4096),
        (4097, 8192),
        ((1 << 20) - 1, 1 << 20),
    ] {
        let handle = node.create(asked)?;
        ensure!(handle != 0);
        let size = node.info(handle)?;
        ensure!(size == given, "{asked} bytes became {size}");
        node.close(handle)?;
    }
    Ok(())
}

pub(super) fn padding(node: &Node) -> Result<()> {
    let mut create = drm_nova_gem_create {
        size: 4096,
        pad: 0xdead_beef,
        handle: 77,
    };
    node.call(DRM_NOVA_GEM_CREATE, &mut create)?;
    let mut info = drm_nova_gem_info {
        handle: create.handle,
        pad: 1,
        size: 99,
    };
    node.call(DRM_NOVA_GEM_INFO, &mut info)?;
    ensure!(info.size == 4096);
    Ok(node.close(create.handle)?)
}

pub(super) fn short_argument(node: &Node) -> Result<()> {
    // Eight bytes: `param` only; DRM core supplies the rest and gives back what fits.
    let mut param = NOVA_GETPARAM_VRAM_BAR_SIZE;
    node.call(DRM_NOVA_GETPARAM, &mut param)?;
    ensure!(param == NOVA_GETPARAM_VRAM_BAR_SIZE);
    Ok(())
}

fn query(node: &Node) -> Result<()> {
    let info = node.query()?;
    ensure!(info.chipset == 0x172, "chipset {:#x}", info.chipset);
    ensure!(info.chip_name.starts_with(b"GA102\0"));
    ensure!(info.vram_bar_size == node.getparam(NOVA_GETPARAM_VRAM_BAR_SIZE)?);
    ensure!(info.vram_size >= info.vram_bar_size);
    Ok(())
}
