// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! How memory is mapped.

use nova_spec::gmmu::{kind, Pte, PteAperture};

/// How memory is laid out, as far as a mapping may say. The compressed kinds need tag lines,
/// which nobody allocates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Row by row.
    #[default]
    Pitch,
    /// In blocks.
    Generic,
}

impl Kind {
    /// The kind with this number; `None` for all that are not on the list of Turing to Ada.
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            kind::PITCH => Some(Self::Pitch),
            kind::GENERIC => Some(Self::Generic),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Pitch => kind::PITCH,
            Self::Generic => kind::GENERIC,
        }
    }
}

/// How memory is mapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapFlags {
    /// A write is a fault.
    pub read_only: bool,
    /// Its layout.
    pub kind: Kind,
}

impl MapFlags {
    /// What every entry of a mapping has in common.
    pub(super) fn entry(self, aperture: PteAperture) -> Pte {
        // What the CPU may change is not kept in the GPU's L2.
        let is_system = aperture != PteAperture::VideoMemory;
        Pte::DEFAULT
            .with_valid(true)
            .with_aperture(aperture)
            .with_vol(is_system)
            .with_read_only(self.read_only)
            .with_kind(self.kind.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kinds_of_the_list_exist() {
        let known: Vec<_> = (0..=255).filter_map(Kind::new).collect();
        assert_eq!(known, [Kind::Pitch, Kind::Generic]);
        for kind in known {
            assert_eq!(Kind::new(kind.number()), Some(kind));
        }
        assert_eq!(Kind::new(kind::INVALID), None);
    }

    #[test]
    fn flags_become_bits() {
        let flags = MapFlags {
            read_only: true,
            kind: Kind::Generic,
        };
        let video = flags.entry(PteAperture::VideoMemory);
        assert_eq!(video.raw_value(), 6 << 56 | 1 << 6 | 1);
        let system = MapFlags::default().entry(PteAperture::SystemCoherent);
        assert_eq!(system.raw_value(), 1 << 3 | 2 << 1 | 1);
    }
}
