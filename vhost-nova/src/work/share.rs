// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What the protocol needs of a GPU: the seam between the tables of a tenant's work and the driver
//! that does it. [`gpu`](crate::gpu) has the implementation; the tests here have another.

use std::any::Any;
use std::sync::Arc;

use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

/// Memory that can be mapped. Who implements [`Share`] knows what is in it.
pub type Memory = Arc<dyn Any + Send + Sync>;

/// Something that is taken back when this is dropped.
pub type Reservation = Box<dyn Any + Send>;

/// Why the GPU did not do something. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// The tenant may not have more.
    #[error("the tenant's limit is reached")]
    Limit,
    /// The card has no more, for anybody.
    #[error("the card has no memory left")]
    OutOfMemory,
    /// A range is not in the guest's memory any more.
    #[error("a range is not in guest memory")]
    Address,
    /// The GPU did not do it.
    #[error("the GPU failed")]
    Failed,
}

/// What a queue's work is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// GPU virtual address, a multiple of 4.
    pub addr: u64,
    /// Bytes, a multiple of 4, not 0.
    pub length: u32,
    /// Fetched only when it is its turn.
    pub no_prefetch: bool,
}

/// Why a queue or an address space is lost (section 7 of the document).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// One of the `LOST_*` of the protocol.
    pub reason: u32,
    /// The address of a fault, or 0.
    pub address: u64,
}

impl Loss {
    /// A loss without an address.
    pub const fn of(reason: u32) -> Self {
        Self { reason, address: 0 }
    }
}

/// Why work was not submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// Something has to complete first.
    Full,
    /// The queue has ended.
    Ended,
}

/// What the GPU is, for the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// Class of channels.
    pub gpfifo: u32,
    /// Class of the copy engine, or 0.
    pub copy: u32,
    /// Bit n: pages of 2^n bytes.
    pub page_sizes: u64,
}

/// Bytes of VRAM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VramFigures {
    /// What the tenant may have.
    pub quota: u64,
    /// What it has.
    pub used: u64,
}

/// A tenant's share of a GPU. Methods may take as long as the card takes for a few register accesses
/// or one call of its firmware; they do not wait for anybody's work.
pub trait Share: Send + Sync {
    /// What the GPU is.
    fn classes(&self) -> Classes;

    /// VRAM that the tenant may have, and has.
    fn vram(&self) -> VramFigures;

    /// VRAM that reads as zeros.
    ///
    /// # Errors
    /// [`ShareError::Limit`] for the tenant's quota, [`ShareError::OutOfMemory`] for the card's memory.
    fn alloc(&self, len: u64) -> Result<Memory, ShareError>;

    /// Pages of the guest, in their order: guest addresses, and bytes from there.
    ///
    /// # Errors
    /// [`ShareError::Address`] when they are not in its memory, [`ShareError::Limit`] when so many are
    /// mapped already that the tenant may not have more.
    fn pages(&self, runs: &[(u64, u64)]) -> Result<Memory, ShareError>;

    /// Makes the guest's memory known. `false` when memory that goes away is still mapped in an
    /// address space: then nothing has changed.
    ///
    /// # Errors
    /// When the GPU cannot reach the memory.
    fn set_memory(&self, regions: &GuestMemoryMmap) -> anyhow::Result<bool>;

    /// Sets aside bytes of VRAM for page tables, and a number of mappings.
    ///
    /// # Errors
    /// [`ShareError::Limit`].
    fn reserve(&self, tables: u64, mappings: u64) -> Result<Reservation, ShareError>;

    /// An empty address space.
    ///
    /// # Errors
    /// When the tenant may not have it, or the GPU fails.
    fn space(&self) -> Result<Arc<dyn Space>, ShareError>;

    /// A queue in a space of this share. `notify` is written to when something on it may be done, and
    /// when it has ended.
    ///
    /// # Errors
    /// When the tenant may not have it, or the GPU fails.
    fn queue(
        &self,
        space: &Arc<dyn Space>,
        priority: u32,
        notify: &EventFd,
    ) -> Result<Box<dyn Queue>, ShareError>;

    /// Takes all queues off the GPU until [`Self::resume`]: when this returns they touch no memory.
    /// Those that do not go in time have ended.
    fn pause(&self);

    /// Lets the queues run again.
    fn resume(&self);

    /// Takes all queues off the GPU for good: when this returns they touch no memory.
    fn stop(&self);

    /// Erases VRAM that was given back. May wait for the GPU.
    fn scrub(&self);

    /// Whether the card is lost.
    fn is_lost(&self) -> bool;

    /// Whether somebody tells when work is done; else who waits has to look again and again.
    fn has_interrupts(&self) -> bool;
}

/// An address space. What it maps lives until it is unmapped; dropping it unmaps all. Queues in it
/// keep it.
pub trait Space: Any + Send + Sync {
    /// Maps a part of memory over whatever is there.
    ///
    /// # Errors
    /// [`ShareError::Failed`] when nobody knows what is mapped now.
    fn map(
        &self,
        addr: u64,
        memory: &Memory,
        offset: u64,
        length: u64,
        read_only: bool,
    ) -> Result<(), ShareError>;

    /// Makes a range sparse.
    ///
    /// # Errors
    /// As of [`Self::map`].
    fn map_sparse(&self, addr: u64, length: u64) -> Result<(), ShareError>;

    /// Unmaps a range. When this returns no engine uses what was mapped there.
    ///
    /// # Errors
    /// As of [`Self::map`].
    fn unmap(&self, addr: u64, length: u64) -> Result<(), ShareError>;
}

/// A queue. Dropping it takes it off the GPU; nothing of it runs any more then.
pub trait Queue: Send {
    /// Submits segments, to be run in order after all before; the number of the submission. Does not
    /// wait, and there is at least one segment.
    ///
    /// # Errors
    /// Nothing is run then.
    fn submit(&self, segments: &[Segment]) -> Result<u64, SubmitError>;

    /// The last submission that is done. What the GPU says is not to be relied on: it may be any number.
    fn completed(&self) -> u64;

    /// Why it has ended, if it has.
    fn loss(&self) -> Option<Loss>;
}
