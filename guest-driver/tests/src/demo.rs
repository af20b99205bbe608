// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What `cargo xtask demo` shows of a guest.

use crate::{data, reload};
use anyhow::Result;
use kernel_abi::uapi::NOVA_GETPARAM_VRAM_BAR_SIZE;

/// Objects, and bytes of each: 512 pages that lie between those of the others.
const OBJECTS: usize = 8;
const SIZE: usize = 2 << 20;

/// Loads the module anew, fills and checks objects in both directions, prints `key=value`s.
pub fn run() -> Result<bool> {
    reload::unload()?;
    let (node, attach) = reload::load()?;
    let info = node.query()?;
    let name: Vec<u8> = info
        .chip_name
        .iter()
        .copied()
        .take_while(|byte| *byte != 0)
        .collect();
    let buffers = data::scattered(&node, OBJECTS, SIZE)?;
    let totals = data::both_directions(&buffers, 0x6e6f_7661)?;
    println!(
        "demo: chip={} vram_bar_size={} vram_size={} objects={} bytes_written={} bytes_read={} crc_ok=yes attach_us={}",
        String::from_utf8_lossy(&name),
        node.getparam(NOVA_GETPARAM_VRAM_BAR_SIZE)?,
        info.vram_size,
        buffers.len(),
        totals.written,
        totals.read_back,
        attach.as_micros()
    );
    Ok(true)
}
