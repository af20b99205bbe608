// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A software model of an NVIDIA GPU: a PCI device that a driver cannot tell from a card.
//!
//! [`Model`] is the card. It answers through the PCI seam ([`nova_pci::Pci`]), in process
//! here and behind a transport elsewhere, and there is no other way in: what a driver must
//! not see is not public.
//!
//! # What it models
//! * configuration space, with the power management, MSI and PCI Express capabilities, the
//!   BAR sizing protocol, and the command register's hold on memory decode and DMA;
//! * BAR0, 16 MiB: every register that `nova-spec` declares, the ROM window, the mirror of
//!   configuration space, PRAMIN; the interrupt tree, the clock, and the two falcons with their
//!   DMA. An undefined register reads 0 and drops writes, and is logged the first time;
//! * BAR1, 256 MiB, and BAR3, 32 MiB (NVIDIA's BAR2): in physical mode the first part of
//!   VRAM, which is one sealed, sparse memfd; in virtual mode, in which GSP-RM leaves them,
//!   what their page tables map at the moment of an access. [`ModelBar`] gives the memfd away
//!   only while BAR1 is physical: who maps it bypasses the card, page tables and
//!   write-protected region included;
//! * the option ROM, 512 KiB;
//! * page tables (GMMU version 2), channels, and their copy engines: see `gpu::host`, `gpu::ce`;
//! * what FWSEC, the booters and GSP-RM do that a driver can see, from a card at power-on to
//!   one that answers calls, and back.
//!
//! It executes no microcode: it shows effects, and derives them from what the driver wrote.
//! What is loaded into a falcon must be what the card's own VBIOS has, or look like a booter.
//! What a card may choose is drawn from a seed, which is logged: see `board` and `gpu::gsp`.
//!
//! # What can be made to go wrong
//! [`fault`] has plans of faults. [`Builder::delayed_writes`] holds writes back until something
//! waits for them; [`Builder::delayed_channels`] has channels take their time.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `builder` | what may be chosen about a card |
//! | `device`, `bar` | the card, and the PCI seam on it |
//! | `transport` | what a transport needs beyond the seam |
//! | `state` | what changes, behind the card's lock |
//! | `timer`, `deferred` | what happens later |
//! | [`fault`] | faults as data |
//! | `trace` | a record of the accesses to BAR0 |
//! | `bus` | memory by bus address, as the card reaches it |
//! | `dma` | the bus, while the card is a bus master |
//! | `interrupt` | where interrupts go |
//! | `config` | configuration space |
//! | `board`, `vbios` | what is this card's: memory, fuses, VBIOS, times |
//! | `gpu` | the chip behind BAR0, a file a hardware unit; `gpu::table` has the registers |
//! | `gpu::mmu`, `gpu::host`, `gpu::ce` | page tables, channels, copies |
//! | `gpu::fwsec`, `gpu::booter`, `gpu::gsp` | what the programs do |
//! | `register_file` | access to a table of registers: partial, split, by access kind |
//! | `vram` | the memory |
#![forbid(unsafe_code)]

mod bar;
mod board;
mod builder;
mod bus;
mod config;
mod deferred;
mod device;
mod dma;
pub mod fault;
mod gpu;
mod interrupt;
mod register_file;
mod state;
mod timer;
mod trace;
mod transport;
mod vbios;
mod vram;

pub use bar::ModelBar;
pub use board::DEFAULT_VRAM;
pub use builder::{BuildError, Builder};
pub use device::{Model, ModelMapping};
pub use gpu::host::Counters;
pub use interrupt::Interrupt;
