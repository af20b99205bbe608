// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Push buffers for the copy engine: methods, as NVIDIA's class headers name them.

use crate::queue::Push;
use nova_spec::{
    ce::{method, LaunchDma, RemapComponents},
    host::{self, MethodHeader},
};
use std::io;

/// The subchannel that the copy engine is on.
const SUBCHANNEL: u8 = 4;
/// Bytes of a line, and lines, that one launch takes here.
const LINE: u64 = 1 << 16;
const LINES: u64 = 1 << 14;

/// A push buffer of copies and fills, which are done in order.
///
/// ```
/// use nova_guest::copy::Copies;
///
/// let mut copies = Copies::new(0xc7b5);
/// copies.copy(0x20_0000, 0x40_0000, 100)?;
/// copies.fill(0x40_0000, 0x5555_5555, 4096)?;
/// assert_eq!(copies.push(0x60_0000).len as usize, copies.bytes().len());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Copies {
    bytes: Vec<u8>,
}

impl Copies {
    /// An empty one, for an engine of `class`.
    pub fn new(class: u32) -> Self {
        let mut copies = Self { bytes: Vec::new() };
        // A header for one value at a method that there is cannot fail.
        let _ = copies.methods(host::method::SET_OBJECT, &[class]);
        copies
    }

    /// The bytes, for a buffer that the GPU sees.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole of it, when it is at `va`.
    pub fn push(&self, va: u64) -> Push {
        Push {
            va,
            // It is as long as a buffer, and the driver refuses what is too long for one push.
            len: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
            no_prefetch: false,
        }
    }

    fn methods(&mut self, method: u32, values: &[u32]) -> io::Result<()> {
        let count = u32::try_from(values.len()).map_err(io::Error::other)?;
        let header = MethodHeader::incrementing(SUBCHANNEL, method, count);
        let header = header.ok_or_else(|| io::Error::other("no such method"))?;
        for word in [header.raw_value()].iter().chain(values) {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        Ok(())
    }

    /// Copies `len` bytes between GPU virtual addresses, of any alignment. `EINVAL` for none.
    pub fn copy(&mut self, from: u64, to: u64, len: u64) -> io::Result<()> {
        self.each(len, LINE, |this, at, line, lines| {
            let (from, to) = (from + at, to + at);
            this.methods(
                method::OFFSET_IN_UPPER,
                &[
                    (from >> 32) as u32,
                    from as u32,
                    (to >> 32) as u32,
                    to as u32,
                    line,
                    line,
                    line,
                    lines,
                ],
            )?;
            let launch = LaunchDma::copy().with_multi_line_enable(true);
            this.methods(method::LAUNCH_DMA, &[launch.raw_value()])
        })
    }

    /// Fills `len` bytes, a multiple of 4, with a word. `EINVAL` for none, or another length.
    pub fn fill(&mut self, to: u64, word: u32, len: u64) -> io::Result<()> {
        let components = RemapComponents::fill(4).filter(|_| len % 4 == 0);
        let components = components.ok_or_else(invalid)?;
        self.methods(method::SET_REMAP_CONST_A, &[word])?;
        self.methods(method::SET_REMAP_COMPONENTS, &[components.raw_value()])?;
        // A length counts words here, pitches and addresses bytes.
        self.each(len / 4, LINE / 4, |this, at, line, lines| {
            let to = to + at * 4;
            let pitch = line * 4;
            let values = [(to >> 32) as u32, to as u32, pitch, pitch, line, lines];
            this.methods(method::OFFSET_OUT_UPPER, &values)?;
            let launch = LaunchDma::copy()
                .with_multi_line_enable(true)
                .with_remap_enable(true);
            this.methods(method::LAUNCH_DMA, &[launch.raw_value()])
        })
    }

    /// Cuts `len` into launches: where each begins, how long a line is, and how many there are.
    fn each(
        &mut self,
        len: u64,
        line: u64,
        mut launch: impl FnMut(&mut Self, u64, u32, u32) -> io::Result<()>,
    ) -> io::Result<()> {
        if len == 0 {
            return Err(invalid());
        }
        let mut at = 0;
        while at < len {
            let left = len - at;
            let (line, lines) = match left / line {
                0 => (left, 1),
                lines => (line, lines.min(LINES)),
            };
            // Both are small.
            launch(self, at, line as u32, lines as u32)?;
            at += line * lines;
        }
        Ok(())
    }
}

fn invalid() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(copies: &Copies) -> Vec<u32> {
        let words = copies.bytes().chunks_exact(4);
        words
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn a_copy_by_hand() {
        let mut copies = Copies::new(0xc7b5);
        copies.copy(0x12_3456_7890, 0x20_0001, 100).unwrap();
        assert_eq!(
            words(&copies),
            [
                1 << 29 | 1 << 16 | 4 << 13,
                0xc7b5,
                1 << 29 | 8 << 16 | 4 << 13 | 0x400 >> 2,
                0x12,
                0x3456_7890,
                0,
                0x20_0001,
                100,
                100,
                100,
                1,
                1 << 29 | 1 << 16 | 4 << 13 | 0x300 >> 2,
                0x186 | 1 << 9,
            ]
        );
    }

    /// What the launches of a push buffer write: addresses and bytes.
    fn launched(words: &[u32], unit: u64) -> Vec<(u64, u64)> {
        let mut registers = std::collections::BTreeMap::new();
        let (mut found, mut at) = (Vec::new(), 0);
        while at < words.len() {
            let (first, count) = ((words[at] & 0xfff) << 2, words[at] >> 16 & 0x1fff);
            for index in 0..count {
                let value = words[at + 1 + index as usize];
                registers.insert(first + 4 * index, value);
                if first + 4 * index == 0x300 {
                    let get = |method: u32| u64::from(registers[&method]);
                    assert_eq!(get(0x414), get(0x418) * unit, "lines are adjacent");
                    found.push((
                        get(0x408) << 32 | get(0x40c),
                        get(0x418) * unit * get(0x41c),
                    ));
                }
            }
            at += 1 + count as usize;
        }
        found
    }

    #[test]
    fn launches_cover_every_byte_once() {
        for len in [
            1,
            4,
            65_535,
            65_536,
            65_540,
            (1 << 30) + 12,
            (1 << 31) + 65_536,
        ] {
            let to = 0x7f_0000;
            let mut copies = Copies::new(1);
            copies.copy(0, to, len).unwrap();
            let mut end = to;
            for (addr, bytes) in launched(&words(&copies), 1) {
                assert_eq!(addr, end, "{len}");
                end += bytes;
            }
            assert_eq!(end, to + len);
            let mut fills = Copies::new(1);
            match fills.fill(to, 7, len) {
                Ok(()) => {
                    let mut end = to;
                    for (addr, bytes) in launched(&words(&fills), 4) {
                        assert_eq!(addr, end, "{len}");
                        end += bytes;
                    }
                    assert_eq!(end, to + len);
                }
                Err(_) => assert!(len % 4 != 0),
            }
        }
        assert!(Copies::new(1).copy(0, 0, 0).is_err());
    }
}
