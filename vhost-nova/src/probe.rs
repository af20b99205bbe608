// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `vhost-nova probe`: takes a GPU, says what it is, and gives it back.

use std::io::Write;

use nova_driver::GpuInfo;
use nova_pci::Pci;
use serde_json::json;

use crate::error::{Context, Error};
use crate::gpu::{GpuName, OnPci};

/// What to probe, and how to tell.
#[derive(Clone, Debug)]
pub struct Options {
    /// The GPU.
    pub gpu: GpuName,
    /// For programs.
    pub json: bool,
}

/// Probes a GPU and writes what it is to `out`.
///
/// # Errors
/// When the GPU can not be had, or is not one that the driver knows.
pub fn probe(options: &Options, out: &mut impl Write) -> Result<(), Error> {
    let info = options.gpu.with_pci(Identify)?;
    let text = match options.json {
        true => serde_json::to_string_pretty(&as_json(&info)).context("writing JSON")? + "\n",
        false => as_text(&info),
    };
    out.write_all(text.as_bytes()).context("writing the report")
}

struct Identify;

impl OnPci for Identify {
    type Output = GpuInfo;

    fn run<P: Pci + 'static>(self, pci: P) -> Result<GpuInfo, Error> {
        let gpu = nova_driver::Gpu::probe(pci).context("probing the GPU")?;
        Ok(*gpu.info())
    }
}

fn as_text(info: &GpuInfo) -> String {
    let ids = info.pci;
    format!(
        "chip      {} (rev {})\nPCI       {:04x}:{:04x}, subsystem {:04x}:{:04x}\n\
         VRAM      {} MiB, {} MiB BAR1\n",
        info.chipset,
        info.revision,
        ids.vendor,
        ids.device,
        ids.subsystem_vendor,
        ids.subsystem_device,
        info.vram_size >> 20,
        info.vram_bar_size >> 20,
    )
}

fn as_json(info: &GpuInfo) -> serde_json::Value {
    json!({ "gpu": {
        "chipset": info.chipset.to_string(),
        "revision": info.revision.to_string(),
        "boot_0": info.boot_0,
        "boot_42": info.boot_42,
        "vram_size": info.vram_size,
        "vram_bar_size": info.vram_bar_size,
        "pci": { "vendor": info.pci.vendor, "device": info.pci.device },
    }})
}
