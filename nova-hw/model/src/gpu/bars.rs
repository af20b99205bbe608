// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! BAR1 and BAR2 (PCI's BAR3) as windows: on VRAM as it is, or through page tables, which the
//! instance block in the BAR's block register leads to.
//!
//! The tables are walked at each page of an access, so what software changes in them is seen
//! with the next access; an invalidation is not waited for. What leads nowhere reads as
//! all-ones and drops writes.

use nova_spec::{
    host::{PageDirBaseLo, PageDirBaseTarget},
    register::Register,
    regs::{NV_PBUS_BAR1_BLOCK, NV_PBUS_BAR1_BLOCK_MODE, NV_PBUS_BAR2_BLOCK},
};

use super::{
    mmu::{page_directory_of, walk, Access, Aperture, Backing, Memory, MmuFault, PageDirectory},
    wpr, Gpu,
};

/// A window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BarWindow {
    /// BAR1.
    Bar1,
    /// BAR2.
    Bar2,
}

/// What an access does.
enum Transfer<'a> {
    Read(&'a mut [u8]),
    Write(&'a [u8]),
}

impl Gpu {
    /// How a window is resolved. BAR1's register and BAR2's have one form.
    fn bar_block(&self, window: BarWindow) -> NV_PBUS_BAR1_BLOCK {
        match window {
            BarWindow::Bar1 => self.registers.get(),
            BarWindow::Bar2 => {
                let block: NV_PBUS_BAR2_BLOCK = self.registers.get();
                NV_PBUS_BAR1_BLOCK::from_raw(block.into_raw())
            }
        }
    }

    /// Whether a window shows VRAM as it is.
    pub(crate) fn bar_is_physical(&self, window: BarWindow) -> bool {
        self.bar_block(window).mode() == NV_PBUS_BAR1_BLOCK_MODE::PHYSICAL
    }

    /// Reads bytes of a window.
    pub(crate) fn read_bar(&mut self, window: BarWindow, offset: u64, data: &mut [u8]) {
        if self.bar_is_physical(window) {
            return wpr::cpu_read(&self.vram, self.wpr2().as_ref(), offset, data);
        }
        let root = self.bar_page_directory(window);
        let mut done = 0;
        while done < data.len() {
            let va = offset.saturating_add(done as u64);
            let rest = &mut data[done..];
            done += self.through_page(root, va, Transfer::Read(rest));
        }
    }

    /// Writes bytes of a window.
    pub(crate) fn write_bar(&mut self, window: BarWindow, offset: u64, data: &[u8]) {
        if self.bar_is_physical(window) {
            return wpr::cpu_write(&self.vram, self.wpr2().as_ref(), offset, data);
        }
        let root = self.bar_page_directory(window);
        let mut done = 0;
        while done < data.len() {
            let va = offset.saturating_add(done as u64);
            done += self.through_page(root, va, Transfer::Write(&data[done..]));
        }
    }

    /// Does the part of an access that is in the page of its first byte; how many bytes that
    /// is, which is never 0 unless the access is empty.
    fn through_page(
        &mut self,
        root: Option<PageDirectory>,
        va: u64,
        access: Transfer<'_>,
    ) -> usize {
        let page = match walk(&mut self.memory(), root, va) {
            Ok(page) => page,
            Err(fault) => return unmapped(fault, access),
        };
        let left = usize::try_from(page.left(va)).unwrap_or(usize::MAX);
        match access {
            Transfer::Read(data) => {
                let len = left.min(data.len());
                self.read_backing(page.at(va), &mut data[..len]);
                len
            }
            Transfer::Write(data) => {
                let len = left.min(data.len());
                let write = Access {
                    write: true,
                    privileged: true,
                };
                match write.check(&page) {
                    Ok(()) => self.write_backing(page.at(va), &data[..len]),
                    Err(fault) => tracing::debug!(%fault, va, "a write through a BAR is lost"),
                }
                len
            }
        }
    }

    fn read_backing(&mut self, backing: Backing, data: &mut [u8]) {
        match backing {
            Backing::Sparse => data.fill(0),
            Backing::Memory(Aperture::Vram, address) => {
                wpr::cpu_read(&self.vram, self.wpr2().as_ref(), address, data);
            }
            Backing::Memory(Aperture::System, address) => {
                if self.dma.read(address, data).is_err() {
                    data.fill(0xff);
                }
            }
        }
    }

    fn write_backing(&mut self, backing: Backing, data: &[u8]) {
        match backing {
            Backing::Sparse => {}
            Backing::Memory(Aperture::Vram, address) => {
                wpr::cpu_write(&self.vram, self.wpr2().as_ref(), address, data);
            }
            Backing::Memory(Aperture::System, address) => {
                // An abort is in the status register.
                let _ = self.dma.write(address, data);
            }
        }
    }

    /// The root of a window's tables, if its instance block has one of a known form.
    fn bar_page_directory(&mut self, window: BarWindow) -> Option<PageDirectory> {
        let block = self.bar_block(window);
        // The register has the target where an instance block has it.
        let target = u32::from(block.target().value());
        let aperture = match PageDirBaseLo::new_with_raw_value(target).target().ok()? {
            PageDirBaseTarget::VID_MEM => Aperture::Vram,
            _ => Aperture::System,
        };
        page_directory_of(&mut self.memory(), aperture, block.address())
    }

    fn memory(&mut self) -> Memory<'_> {
        let wpr2 = self.wpr2();
        Memory {
            vram: &self.vram,
            dma: &mut self.dma,
            wpr2,
        }
    }
}

/// An access that leads nowhere, up to the end of its small page.
fn unmapped(fault: MmuFault, access: Transfer<'_>) -> usize {
    tracing::debug!(%fault, "an access through a BAR leads nowhere");
    let left = 4096 - (fault.va % 4096) as usize;
    match access {
        Transfer::Read(data) => {
            let len = left.min(data.len());
            data[..len].fill(0xff);
            len
        }
        Transfer::Write(data) => left.min(data.len()),
    }
}

#[cfg(test)]
mod tests;
