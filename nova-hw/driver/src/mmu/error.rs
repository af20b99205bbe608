// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why a range cannot be mapped or unmapped.

use crate::{
    error::Cause,
    mem::{QuotaError, VramError},
};

/// Why an operation on an address space did not happen. Nothing has changed, unless it is
/// [`Self::Card`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The range is empty, or does not start and end on pages.
    #[error("{len:#x} bytes at {va:#x} are no whole pages")]
    Misaligned {
        /// The first address.
        va: u64,
        /// Bytes.
        len: u64,
    },
    /// The range is not all inside the space.
    #[error("{len:#x} bytes at {va:#x} are not inside the address space")]
    OutsideSpace {
        /// The first address.
        va: u64,
        /// Bytes.
        len: u64,
    },
    /// The range is longer than one operation takes.
    #[error("{len:#x} bytes are too many for one mapping")]
    TooLong {
        /// Bytes.
        len: u64,
    },
    /// The memory has no such bytes, or the offset is not on a page.
    #[error("{len:#x} bytes at {offset:#x} are not in the memory ({size:#x} bytes)")]
    OutsideMemory {
        /// The first byte.
        offset: u64,
        /// Bytes.
        len: u64,
        /// Bytes of the memory.
        size: u64,
    },
    /// The memory is somebody else's.
    #[error("the memory belongs to {memory} and the address space to {space}")]
    Foreign {
        /// Whose the memory is.
        memory: String,
        /// Whose the space is.
        space: String,
    },
    /// The owner may not have more tables or mappings.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// There is no VRAM for the tables.
    #[error(transparent)]
    Vram(#[from] VramError),
    /// An earlier operation failed with the card: nobody knows what the tables say. The space can
    /// only be dropped.
    #[error("the address space was lost when the GPU failed")]
    Lost,
    /// The card failed. The space is lost.
    #[error("the page tables could not be changed")]
    Card(#[from] Cause),
}
