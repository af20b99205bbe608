// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The peer's memory, as the device reaches it.

use std::{collections::BTreeMap, fs::File, os::fd::OwnedFd, sync::Arc};

use nova_pci::{DmaMemory, Pci, PAGE_SIZE};
use rustix::io::Errno;

use super::errno;
use crate::vfio_user::message::{DmaMap, DmaUnmap, MAX_DMA_MAPS};

/// What the peer mapped.
///
/// # Invariants
/// The ranges are of whole pages, end at or below `u64::MAX`, and do not overlap.
pub(crate) struct DmaTable<P: Pci> {
    ranges: BTreeMap<u64, Range<P>>,
}

struct Range<P: Pci> {
    len: u64,
    /// Absent for memory that came without a file, like ROMs: the device does not reach it.
    shown: Option<Shown<P>>,
}

struct Shown<P: Pci> {
    file: Arc<File>,
    file_offset: u64,
    _mapping: P::Mapping,
}

impl<P: Pci> Default for DmaTable<P> {
    fn default() -> Self {
        Self {
            ranges: BTreeMap::new(),
        }
    }
}

impl<P: Pci> DmaTable<P> {
    /// Memory that the peer says is read-only is shown like other memory: the device is trusted
    /// with that much, the model is.
    pub(crate) fn map(&mut self, pci: &P, map: &DmaMap, fds: Vec<OwnedFd>) -> Result<(), Errno> {
        let end = checked_end(map.address, map.size)?;
        let known = DmaMap::READ | DmaMap::WRITE;
        let mut fds = fds.into_iter();
        let fd = fds.next();
        if map.flags & !known != 0 || fds.next().is_some() {
            return Err(Errno::INVAL);
        }
        if self.ranges.len() >= MAX_DMA_MAPS {
            return Err(Errno::NOSPC);
        }
        let below = self.ranges.range(..end).next_back();
        if below.is_some_and(|(start, range)| start + range.len > map.address) {
            return Err(Errno::EXIST);
        }
        let file = fd.map(|fd| Arc::new(File::from(fd)));
        let (address, len) = (map.address, map.size);
        let shown = file.map(|file| show(pci, address, len, file, map.offset));
        let shown = shown.transpose()?;
        // INVARIANT: checked above.
        self.ranges.insert(address, Range { len, shown });
        Ok(())
    }

    /// Takes away all that is mapped in a range. A range over parts of maps leaves the rest of
    /// them, which QEMU's changes of the memory below 1 MiB need.
    pub(crate) fn unmap(&mut self, pci: &P, unmap: &DmaUnmap) -> Result<(), Errno> {
        if unmap.flags & DmaUnmap::GET_DIRTY_BITMAP != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        if unmap.flags & DmaUnmap::ALL != 0 {
            if (unmap.address, unmap.size) != (0, 0) {
                return Err(Errno::INVAL);
            }
            self.ranges.clear();
            return Ok(());
        }
        let (start, end) = (unmap.address, checked_end(unmap.address, unmap.size)?);
        let touched: Vec<u64> = {
            let all = self.ranges.range(..end).rev();
            let touched = all.take_while(|(at, range)| *at + range.len > start);
            touched.map(|(at, _)| *at).collect()
        };
        if touched.is_empty() {
            return Err(Errno::NOENT);
        }
        for at in touched {
            if let Some(range) = self.ranges.remove(&at) {
                self.keep_rest(pci, at, range, (start, end))?;
            }
        }
        Ok(())
    }

    /// Puts back what of a range is outside of `gone`.
    fn keep_rest(
        &mut self,
        pci: &P,
        at: u64,
        range: Range<P>,
        gone: (u64, u64),
    ) -> Result<(), Errno> {
        let end = at + range.len;
        let file = range.shown.as_ref();
        let file = file.map(|shown| (shown.file.clone(), shown.file_offset));
        // The mapping goes before parts of it come back.
        drop(range);
        for (from, to) in [(at, gone.0), (gone.1, end)] {
            if from >= to {
                continue;
            }
            let shown = match &file {
                Some((file, offset)) => {
                    let offset = offset + (from - at);
                    Some(show(pci, from, to - from, file.clone(), offset)?)
                }
                None => None,
            };
            // INVARIANT: inside of the range that was removed.
            let len = to - from;
            self.ranges.insert(from, Range { len, shown });
        }
        Ok(())
    }
}

/// Maps a part of a file, which must have it, and shows it to the device.
fn show<P: Pci>(
    pci: &P,
    address: u64,
    len: u64,
    file: Arc<File>,
    file_offset: u64,
) -> Result<Shown<P>, Errno> {
    let memory = DmaMemory::from_file(file.clone(), file_offset, len);
    let memory = memory.map_err(|error| match Errno::from_io_error(&error) {
        Some(errno) => errno,
        None => Errno::INVAL,
    })?;
    let mapping = pci.dma_map(address, &memory).map_err(errno)?;
    Ok(Shown {
        file,
        file_offset,
        _mapping: mapping,
    })
}

fn checked_end(address: u64, size: u64) -> Result<u64, Errno> {
    if size == 0 || address % PAGE_SIZE != 0 || size % PAGE_SIZE != 0 {
        return Err(Errno::INVAL);
    }
    address.checked_add(size).ok_or(Errno::INVAL)
}
