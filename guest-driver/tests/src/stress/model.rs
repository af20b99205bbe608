// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What memory must hold: buffers, and where their pages are mapped. Pure.

/// Bytes of a page.
pub(super) const PAGE: usize = 4096;
/// Pages of the address space that is worked in.
pub(super) const SPACE: usize = 256;
/// Pages of a buffer.
pub(super) const BUFFER: usize = 32;
/// Buffers at once.
pub(super) const BUFFERS: usize = 6;

/// Numbers that look random: splitmix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        let word = kernel_abi::virtio_nova::pattern_word(self.0, 0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        u64::from_le_bytes(word)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// What a page of the address space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Nothing,
    Sparse,
    /// A page of a buffer.
    Of(usize, usize),
}

/// A step. Ranges are in pages of the space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Map {
        at: usize,
        pages: usize,
        buffer: usize,
        offset: usize,
    },
    Sparse {
        at: usize,
        pages: usize,
    },
    Unmap {
        at: usize,
        pages: usize,
    },
    /// Bytes of the space.
    Fill {
        at: usize,
        len: usize,
        word: u32,
    },
    /// Bytes of the space.
    Copy {
        from: usize,
        to: usize,
        len: usize,
    },
    /// Looks at bytes of the space.
    Check {
        at: usize,
        len: usize,
    },
    /// Another buffer in its place; what is mapped stays.
    Replace {
        buffer: usize,
    },
    /// Another queue.
    Queue,
}

/// The model.
pub(super) struct Model {
    pub(super) space: Vec<Page>,
    /// Contents of all buffers that were ever there: some are only mapped.
    contents: Vec<Vec<u8>>,
    /// Which of them a place has now.
    current: Vec<usize>,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            space: vec![Page::Nothing; SPACE],
            contents: vec![vec![0; BUFFER * PAGE]; BUFFERS],
            current: (0..BUFFERS).collect(),
        }
    }

    /// Whether the pages of a range of bytes can be used: all are mapped.
    fn is_mapped(&self, at: usize, len: usize) -> bool {
        let pages = at / PAGE..(at + len).div_ceil(PAGE);
        pages
            .into_iter()
            .all(|page| self.space[page] != Page::Nothing)
    }

    /// Whether two ranges have memory in common.
    fn share(&self, one: usize, other: usize, len: usize) -> bool {
        let pages = |at: usize| &self.space[at / PAGE..(at + len).div_ceil(PAGE)];
        let is_shared = |page: &Page| matches!(page, Page::Of(..)) && pages(other).contains(page);
        pages(one).iter().any(is_shared)
    }

    /// A range of bytes that can be used, at a multiple of `unit`.
    fn range(&self, random: &mut Random, unit: usize) -> Option<(usize, usize)> {
        for _ in 0..20 {
            let at = random.below(SPACE * PAGE / unit) * unit;
            let most = (SPACE * PAGE - at).min(1 << (3 + random.below(15)));
            let len = (1 + random.below(most)).next_multiple_of(unit);
            if at + len <= SPACE * PAGE && self.is_mapped(at, len) {
                return Some((at, len));
            }
        }
        None
    }

    /// A step that is possible now.
    pub(super) fn plan(&self, random: &mut Random) -> Step {
        let at = random.below(SPACE);
        let pages = 1 + random.below(BUFFER.min(SPACE - at));
        let other = match random.below(16) {
            0..=3 => None,
            4 => Some(Step::Sparse { at, pages }),
            5 => Some(Step::Unmap { at, pages }),
            6 => Some(Step::Replace {
                buffer: random.below(BUFFERS),
            }),
            7 => Some(Step::Queue),
            8..=10 => self.range(random, 4).map(|(at, len)| Step::Fill {
                at,
                len,
                word: random.next() as u32,
            }),
            11..=13 => self.copy(random),
            _ => self
                .range(random, 1)
                .map(|(at, len)| Step::Check { at, len }),
        };
        other.unwrap_or_else(|| Step::Map {
            at,
            pages,
            buffer: random.below(BUFFERS),
            offset: random.below(BUFFER - pages + 1),
        })
    }

    /// Two ranges that can be used, and have nothing in common.
    fn copy(&self, random: &mut Random) -> Option<Step> {
        for _ in 0..20 {
            let (from, one) = self.range(random, 1)?;
            let (to, other) = self.range(random, 1)?;
            let len = one.min(other);
            if !self.share(from, to, len) {
                return Some(Step::Copy { from, to, len });
            }
        }
        None
    }

    /// Calls `each` for pieces of a range that lie in one page: where in the range, and the bytes there, unless it is sparse.
    fn pieces(
        &mut self,
        at: usize,
        len: usize,
        mut each: impl FnMut(usize, Option<&mut [u8]>, usize),
    ) {
        let mut done = 0;
        while done < len {
            let (page, offset) = ((at + done) / PAGE, (at + done) % PAGE);
            let piece = (len - done).min(PAGE - offset);
            let there = match self.space[page] {
                Page::Of(buffer, page) => {
                    let from = page * PAGE + offset;
                    Some(&mut self.contents[buffer][from..from + piece])
                }
                _ => None,
            };
            each(done, there, piece);
            done += piece;
        }
    }

    /// What a range holds: a sparse page reads as zeros.
    pub(super) fn read(&mut self, at: usize, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.pieces(at, len, |done, there, len| {
            if let Some(there) = there {
                bytes[done..done + len].copy_from_slice(there);
            }
        });
        bytes
    }

    /// Writes to a range: a sparse page forgets it.
    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.pieces(at, bytes.len(), |done, there, len| {
            if let Some(there) = there {
                there.copy_from_slice(&bytes[done..done + len]);
            }
        });
    }

    /// Makes a step.
    pub(super) fn step(&mut self, step: &Step) {
        match *step {
            Step::Map {
                at,
                pages,
                buffer,
                offset,
            } => {
                for page in 0..pages {
                    self.space[at + page] = Page::Of(self.current[buffer], offset + page);
                }
            }
            Step::Sparse { at, pages } => self.space[at..at + pages].fill(Page::Sparse),
            Step::Unmap { at, pages } => self.space[at..at + pages].fill(Page::Nothing),
            Step::Fill { at, len, word } => {
                let bytes = word.to_le_bytes().repeat(len / 4);
                self.write(at, &bytes);
            }
            Step::Copy { from, to, len } => {
                let bytes = self.read(from, len);
                self.write(to, &bytes);
            }
            Step::Check { .. } | Step::Queue => {}
            Step::Replace { buffer } => {
                self.current[buffer] = self.contents.len();
                self.contents.push(vec![0; BUFFER * PAGE]);
            }
        }
    }

    /// Forgets buffers that are neither there nor mapped.
    pub(super) fn forget(&mut self) {
        for (index, contents) in self.contents.iter_mut().enumerate() {
            let is_mapped = |page: &Page| matches!(page, Page::Of(buffer, _) if *buffer == index);
            if !self.current.contains(&index) && !self.space.iter().any(is_mapped) {
                *contents = Vec::new();
            }
        }
    }
}
