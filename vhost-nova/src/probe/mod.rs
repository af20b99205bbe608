// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `vhost-nova probe`: takes a GPU, boots it, says what it is, shuts it down and gives it back.

mod report;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use nova_driver::{BootInfo, BootOptions, FirmwareSource, TraceWriter};
use nova_pci::Pci;

use crate::error::{Context, Error};
use crate::gpu::{GpuName, OnPci};

/// What to probe, and how to tell.
#[derive(Clone, Debug)]
pub struct Options {
    /// The GPU.
    pub gpu: GpuName,
    /// Where firmware is looked for before the system's folder.
    pub firmware: Option<PathBuf>,
    /// A file for a line an access to a register.
    pub trace: Option<PathBuf>,
    /// For programs.
    pub json: bool,
}

type Trace = Arc<TraceWriter<BufWriter<File>>>;

/// Probes a GPU and writes what it is to `out`, once it is shut down again.
///
/// # Errors
/// When the GPU can not be had, is not one that the driver knows, or a step of its boot or of
/// its shutdown fails. The trace is written all the same.
pub fn probe(options: &Options, out: &mut impl Write) -> Result<(), Error> {
    let trace = options.trace.as_ref().map(|path| {
        let shown = path.display();
        let file = File::create(path).context(format!("creating the trace {shown}"))?;
        Ok(Arc::new(TraceWriter::new(BufWriter::new(file))))
    });
    let trace: Option<Trace> = trace.transpose()?;
    let mut boot = BootOptions::default();
    boot.bdf = options.gpu.bdf();
    let booted = options.gpu.with_pci(BootAndUnload {
        firmware: options.gpu.firmware(options.firmware.clone())?,
        trace: trace.clone(),
        options: boot,
    });
    let finished = trace.map_or(Ok(()), |trace| trace.finish());
    let info = booted?;
    finished.context("writing the trace")?;
    let text = match options.json {
        true => serde_json::to_string_pretty(&info).context("writing JSON")? + "\n",
        false => report::text(&info),
    };
    out.write_all(text.as_bytes()).context("writing the report")
}

struct BootAndUnload {
    firmware: Box<dyn FirmwareSource>,
    trace: Option<Trace>,
    options: BootOptions,
}

impl OnPci for BootAndUnload {
    type Output = BootInfo;

    fn run<P: Pci + 'static>(self, pci: P) -> Result<BootInfo, Error> {
        let gpu = match self.trace {
            Some(trace) => nova_driver::Gpu::probe_traced(pci, trace),
            None => nova_driver::Gpu::probe(pci),
        };
        let gpu = gpu.context("probing the GPU")?;
        let booted = gpu.boot(&*self.firmware, &self.options);
        let booted = booted.context("booting the GPU")?;
        let info = booted.info().clone();
        booted.unload().context("shutting the GPU down")?;
        Ok(info)
    }
}
