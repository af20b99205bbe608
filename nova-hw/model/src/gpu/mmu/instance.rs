// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The page directory that an instance block names.

use nova_spec::host::{ramin, PageDirBaseLo, PageDirBaseTarget};

use super::{Aperture, Memory, PageDirectory};

/// The page directory of the instance block at `address`; `None` when it cannot be read, or
/// names none.
pub(crate) fn page_directory_of(
    memory: &mut Memory<'_>,
    aperture: Aperture,
    address: u64,
) -> Option<PageDirectory> {
    let at = address.checked_add(ramin::PAGE_DIR_BASE)?;
    let entry = memory.read64(aperture, at).ok()?;
    let low = PageDirBaseLo::new_with_raw_value(entry as u32);
    let aperture = match low.target().ok()? {
        PageDirBaseTarget::VID_MEM => Aperture::Vram,
        PageDirBaseTarget::SYS_MEM_COHERENT | PageDirBaseTarget::SYS_MEM_NONCOHERENT => {
            Aperture::System
        }
    };
    let address = u64::from(low.lo().value()) << 12 | entry >> 32 << 32;
    // Only tables of this version are walked.
    low.use_ver2_pt_format()
        .then_some(PageDirectory { aperture, address })
}
