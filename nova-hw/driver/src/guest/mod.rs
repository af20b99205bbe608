// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A guest's memory in the IOMMU: each of its regions whole, at one distance from its addresses.
//!
//! Whole, because an IOMMU takes a limited number of mappings (VFIO's type 1: 65,535), and a
//! guest has more objects than that. What a guest's work reaches of it is decided by the page
//! tables of its address spaces. An owner has one slot of bus addresses, aligned to its size;
//! guest address 0 is at its start.
//!
//! A region is let go when the last [`GuestPages`] in it is gone, and address spaces hold those
//! until no TLB has them. An [`update`](GuestMemory::update) that takes a region away refuses to
//! do so before.
//!
//! | module | holds |
//! |---|---|
//! | `region` | one region |
//! | `table` | checking a table, and the difference between two |
//! | `memory` | all of a guest's memory |
//! | `pages` | an object in it |

mod memory;
mod pages;
mod region;
mod table;

pub use memory::{Changes, GuestMemory, GuestMemoryError};
pub use pages::GuestPages;
pub use region::RegionSpec;

#[cfg(test)]
mod tests;
