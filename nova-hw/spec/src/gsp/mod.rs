// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What GSP finds in memory when it starts: where things go in VRAM, what the booter is told,
//! what libos and GSP-RM are told. Firmware 570.144.
//!
//! | module | holds |
//! |---|---|
//! | [`layout`] | where WPR2 and its parts are in VRAM |
//! | [`wpr`] | the metadata for the booter |
//! | [`radix3`] | page tables of GSP-RM's image |
//! | [`libos`] | arguments of libos and GSP-RM, log buffers |

pub mod layout;
pub mod libos;
pub mod radix3;
pub mod wpr;

/// Bytes of a page as GSP counts them.
pub const GSP_PAGE_SIZE: u64 = 4096;
