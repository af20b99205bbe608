// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why something for work on the GPU could not be made.

use crate::{
    error::Cause,
    mem::{MemoryError, QuotaError, ScrubError, VramError},
    mmu::MapError,
    rm::RmError,
};

/// Why something for work on the GPU could not be made. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// RM, or the card.
    #[error(transparent)]
    Rm(#[from] RmError),
    /// Memory for it.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Mapping it.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The owner may not have it.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The card does not take what the owners may have in sum.
    #[error("{asked} channels, groups and address spaces are more than the {left} that are left")]
    Budget {
        /// What the new owner may have.
        asked: u64,
        /// What is left on the card.
        left: u64,
    },
    /// There is no such copy engine.
    #[error("there is no copy engine {0}")]
    NoEngine(u32),
    /// Every channel of the card is in use.
    #[error("the card has no channel left")]
    NoChannel,
    /// A ring is where none can be.
    #[error("a ring of {entries} entries can not be at {va:#x}")]
    Ring {
        /// Its virtual address.
        va: u64,
        /// Its entries.
        entries: u32,
    },
    /// USERD is no page of system memory of the owner's.
    #[error("offset {offset:#x} is no page of the owner's system memory, as USERD has to be")]
    Userd {
        /// Where it should be.
        offset: u64,
    },
    /// The address space is another owner's.
    #[error("the address space belongs to {space} and not to {owner}")]
    Foreign {
        /// Whose it is.
        space: String,
        /// Who asked.
        owner: String,
    },
    /// Scrubbing memory.
    #[error(transparent)]
    Scrub(#[from] ScrubError),
    /// The card's registers.
    #[error("the GPU could not be reached")]
    Card(#[from] Cause),
}

impl From<VramError> for WorkError {
    fn from(error: VramError) -> Self {
        Self::Memory(error.into())
    }
}

/// Why a GPU could not be opened. It was unloaded.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the GPU for work")]
pub struct OpenError(#[source] pub WorkError);
