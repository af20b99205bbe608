// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The instance block: VRAM that makes a channel. RM fills RAMFC in it; the address space is
//! written by the driver, before RM sees it.

use std::sync::Arc;

use nova_pci::Pci;
use nova_spec::host::{ramin, PageDirBaseLo, PageDirBaseTarget};

use crate::mem::{MemoryError, MemoryManager, Owner, Usage, VideoMemory};

/// Makes one, for an address space whose root is at `page_directory` in VRAM.
pub(super) fn new<P: Pci>(
    memory: &MemoryManager<P>,
    owner: &Owner,
    page_directory: u64,
) -> Result<Arc<VideoMemory>, MemoryError> {
    let block = memory.alloc_instance(owner, Usage::InstanceBlock, ramin::SIZE)?;
    let base = PageDirBaseLo::page_dir_base(PageDirBaseTarget::VID_MEM, page_directory);
    // A root is a page, so it has a base.
    let base = base.unwrap_or_default().to_le_bytes();
    memory.write_instance(&block, ramin::PAGE_DIR_BASE, &base)?;
    // The same for the first subcontext, which is the only one that is valid.
    memory.write_instance(&block, ramin::SC_PAGE_DIR_BASE, &base)?;
    memory.write_instance(&block, ramin::SC_PDB_VALID, &1u32.to_le_bytes())?;
    // RM writes RAMFC into it next: zeros that are still on their way must not come after that.
    memory.tlb().flush()?;
    Ok(block)
}
