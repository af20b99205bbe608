// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory as a channel sees it: by virtual address.

use super::{Access, Backing, Memory, MmuFault, Page, PageDirectory, Tlb};

/// An address space in use.
#[derive(Debug)]
pub(crate) struct AddressSpace<'a, 'm> {
    pub(crate) memory: &'a mut Memory<'m>,
    pub(crate) tlb: &'a mut Tlb,
    pub(crate) root: Option<PageDirectory>,
    /// Privileged pages may be touched.
    pub(crate) privileged: bool,
}

impl AddressSpace<'_, '_> {
    /// The page of an address, which may be read, or written.
    pub(crate) fn page(&mut self, va: u64, write: bool) -> Result<Page, MmuFault> {
        let access = Access {
            write,
            privileged: self.privileged,
        };
        self.tlb.translate(self.memory, self.root, va, access)
    }

    /// Copies out, over pages.
    pub(crate) fn read(&mut self, va: u64, data: &mut [u8]) -> Result<(), MmuFault> {
        let mut va = va;
        let mut rest = data;
        while !rest.is_empty() {
            let page = self.page(va, false)?;
            let count = page.left(va).min(rest.len() as u64) as usize;
            let (part, after) = rest.split_at_mut(count);
            match page.at(va) {
                Backing::Sparse => part.fill(0),
                Backing::Memory(aperture, address) => {
                    let done = self.memory.read(aperture, address, part);
                    done.map_err(|fault| MmuFault { va, fault })?;
                }
            }
            va = va.wrapping_add(count as u64);
            rest = after;
        }
        Ok(())
    }

    /// Copies in, over pages.
    pub(crate) fn write(&mut self, va: u64, data: &[u8]) -> Result<(), MmuFault> {
        let mut va = va;
        let mut rest = data;
        while !rest.is_empty() {
            let page = self.page(va, true)?;
            let count = page.left(va).min(rest.len() as u64) as usize;
            let (part, after) = rest.split_at(count);
            if let Backing::Memory(aperture, address) = page.at(va) {
                let done = self.memory.write(aperture, address, part);
                done.map_err(|fault| MmuFault { va, fault })?;
            }
            va = va.wrapping_add(count as u64);
            rest = after;
        }
        Ok(())
    }
}
