// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What the documents say about NVIDIA GPUs with a GSP: registers, chips and formats.
//!
//! Encoding and decoding only, shared by `nova-driver` and `nova-model` so that the two
//! cannot disagree in silence. Names are NVIDIA's own, from the `published` headers of
//! open-gpu-kernel-modules and from open-gpu-doc.
//!
//! | module | holds |
//! |---|---|
//! | [`register`] | what a register is: place, name, and its access in the type |
//! | [`regs`] | the registers of BAR0, a file a hardware unit; the name of any offset |
//! | [`chip`] | the chips known, a row each |
//! | [`falcon`] | the microcontrollers: which there are, how a program is loaded |
//! | [`firmware`] | firmware files: containers, TLV, synthetic sets |
//! | [`vbios`] | the ROM: images, tables, FWSEC and its command; a builder |
//! | [`gsp`] | GSP's boot: VRAM layout, WPR metadata, page tables of its image, arguments |
//! | [`queue`] | the queues between driver and GSP |
//! | [`rpc`] | messages, functions and their payloads |
//! | [`rm`] | RM's objects, controls and events |
//! | [`gmmu`] | page tables |
//! | [`host`] | rings, methods, semaphores, instance blocks |
//! | [`mmu_fault`] | why the MMU refuses an access |
//! | [`semaphore`], [`mem_op`] | what methods of the host engine do to memory and TLBs |
//! | [`ce`] | methods of the copy engine |
//! | [`error`] | why bytes are not what they should be |
//! | [`pci`] | configuration space: offsets, bits, capability ids |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bytes;
pub mod ce;
pub mod chip;
pub mod error;
pub mod falcon;
pub mod firmware;
pub mod gmmu;
pub mod gsp;
pub mod host;
pub mod mem_op;
pub mod mmu_fault;
mod numbers;
pub mod pci;
pub mod queue;
pub mod register;
pub mod regs;
pub mod rm;
pub mod rpc;
pub mod semaphore;
pub mod vbios;

pub use chip::{Chip, Chipset};
pub use error::FormatError;
