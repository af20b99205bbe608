// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A software model of an NVIDIA GPU: a PCI device that a driver cannot tell from a card.
//!
//! [`Model`] is the card. It answers through the PCI seam ([`nova_pci::Pci`]), in process
//! here and behind a transport elsewhere, and there is no other way in: what a driver must
//! not see is not public.
//!
//! # What it models
//! * configuration space, with the power management, MSI and PCI Express capabilities, the
//!   BAR sizing protocol, and the command register's hold on memory decode;
//! * BAR0, 16 MiB: every register that `nova-spec` declares, the ROM window, the mirror of
//!   configuration space, PRAMIN; the interrupt tree, the clock, and the two falcons with their
//!   DMA. An undefined register reads 0 and drops writes, and is logged the first time;
//! * BAR1, 256 MiB: the first part of VRAM, which is one sealed, sparse memfd. BAR1 is in
//!   physical mode; in virtual mode, without page tables, it answers all-ones. Who maps the
//!   memfd bypasses the card, and sees the write-protected region too;
//! * the option ROM, 512 KiB;
//! * BAR3, 32 MiB: nothing behind it yet, so it is like undefined registers.
//!
//! It executes no microcode: it shows the effects that a driver can observe, and derives them
//! from what the driver wrote. What a card may choose (here the memory size) is drawn from a
//! seed, which is logged.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `builder` | what may be chosen about a card |
//! | `device` | the card, and the PCI seam on it |
//! | `bus` | memory by bus address, as the card reaches it |
//! | `transport` | what a transport needs beyond the seam |
//! | `interrupt` | where interrupts go |
//! | `config` | configuration space |
//! | `dma` | the bus, while the card is a bus master |
//! | `board` | what is this card's: memory, fuses, VBIOS, times |
//! | `gpu` | the chip behind BAR0, a file a hardware unit; `gpu::table` has the registers |
//! | `register_file` | access to such a table: partial, split, by access kind |
//! | `vram` | the memory |
#![forbid(unsafe_code)]

mod board;
mod builder;
mod bus;
mod config;
mod device;
#[allow(dead_code)] // as above
mod dma;
#[allow(dead_code)] // the programs on the falcons use the rest, and come next
mod gpu;
mod interrupt;
mod register_file;
mod transport;
#[allow(dead_code)] // as above
mod vbios;
#[allow(dead_code)] // as above
mod vram;

pub use board::DEFAULT_VRAM;
pub use builder::{BuildError, Builder};
pub use device::{Model, ModelBar, ModelMapping};
pub use interrupt::Interrupt;
