// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Pieces of memory.

/// Adjacent bytes of VRAM or of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first byte.
    pub address: u64,
    /// How many.
    pub len: u64,
}

impl Extent {
    /// The byte after the last.
    pub fn end(&self) -> u64 {
        self.address + self.len
    }
}

/// The pieces of an object, in its order.
///
/// # Invariants
/// No piece is empty, none ends beyond 2^64, and neither does the sum of their lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extents {
    /// Each with its offset in the object.
    pieces: Vec<(u64, Extent)>,
    len: u64,
    end: u64,
}

impl Extents {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a piece, joined with the last where they are adjacent. `false` for one that is
    /// empty or too long, which is not taken.
    #[must_use]
    pub fn push(&mut self, extent: Extent) -> bool {
        let end = extent.address.checked_add(extent.len);
        let len = self.len.checked_add(extent.len);
        let (Some(_), Some(len), true) = (end, len, extent.len > 0) else {
            return false;
        };
        match self.pieces.last_mut() {
            Some((_, last)) if last.end() == extent.address => last.len += extent.len,
            _ => self.pieces.push((self.len, extent)),
        }
        self.len = len;
        self.end = self.end.max(extent.end());
        true
    }

    /// Bytes in all.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The byte after the highest address.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.pieces.len()
    }

    /// The pieces.
    pub fn iter(&self) -> impl Iterator<Item = Extent> + '_ {
        self.pieces.iter().map(|(_, extent)| *extent)
    }

    /// What of a piece is from `offset` on; `None` past the end. The cost does not grow with
    /// the object.
    pub fn at(&self, offset: u64) -> Option<Extent> {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        let (start, extent) = self.pieces.get(after.checked_sub(1)?)?;
        let skip = offset - start;
        let len = extent.len.checked_sub(skip).filter(|&len| len > 0)?;
        Some(Extent {
            address: extent.address + skip,
            len,
        })
    }
}

impl From<Extent> for Extents {
    fn from(extent: Extent) -> Self {
        let mut extents = Self::new();
        // An extent that is not taken leaves none, and nothing reaches beyond what is there.
        let _ = extents.push(extent);
        extents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn extent(address: u64, len: u64) -> Extent {
        Extent { address, len }
    }

    #[test]
    fn adjacent_pieces_are_one_and_each_offset_has_its_address() {
        let mut extents = Extents::new();
        for piece in [extent(100, 10), extent(110, 5), extent(50, 20)] {
            assert!(extents.push(piece));
        }
        assert_eq!((extents.len(), extents.count()), (35, 2));
        assert_eq!(extents.end(), 115);
        assert_eq!(extents.at(0), Some(extent(100, 15)));
        assert_eq!(extents.at(14), Some(extent(114, 1)));
        assert_eq!(extents.at(15), Some(extent(50, 20)));
        assert_eq!(extents.at(34), Some(extent(69, 1)));
        assert_eq!(extents.at(35), None);
        assert_eq!(Extents::new().at(0), None);
    }

    #[test]
    fn what_is_empty_or_wraps_is_not_taken() {
        let mut extents = Extents::from(extent(0, u64::MAX - 1));
        assert!(!extents.push(extent(7, 0)));
        assert!(!extents.push(extent(0, 2)));
        assert!(!extents.push(extent(u64::MAX, 1)));
        assert_eq!((extents.len(), extents.count()), (u64::MAX - 1, 1));
    }
}
