// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A userspace driver for NVIDIA GPUs with a GSP. Chips: those of [`nova_spec::chip::CHIPS`].
//!
//! [`Gpu`] is generic over [`nova_pci::Pci`]: a physical card or the software model, in this
//! process or another, and nothing here can tell which. [`Gpu::probe`] takes the device over
//! and identifies chip and memory; dropping the [`Gpu`] gives it back.
//!
//! ```
//! use std::sync::Arc;
//!
//! use nova_driver::Gpu;
//! use nova_model::Model;
//!
//! // The one place that knows that the GPU is a model.
//! let gpu = Arc::new(Gpu::probe(Model::builder().vram(1 << 30).build()?)?);
//!
//! let info = gpu.info();
//! assert_eq!(info.to_string(), "GA102 (rev a1), 1024 MiB VRAM, 256 MiB of it in BAR1");
//! assert_eq!(info.vram_bar_size, 256 << 20);
//!
//! gpu.vram().write(0, b"hello")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `gpu` | probing, and what is known of a GPU |
//! | `error` | why a GPU could not be probed |
//! | `command` | the command register, set and given back |
//! | `registers` | BAR0 by register types, each access traced |
//! | `vram` | BAR1 as VRAM |
#![forbid(unsafe_code)]

mod command;
mod error;
mod gpu;
mod registers;
mod vram;

pub use error::ProbeError;
pub use gpu::{Gpu, GpuInfo, PciIds};
pub use vram::Vram;
