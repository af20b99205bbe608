// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The card's VBIOS: a flash, whose first image may be behind a table for the hardware (IFR).

use nova_spec::{
    vbios::{self, ifr, RomBuilder},
    FormatError,
};

/// A VBIOS.
///
/// # Invariants
/// `first_image` is inside of `flash`, and a VBIOS with FWSEC starts there.
#[derive(Clone, Debug)]
pub(crate) struct Vbios {
    flash: Vec<u8>,
    first_image: usize,
    ucode_id: u8,
}

impl Vbios {
    /// Builds one, and reads it back.
    pub(crate) fn new(builder: &RomBuilder) -> Result<Self, FormatError> {
        let flash = builder.build()?;
        let dword = |at: u32| {
            let bytes = flash.get(at as usize..at as usize + 4);
            let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_le_bytes)
        };
        let missing = FormatError::Missing("first image in the flash");
        let first = ifr::first_image(|at| dword(at).ok_or(missing))? as usize;
        let vbios = vbios::Vbios::new(flash.get(first..).ok_or(missing)?)?;
        let ucode_id = vbios.fwsec()?.desc.ucode_id;
        // INVARIANT: just read.
        Ok(Self {
            flash,
            first_image: first,
            ucode_id,
        })
    }

    /// All of the flash, as PROM shows it.
    pub(crate) fn flash(&self) -> &[u8] {
        &self.flash
    }

    /// From the first image on, as the ROM's BAR shows it.
    pub(crate) fn rom(&self) -> &[u8] {
        self.flash.get(self.first_image..).unwrap_or(&[])
    }

    /// The images.
    pub(crate) fn parse(&self) -> Result<vbios::Vbios<'_>, FormatError> {
        vbios::Vbios::new(self.rom())
    }

    /// FWSEC's id, which chooses its fuse.
    pub(crate) fn ucode_id(&self) -> u8 {
        self.ucode_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_what_comes_after_the_table_for_the_hardware() {
        for version in [1, 2, 3] {
            let builder = RomBuilder {
                ifr: Some(version),
                ..RomBuilder::default()
            };
            let vbios = Vbios::new(&builder).unwrap();
            assert_eq!(&vbios.flash()[..4], b"NVGI");
            assert_eq!(&vbios.rom()[..2], &[0x55, 0xaa]);
            assert!(vbios.parse().unwrap().fwsec().is_ok());
        }
        let plain = Vbios::new(&RomBuilder::default()).unwrap();
        assert_eq!(plain.flash(), plain.rom());
        assert_eq!((plain.rom().len(), plain.ucode_id()), (2048, 9));
    }
}
