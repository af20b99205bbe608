// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Owned VRAM.

use std::sync::Arc;

use nova_spec::gmmu::{PteAperture, BIG_PAGE, HUGE_PAGE, SMALL_PAGE};

use super::{
    backing::{Backing, Sealed},
    extent::Extents,
    manager::MemoryError,
    owner::{Charge, Owner, Usage},
    vram::{VramError, VramManager},
};

/// The sizes of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageSize {
    /// 4 KiB.
    Small,
    /// 64 KiB.
    Big,
    /// 2 MiB.
    Huge,
}

impl PageSize {
    /// Every size.
    pub const ALL: [Self; 3] = [Self::Small, Self::Big, Self::Huge];

    /// Bytes.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Small => SMALL_PAGE,
            Self::Big => BIG_PAGE,
            Self::Huge => HUGE_PAGE,
        }
    }
}

/// What is asked of the VRAM manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VramRequest {
    /// Bytes; what is given is of whole pages.
    pub len: u64,
    /// What each piece is aligned to, and a multiple of: the least size of page that can map it.
    pub page: PageSize,
    /// Whether it has to be one piece.
    pub contiguous: bool,
    /// What it is for.
    pub usage: Usage,
}

impl VramRequest {
    /// A buffer of `len` bytes, in pages of the largest size that it fills.
    pub fn buffer(len: u64) -> Self {
        let page = match len {
            HUGE_PAGE.. => PageSize::Huge,
            BIG_PAGE.. => PageSize::Big,
            _ => PageSize::Small,
        };
        Self {
            len,
            page,
            contiguous: false,
            usage: Usage::Buffer,
        }
    }

    /// A table or an instance block: `len` bytes in small pages.
    pub fn small(len: u64, usage: Usage) -> Self {
        let request = Self::buffer(len).in_pages(PageSize::Small);
        request.contiguous().used_for(usage)
    }

    /// Bytes in whole pages, and those of a page.
    pub(super) fn whole_pages(&self) -> Result<(u64, u64), VramError> {
        let page = self.page.bytes();
        let len = self.len.checked_next_multiple_of(page);
        let len = len
            .filter(|&len| len > 0)
            .ok_or(VramError::Size(self.len))?;
        Ok((len, page))
    }

    /// The same, in pages of this size.
    #[must_use]
    pub fn in_pages(self, page: PageSize) -> Self {
        Self { page, ..self }
    }

    /// The same, in one piece.
    #[must_use]
    pub fn contiguous(self) -> Self {
        let contiguous = true;
        Self { contiguous, ..self }
    }

    /// The same, for `usage`.
    #[must_use]
    pub fn used_for(self, usage: Usage) -> Self {
        Self { usage, ..self }
    }
}

/// VRAM that somebody owns. Dropping it makes it dirty: it is free for others after a scrub, and
/// charged to its owner until then.
pub struct VideoMemory {
    manager: Arc<VramManager>,
    extents: Extents,
    page: PageSize,
    /// Whether it was clean when it was allocated.
    is_clean: bool,
    /// `None` only while this is dropped.
    charge: Option<Charge>,
    owner: Owner,
}

impl VideoMemory {
    pub(super) fn new(
        manager: &Arc<VramManager>,
        extents: Extents,
        page: PageSize,
        is_clean: bool,
        charge: Charge,
    ) -> Self {
        Self {
            manager: manager.clone(),
            extents,
            page,
            is_clean,
            owner: charge.owner().clone(),
            charge: Some(charge),
        }
    }

    /// Gives back what was never written nor led to, as it came: it needs no scrub, and nobody
    /// pays for it any more.
    pub(crate) fn give_back(mut self) {
        if let Some(charge) = self.charge.take() {
            let extents = std::mem::take(&mut self.extents);
            self.manager.put_unused(&extents, self.is_clean);
            drop(charge);
        }
    }

    /// The address in VRAM of its first byte. The others follow only where it is in one piece.
    pub fn address(&self) -> u64 {
        self.extents.at(0).map_or(0, |extent| extent.address)
    }

    /// The address of bytes of its first piece, in whole dwords.
    pub(super) fn place(&self, offset: u64, len: usize) -> Result<u64, MemoryError> {
        let end = offset.checked_add(len as u64);
        let first = self.extents.at(0).filter(|first| {
            offset % 4 == 0 && len % 4 == 0 && end.is_some_and(|end| end <= first.len)
        });
        let first = first.ok_or(MemoryError::Access { offset, len })?;
        Ok(first.address + offset)
    }

    /// What its pieces are aligned to.
    pub fn page(&self) -> PageSize {
        self.page
    }
}

impl std::fmt::Debug for VideoMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VideoMemory")
            .field("owner", &self.owner)
            .field("extents", &self.extents)
            .finish_non_exhaustive()
    }
}

impl Sealed for VideoMemory {}

impl Backing for VideoMemory {
    fn aperture(&self) -> PteAperture {
        PteAperture::VideoMemory
    }

    fn extents(&self) -> &Extents {
        &self.extents
    }

    fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl Drop for VideoMemory {
    fn drop(&mut self) {
        if let Some(charge) = self.charge.take() {
            let extents = std::mem::take(&mut self.extents);
            self.manager.release(extents, charge);
        }
    }
}
