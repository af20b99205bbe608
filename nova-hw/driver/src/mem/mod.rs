// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory for work on the GPU: whose it is, where it is, and in which state.
//!
//! Every byte of VRAM that is not free, and every byte of system memory that the driver
//! allocates for somebody, is charged to an [`Owner`]. VRAM goes round in one direction:
//!
//! ```text
//! free and clean ──alloc──► owned ──drop──► dirty, still charged ──scrub, flush──► free and clean
//!                             ▲
//!          dirty at start ────┘  only for what the CPU fills itself: tables, instance blocks
//! ```
//!
//! An owned [`VideoMemory`] is shared by whoever maps it, so that it is dropped only when no
//! mapping is left and the TLBs have been told.
//!
//! | module | holds |
//! |---|---|
//! | `owner` | owners, limits, charges |
//! | `extent` | pieces of memory |
//! | `buddy` | free frames |
//! | `vram` | the VRAM manager |
//! | `scrub` | what is between owners |
//! | `video` | owned VRAM |
//! | `system` | system memory of the driver's |
//! | `backing` | what can be mapped |
//! | `instmem` | VRAM through the PRAMIN window |
//! | `manager` | all of it, for a GPU that has booted |

mod backing;
mod buddy;
mod extent;
mod instmem;
mod manager;
mod owner;
mod scrub;
mod system;
mod video;
mod vram;

pub use backing::Backing;
pub(crate) use backing::Sealed;
pub(crate) use buddy::Buddy;
pub use extent::{Extent, Extents};
pub(crate) use instmem::Instmem;
pub use manager::{MemoryError, MemoryManager};
pub use owner::{Charge, Limits, Owner, OwnerFigures, QuotaError, Resource, Usage};
pub use scrub::{ScrubError, Scrubber};
pub use system::SystemMemory;
pub use video::{PageSize, VideoMemory, VramRequest};
pub use vram::{VramError, VramFigures};
