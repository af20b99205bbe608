// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The files that a boot needs, all found and checked before the card is touched.

use nova_spec::{
    firmware::{
        booter::Booter,
        bootloader::Bootloader,
        gsp::GspFirmware,
        names::{FirmwareFile, OTHER_VERSIONS, VERSION},
    },
    Chipset, FormatError,
};

use super::{FirmwareError, FirmwareSource, FoundFile};

/// The files of one chip, as they were found.
pub(crate) struct Files<'a> {
    chipset: Chipset,
    gsp: FoundFile<'a>,
    bootloader: FoundFile<'a>,
    booter_load: FoundFile<'a>,
    booter_unload: FoundFile<'a>,
}

/// What is in them.
pub(crate) struct Images<'a> {
    pub(crate) gsp: GspFirmware<'a>,
    pub(crate) bootloader: Bootloader<'a>,
    pub(crate) booter_load: Booter<'a>,
    pub(crate) booter_unload: Booter<'a>,
}

impl<'a> Files<'a> {
    /// Finds all files of `chipset`.
    pub(crate) fn find(
        source: &'a dyn FirmwareSource,
        chipset: Chipset,
    ) -> Result<Self, FirmwareError> {
        let find = |file| find(source, chipset, file);
        Ok(Self {
            chipset,
            gsp: find(FirmwareFile::Gsp)?,
            bootloader: find(FirmwareFile::Bootloader)?,
            booter_load: find(FirmwareFile::BooterLoad)?,
            booter_unload: find(FirmwareFile::BooterUnload)?,
        })
    }

    /// Looks into them.
    pub(crate) fn images(&self) -> Result<Images<'_>, FirmwareError> {
        let gsp = GspFirmware::from_elf(&self.gsp.bytes, self.chipset);
        let gsp = gsp.map_err(|source| self.gsp.invalid(source))?;
        if gsp.version != VERSION {
            return Err(FirmwareError::WrongVersion {
                name: self.gsp.origin.clone(),
                found: gsp.version.into(),
                supported: VERSION,
            });
        }
        let bootloader = Bootloader::from_nvfw(&self.bootloader.bytes);
        Ok(Images {
            gsp,
            bootloader: bootloader.map_err(|source| self.bootloader.invalid(source))?,
            booter_load: self.booter_load.booter()?,
            booter_unload: self.booter_unload.booter()?,
        })
    }

    /// Where GSP-RM's image was found.
    pub(crate) fn origin(&self) -> &str {
        &self.gsp.origin
    }
}

impl FoundFile<'_> {
    fn booter(&self) -> Result<Booter<'_>, FirmwareError> {
        Booter::from_nvfw(&self.bytes).map_err(|source| self.invalid(source))
    }

    fn invalid(&self, source: FormatError) -> FirmwareError {
        FirmwareError::Invalid {
            name: self.origin.clone(),
            source,
        }
    }
}

/// Finds a file of the supported version, or says what there is instead.
fn find<'a>(
    source: &'a dyn FirmwareSource,
    chipset: Chipset,
    file: FirmwareFile,
) -> Result<FoundFile<'a>, FirmwareError> {
    let name = |version| format!("{}/{}", chipset.firmware_folder(), file.file_name(version));
    if let Some(found) = source.find(&name(VERSION))? {
        return Ok(found);
    }
    for version in OTHER_VERSIONS {
        if let Some(other) = source.find(&name(version))? {
            return Err(FirmwareError::UnsupportedVersion {
                found: (*version).into(),
                name: other.origin,
                supported: VERSION,
                places: source.places(),
            });
        }
    }
    Err(FirmwareError::Missing {
        name: name(VERSION),
        places: source.places(),
    })
}
