// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The GPU's MMU (GMMU version 2): address spaces, their page tables, and the TLBs. The tables
//! are built here only; what they may say is decided from the driver's own records.
//!
//! An operation on an [`AddressSpace`] has three parts. The first checks and changes nothing.
//! The second changes the records, works out which tables there have to be, and reserves those
//! that are missing; what fails up to here is undone without a trace. The third writes entries,
//! which can only fail with the card, flushes, and invalidates the TLBs. What was mapped before
//! is let go after that.
//!
//! The unit of the work is a *block*, the 2 MiB that an entry of PD0 covers: a huge page, or a
//! table of big pages, or one of small pages, or both.
//!
//! | module | holds |
//! |---|---|
//! | `space` | address spaces |
//! | `records` | what is mapped where |
//! | `target` | what an entry leads to |
//! | `flags` | how it does |
//! | `shape` | which pages a block gets |
//! | `plan` | reserving tables |
//! | `tables` | the tables that there are |
//! | `pool` | tables of 256 bytes |
//! | `commit`, `entries` | writing entries, in an order that shows nobody foreign memory |
//! | `tlb` | invalidation |
//! | `error` | why a range cannot be mapped |

mod commit;
mod entries;
mod error;
mod flags;
mod plan;
mod pool;
mod records;
mod shape;
mod space;
mod tables;
mod target;
mod tlb;

pub use error::MapError;
pub use flags::{Kind, MapFlags};
pub use space::{AddressSpace, SpaceFigures};
pub(crate) use target::Target;
pub(crate) use tlb::Tlb;

#[cfg(test)]
pub(crate) mod tests;
