// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What fetches for a channel: entries of the ring, and the methods that they lead to.

use nova_spec::host::{userd, GpEntry};

use super::{
    super::mmu::{AddressSpace, MmuFault},
    ChannelParams, RcKind,
};

/// Dwords of a push buffer that are read at once.
const FETCH: u32 = 256;

/// A method with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) subchannel: usize,
    pub(super) method: u32,
    pub(super) data: u32,
}

/// What of a push buffer is still to come.
#[derive(Debug)]
struct Segment {
    va: u64,
    /// Dwords that were not read.
    left: u32,
}

/// A header that waits for its values.
#[derive(Clone, Copy, Debug)]
struct Header {
    subchannel: usize,
    method: u32,
    count: u32,
    step: Increment,
}

/// How the method's number goes on from value to value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Increment {
    Never,
    Once,
    Always,
}

/// The state of fetching.
#[derive(Debug, Default)]
pub(super) struct Pbdma {
    /// The next entry of the ring.
    get: u32,
    segment: Option<Segment>,
    /// Dwords that were read, the next one last.
    words: Vec<u32>,
    header: Option<Header>,
}

impl Pbdma {
    /// Whether there are methods to take.
    pub(super) fn has_methods(&self) -> bool {
        self.segment.is_some()
    }

    /// Whether the ring has an entry that was not fetched.
    pub(super) fn has_entry(
        &self,
        space: &mut AddressSpace<'_, '_>,
        params: &ChannelParams,
    ) -> Result<bool, RcKind> {
        let mut data = [0; 4];
        let at = params.userd.address.checked_add(userd::GP_PUT);
        let at = at.ok_or(RcKind::Pbdma("USERD is nowhere"))?;
        let read = space.memory.read(params.userd.aperture, at, &mut data);
        read.map_err(|_| RcKind::Pbdma("USERD cannot be read"))?;
        let put = u32::from_le_bytes(data);
        if put >= params.gpfifo_entries {
            return Err(RcKind::Pbdma("GP_PUT is outside of the ring"));
        }
        Ok(put != self.get)
    }

    /// Fetches the next entry; its methods are skipped on demand.
    pub(super) fn fetch(
        &mut self,
        space: &mut AddressSpace<'_, '_>,
        params: &ChannelParams,
        skip: bool,
    ) -> Result<(), RcKind> {
        let mut data = [0; 8];
        let va = params.gpfifo.wrapping_add(8 * u64::from(self.get));
        space.read(va, &mut data)?;
        self.get = (self.get + 1) % params.gpfifo_entries;
        let get = self.get.to_le_bytes();
        write_userd(space, params, userd::GP_GET, get)?;
        let entry = GpEntry::new_with_raw_value(u64::from_le_bytes(data));
        if entry.length().value() == 0 {
            return control(entry);
        }
        if entry.fetch_conditional() {
            return Err(RcKind::Pbdma("an entry on a condition"));
        }
        if !skip {
            self.segment = Some(Segment {
                va: entry.address(),
                left: entry.length().value(),
            });
        }
        Ok(())
    }

    /// The next method of the segment; none when a dword was something else, or the last.
    pub(super) fn method(
        &mut self,
        space: &mut AddressSpace<'_, '_>,
    ) -> Result<Option<Call>, RcKind> {
        if self.words.is_empty() {
            self.read_words(space)?;
        }
        let Some(word) = self.words.pop() else {
            self.segment = None;
            return Ok(None);
        };
        let call = match self.header {
            Some(header) => Some(self.value(header, word)),
            None => self.header(word)?,
        };
        let left = self.segment.as_ref().is_some_and(|left| left.left > 0);
        if self.words.is_empty() && !left {
            self.segment = None;
        }
        Ok(call)
    }

    fn read_words(&mut self, space: &mut AddressSpace<'_, '_>) -> Result<(), MmuFault> {
        let Some(segment) = &mut self.segment else {
            return Ok(());
        };
        let count = segment.left.min(FETCH);
        let mut data = vec![0; 4 * count as usize];
        space.read(segment.va, &mut data)?;
        segment.va = segment.va.wrapping_add(data.len() as u64);
        segment.left -= count;
        let words = data.chunks_exact(4);
        let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        self.words = words.rev().map(word).collect();
        Ok(())
    }

    fn value(&mut self, header: Header, data: u32) -> Call {
        let call = Call {
            subchannel: header.subchannel,
            method: header.method,
            data,
        };
        let (step, next) = match header.step {
            Increment::Never => (Increment::Never, header.method),
            Increment::Once => (Increment::Never, header.method + 4),
            Increment::Always => (Increment::Always, header.method + 4),
        };
        let count = header.count - 1;
        self.header = (count > 0).then_some(Header {
            // Past the last method there is none, which the next value meets.
            method: next,
            count,
            step,
            ..header
        });
        call
    }

    /// A dword that is a header; a method, when that is all of it.
    fn header(&mut self, word: u32) -> Result<Option<Call>, RcKind> {
        let subchannel = (word >> 13 & 7) as usize;
        let (method, count) = ((word & 0xfff) << 2, word >> 16 & 0x1fff);
        let (step, method, count) = match (word >> 29, word >> 16 & 3) {
            (1, _) => (Increment::Always, method, count),
            (3, _) => (Increment::Never, method, count),
            (5, _) => (Increment::Once, method, count),
            (4, _) => {
                let data = count;
                return Ok(Some(Call {
                    subchannel,
                    method,
                    data,
                }));
            }
            // The formats of before Fermi.
            (0, 0) => (Increment::Always, word & 0x1ffc, word >> 18 & 0x7ff),
            (2, 0) => (Increment::Never, word & 0x1ffc, word >> 18 & 0x7ff),
            // Masks of sub-devices, of which there is one.
            (0, _) => return Ok(None),
            (7, _) => {
                self.words.clear();
                self.segment = None;
                return Ok(None);
            }
            _ => return Err(RcKind::Pbdma("a method header that there is not")),
        };
        self.header = (count > 0).then_some(Header {
            subchannel,
            method,
            count,
            step,
        });
        Ok(None)
    }
}

/// Writes a dword of USERD.
pub(super) fn write_userd(
    space: &mut AddressSpace<'_, '_>,
    params: &ChannelParams,
    offset: u64,
    data: [u8; 4],
) -> Result<(), RcKind> {
    let at = params.userd.address.wrapping_add(offset);
    let written = space.memory.write(params.userd.aperture, at, &data);
    written.map_err(|_| RcKind::Pbdma("USERD cannot be written"))
}

/// An entry without methods.
fn control(entry: GpEntry) -> Result<(), RcKind> {
    match entry.raw_value() >> 32 & 0xff {
        // Nothing, and checksums, which nobody reads.
        0 | 2 | 3 => Ok(()),
        _ => Err(RcKind::Pbdma("a control entry that there is not")),
    }
}
