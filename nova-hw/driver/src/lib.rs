// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A userspace driver for NVIDIA GPUs with a GSP. Chips: those of [`nova_spec::chip::CHIPS`].
//!
//! A [`Gpu`] is generic over [`nova_pci::Pci`]: a physical card or the software model, in this
//! process or another, and nothing here can tell which. [`Gpu::probe`] takes the device over
//! and identifies chip and memory, [`Gpu::boot`] starts GSP-RM with the firmware that a
//! [`FirmwareSource`] has, [`Booted::unload`] ends it. Dropping either gives the device back.
//!
//! ```
//! use nova_driver::{BootOptions, FirmwareSet, Gpu};
//! use nova_model::Model;
//! use nova_spec::firmware::set::Synthetic;
//!
//! // The one place that knows that the GPU is a model.
//! let gpu = Gpu::probe(Model::builder().vram(1 << 30).build()?)?;
//! let line = gpu.info().to_string();
//! assert_eq!(line, "GA102 (rev a1), 1024 MiB VRAM, 256 MiB of it in BAR1");
//!
//! // A model executes no firmware: files that have the form are enough. A card takes
//! // `FirmwareFolders::with_system(None)`.
//! let chipset = gpu.info().chipset;
//! let files = Synthetic::default().files(chipset)?.into_iter();
//! let folder = chipset.firmware_folder();
//! let firmware: FirmwareSet = files
//!     .map(|file| (format!("{folder}/{}", file.name), file.content))
//!     .collect();
//!
//! let booted = gpu.boot(&firmware, &BootOptions::default())?;
//! assert_eq!(booted.info().firmware.version, "570.144");
//! booted.gpu().vram().write(0, b"hello")?;
//! booted.unload()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `gpu` | probing |
//! | `boot` | the boot from its first to its last step, and the way back |
//! | `info` | what is known of a GPU |
//! | `gfw` | waiting for the card's own firmware |
//! | `flush_page` | the sysmem flush page |
//! | `vbios` | reading the VBIOS |
//! | `firmware` | finding firmware files and looking into them |
//! | `ucode` | programs for falcons, ready to be loaded |
//! | `falcon` | resetting, loading and running a falcon |
//! | `wpr2` | the write-protected region: making it, and ending it |
//! | `gsp` | GSP-RM: memory, queues, commands and events, sequencer |
//! | `rm` | RM's objects: clients and what they have, as calls with types |
//! | `device` | a GPU that does work: owners and what they have |
//! | `channel` | channels, and taking them off the GPU |
//! | `queue` | channels whose ring the driver fills; fences |
//! | `copy` | commands for a copy engine |
//! | `event` | interrupts, RM's events, errors of channels |
//! | `error` | why something did not work |
//! | `timeouts`, `wait` | how long is waited, and how |
//! | `card`, `command`, `dma` | the device: what all parts share, its command register, its memory |
//! | `registers`, `trace` | BAR0 by register types, each access traced |
//! | `vram` | BAR1 as VRAM |
//! | [`mem`] | memory for work: owners, VRAM, system memory |
//! | [`mmu`] | page tables and TLBs |
//! | [`bar1`] | BAR1 in virtual mode |
//! | [`guest`] | a guest's memory in the IOMMU |
#![forbid(unsafe_code)]

pub mod bar1;
mod boot;
mod card;
mod channel;
mod command;
mod copy;
mod device;
mod dma;
mod error;
mod event;
mod falcon;
mod firmware;
mod flush_page;
mod gfw;
mod gpu;
mod gsp;
pub mod guest;
mod info;
pub mod mem;
pub mod mmu;
mod queue;
mod registers;
mod rm;
#[cfg(test)]
mod testing;
mod timeouts;
mod trace;
mod ucode;
mod vbios;
mod vram;
mod wait;
mod wpr2;

pub use boot::{BootOptions, Booted};
pub use channel::{Channel, RingPlace};
pub use copy::{Command, CommandError, FillValue};
pub use device::{Device, OpenError, OwnerHandle, Space, WorkError};
pub use dma::DmaError;
pub use error::{BootError, Cause, ProbeError, Step, UnloadError};
pub use event::{ChannelFault, FaultReason};
pub use firmware::{FirmwareError, FirmwareFolders, FirmwareSet, FirmwareSource, FoundFile};
pub use gpu::Gpu;
pub use gsp::{MessageError, SequencerError};
pub use info::{BootInfo, FirmwareInfo, GpuInfo, PciIds, VbiosInfo, VramLayout, VramRegion};
pub use queue::{CopyQueue, Fence, FenceError, Segment, SubmitError};
pub use rm::{RmCall, RmError};
pub use timeouts::Timeouts;
pub use trace::{Direction, RegisterAccess, Trace, TraceWriter};
pub use ucode::UcodeError;
pub use vbios::{RomBarError, VbiosError};
pub use vram::Vram;
