// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a GPU is, for people.

use std::fmt::Write;
use std::ops::Range;

use nova_driver::{BootInfo, VramRegion};

/// A line a fact.
pub(crate) fn text(info: &BootInfo) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    let (gpu, ids) = (&info.gpu, &info.gpu.pci);
    row("chip", format!("{} (rev {})", gpu.chipset, gpu.revision));
    row("name", or_none(&info.name));
    let (vendor, device) = (ids.subsystem_vendor, ids.subsystem_device);
    let subsystem = format!("subsystem {vendor:04x}:{device:04x}");
    row(
        "PCI",
        format!("{:04x}:{:04x}, {subsystem}", ids.vendor, ids.device),
    );
    row("VBIOS", vbios(info));
    let firmware = &info.firmware;
    row(
        "firmware",
        format!("{} from {}", firmware.version, or_none(&firmware.origin)),
    );
    let (vram, bar) = (gpu.vram_size >> 20, gpu.vram_bar_size >> 20);
    row("VRAM", format!("{vram} MiB, {bar} MiB BAR1"));
    for region in &info.regions {
        row("  region", self::region(region));
    }
    let layout = &info.layout;
    for (name, part) in [
        ("  VGA", &layout.vga_workspace),
        ("  WPR2", &layout.wpr2),
        ("    FRTS", &layout.frts),
        ("    loader", &layout.bootloader),
        ("    GSP-RM", &layout.image),
        ("    heap", &layout.heap),
        ("  heap", &layout.non_wpr_heap),
    ] {
        row(name, range(part));
    }
    row("engines", or_none(&info.engines.join(", ")));
    text
}

fn vbios(info: &BootInfo) -> String {
    let vbios = &info.vbios;
    let version = vbios.version.as_deref().unwrap_or("without a version");
    let date = vbios
        .date
        .as_ref()
        .map_or(String::new(), |date| format!(" of {date}"));
    let (size, source) = (vbios.size >> 10, vbios.source);
    format!("{version}{date}, {size} KiB, from {source}")
}

fn region(region: &VramRegion) -> String {
    let place = format!("{:#012x}..={:#012x}", region.base, region.limit);
    match region.is_usable() {
        true => format!("{place}, usable"),
        false if region.protected => format!("{place}, protected"),
        false => format!("{place}, reserved"),
    }
}

fn range(part: &Range<u64>) -> String {
    let size = part.end.saturating_sub(part.start) >> 10;
    format!("{:#012x}..{:#012x}, {size} KiB", part.start, part.end)
}

fn or_none(text: &str) -> String {
    if text.is_empty() {
        return "none".into();
    }
    text.into()
}
