// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Reading the VBIOS: from the PROM window of BAR0, or else from the ROM BAR.

use nova_pci::{Bar, Pci, PciError};
use nova_spec::{
    regs::PROM,
    vbios::{
        ifr,
        image::{Extent, HEAD, UNIT},
        info::date,
        Vbios, VbiosVersion, MAX_ROM,
    },
    FormatError,
};

use crate::{card::Card, error::Cause, info::VbiosInfo, registers::Registers};

/// There is no usable VBIOS.
#[derive(Debug, thiserror::Error)]
#[error("no usable VBIOS: in the PROM window {prom}; in the ROM BAR {}", RomBar(.rom_bar))]
pub struct VbiosError {
    /// What is wrong with what the PROM window shows.
    pub prom: FormatError,
    /// What is wrong with what the ROM BAR shows.
    pub rom_bar: RomBarError,
}

/// Why the ROM BAR did not help.
#[derive(Debug)]
#[non_exhaustive]
pub enum RomBarError {
    /// The device has none.
    None,
    /// It cannot be read.
    Pci(PciError),
    /// There is no VBIOS in it.
    Format(FormatError),
}

struct RomBar<'a>(&'a RomBarError);

impl std::fmt::Display for RomBar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            RomBarError::None => f.write_str("nothing, for there is none"),
            RomBarError::Pci(error) => write!(f, "{error}"),
            RomBarError::Format(error) => write!(f, "{error}"),
        }
    }
}

/// A VBIOS that has FWSEC.
pub(crate) struct Rom {
    bytes: Vec<u8>,
    source: &'static str,
}

impl Rom {
    /// Reads the VBIOS.
    pub(crate) fn read<P: Pci>(card: &Card<P>) -> Result<Self, Cause> {
        let prom = match read_prom(&card.registers)? {
            Ok(rom) => return Ok(rom),
            Err(error) => error,
        };
        let rom_bar = match read_rom_bar(card.pci()) {
            Ok(rom) => return Ok(rom),
            Err(error) => error,
        };
        Err(VbiosError { prom, rom_bar }.into())
    }

    /// Its images; checked when it was read.
    pub(crate) fn images(&self) -> Result<Vbios<'_>, FormatError> {
        Vbios::new(&self.bytes)
    }

    /// What it says about itself.
    pub(crate) fn info(&self) -> VbiosInfo {
        let images = self.images().ok();
        let image = images.map_or(&[][..], |images| images.pci_at.bytes);
        VbiosInfo {
            version: VbiosVersion::of(image)
                .ok()
                .map(|version| version.to_string()),
            date: date(image).map(Into::into),
            size: self.bytes.len() as u64,
            source: self.source,
        }
    }

    /// Accepts images in which a driver finds FWSEC.
    fn new(bytes: Vec<u8>, source: &'static str) -> Result<Self, FormatError> {
        let rom = Self { bytes, source };
        rom.images()?.fwsec()?;
        Ok(rom)
    }
}

/// A failed access, which ends everything, or bytes that are no VBIOS, which does not.
enum ReadError {
    Access(Cause),
    Format(FormatError),
}

impl From<FormatError> for ReadError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

fn read_prom<B: Bar>(registers: &Registers<B>) -> Result<Result<Rom, FormatError>, Cause> {
    let read = read_images(|offset| {
        let at = PROM.start + offset;
        let value = registers.read_offset(at).map_err(Cause::from);
        let value = match offset {
            // The first dword of a ROM is not all-ones.
            0 => value.and_then(|value| registers.believe(at, value)),
            _ => value,
        };
        value.map_err(ReadError::Access)
    });
    match read.and_then(|bytes| Ok(Rom::new(bytes, "PROM")?)) {
        Ok(rom) => Ok(Ok(rom)),
        Err(ReadError::Access(cause)) => Err(cause),
        // Garbage is what a card reads as that is gone.
        Err(ReadError::Format(_)) if registers.is_gone()? => {
            let register = nova_spec::regs::name_at(PROM.start);
            Err(Cause::OffTheBus { register })
        }
        Err(ReadError::Format(error)) => Ok(Err(error)),
    }
}

fn read_rom_bar<P: Pci>(pci: &P) -> Result<Rom, RomBarError> {
    let size = usize::try_from(pci.rom_size())
        .unwrap_or(MAX_ROM)
        .min(MAX_ROM);
    if size < UNIT {
        return Err(RomBarError::None);
    }
    let mut rom = vec![0; size];
    pci.rom_read(0, &mut rom).map_err(RomBarError::Pci)?;
    let bytes = read_images(|offset| {
        let dword = rom
            .get(offset as usize..)
            .and_then(|rest| rest.first_chunk());
        Ok::<_, FormatError>(dword.copied().map_or(0, u32::from_le_bytes))
    });
    let rom = bytes.and_then(|bytes| Rom::new(bytes, "ROM BAR"));
    rom.map_err(RomBarError::Format)
}

/// Reads the images of a ROM, from the first to the end of the last; `read32` reads a dword at
/// a multiple of 4 below [`MAX_ROM`].
fn read_images<E: From<FormatError>>(
    mut read32: impl FnMut(u32) -> Result<u32, E>,
) -> Result<Vec<u8>, E> {
    let start = ifr::first_image(&mut read32)?;
    let mut rom = Vec::new();
    let mut read_to = |rom: &mut Vec<u8>, len: usize| {
        while rom.len() < len.min(MAX_ROM - start as usize) {
            let dword = read32(start + rom.len() as u32)?;
            rom.extend(dword.to_le_bytes());
        }
        Ok::<_, E>(())
    };
    let mut image = 0;
    loop {
        read_to(&mut rom, image + HEAD)?;
        let extent = Extent::of_head(rom.get(image..).unwrap_or_default())?;
        // At least a unit longer each time, and the ROM has a limit: this ends.
        image += extent.size;
        read_to(&mut rom, image)?;
        if extent.last {
            rom.truncate(image);
            return Ok(rom);
        }
    }
}

#[cfg(test)]
#[path = "vbios_tests.rs"]
mod tests;
