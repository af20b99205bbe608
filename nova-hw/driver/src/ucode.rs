// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Programs for falcons, signed and ready to be loaded.

use nova_pci::{Bar, Pci};
use nova_spec::{
    falcon::{Load, FALCON_BLOCK},
    firmware::booter::Booter,
    register::{Readable, RegisterArray},
    regs::{
        UcodeVersion, NV_FUSE_OPT_FPF_GSP_UCODE_VERSION, NV_FUSE_OPT_FPF_NVDEC_UCODE_VERSION,
        NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION,
    },
    vbios::{Command, Fwsec},
    FormatError,
};

use crate::{
    card::Card,
    dma::{DmaBuffer, DmaReach},
    error::Cause,
    falcon::{Falcon, LoadParameters, Mailboxes},
    registers::Registers,
};

/// Bits of the mask of engines for which a program is signed.
mod engine_id {
    pub(super) const SEC2: u16 = 1 << 0;
    pub(super) const NVDEC: u16 = 1 << 2;
    pub(super) const GSP: u16 = 1 << 10;
}

/// A program that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UcodeError {
    /// Its parts or its signatures make no sense.
    #[error("{program} is not usable")]
    Invalid {
        /// The program.
        program: &'static str,
        /// What is wrong in it.
        source: FormatError,
    },
    /// It is signed for engines that have no version fuses.
    #[error("{program} is signed for engines {engine_id:#06x} and has ucode id {ucode_id}")]
    Fuse {
        /// The program.
        program: &'static str,
        /// Mask of the engines.
        engine_id: u16,
        /// Id, from 1 to 16.
        ucode_id: u8,
    },
    /// A part is not on a block, as DMA needs it, or outside the image.
    #[error("{program} has {part} at {offset:#x}, {len:#x} bytes of an image of {image:#x}")]
    Part {
        /// The program.
        program: &'static str,
        /// The part.
        part: &'static str,
        /// Its offset.
        offset: u32,
        /// Its bytes.
        len: u32,
        /// Bytes of the image.
        image: usize,
    },
}

/// A program in memory that the falcon reaches.
pub(crate) struct Ucode<M> {
    name: &'static str,
    image: DmaBuffer<M>,
    parameters: LoadParameters,
}

impl<M> Ucode<M> {
    /// Puts an image that is already signed into memory.
    pub(crate) fn new<P: Pci<Mapping = M>>(
        card: &Card<P>,
        name: &'static str,
        image: &[u8],
        parameters: LoadParameters,
    ) -> Result<Self, Cause> {
        check_section(name, "code", &parameters.imem, image.len())?;
        check_section(name, "data", &parameters.dmem, image.len())?;
        // Whole pages, so the last block has zeros behind the image.
        let image = card.alloc_with(image, DmaReach::Bits40)?;
        Ok(Self {
            name,
            image,
            parameters,
        })
    }

    /// A booter, with the signature that the chip's fuse asks for.
    pub(crate) fn booter<P: Pci<Mapping = M>>(
        card: &Card<P>,
        name: &'static str,
        booter: &Booter<'_>,
    ) -> Result<Self, Cause> {
        let fuse = read_fuse(&card.registers, name, booter.engine_id, booter.ucode_id)?;
        let invalid = |source| UcodeError::Invalid {
            program: name,
            source,
        };
        let image = booter.signed_image(fuse).map_err(invalid)?;
        let parameters = LoadParameters {
            imem: booter.imem_load(),
            dmem: booter.dmem_load(),
            brom: booter.brom_params().map_err(invalid)?,
            boot_vector: booter.boot_vector(),
        };
        Self::new(card, name, &image, parameters)
    }

    /// FWSEC with a command in it, and with the signature that the chip's fuse asks for.
    pub(crate) fn fwsec<P: Pci<Mapping = M>>(
        card: &Card<P>,
        name: &'static str,
        fwsec: &Fwsec<'_>,
        command: Command,
    ) -> Result<Self, Cause> {
        let brom = fwsec.brom_params();
        let fuse = read_fuse(&card.registers, name, brom.engine_id_mask, brom.ucode_id)?;
        let image = fwsec.image(command, fuse);
        let image = image.map_err(|source| UcodeError::Invalid {
            program: name,
            source,
        })?;
        let parameters = LoadParameters {
            imem: fwsec.imem_load(),
            dmem: fwsec.dmem_load(),
            brom,
            boot_vector: 0,
        };
        Self::new(card, name, &image, parameters)
    }

    /// Resets the falcon, runs the program, and checks that it left 0 in the first mailbox.
    pub(crate) fn run<P: Pci<Mapping = M>>(
        &self,
        falcon: &Falcon<'_, P>,
        mailboxes: Mailboxes,
    ) -> Result<(), Cause> {
        falcon.reset()?;
        falcon.load(&self.image, &self.parameters)?;
        match falcon.boot(mailboxes)? {
            (0, _) => Ok(()),
            (mailbox0, _) => Err(Cause::Mailbox {
                program: self.name,
                engine: falcon.engine(),
                mailbox0,
            }),
        }
    }
}

/// The lowest version of a program that the chip still runs.
pub(crate) fn read_fuse<B: Bar>(
    registers: &Registers<B>,
    program: &'static str,
    engine_id: u16,
    ucode_id: u8,
) -> Result<u8, Cause> {
    if engine_id & engine_id::SEC2 != 0 {
        read_version::<NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION, _>(registers, ucode_id)?
    } else if engine_id & engine_id::NVDEC != 0 {
        read_version::<NV_FUSE_OPT_FPF_NVDEC_UCODE_VERSION, _>(registers, ucode_id)?
    } else if engine_id & engine_id::GSP != 0 {
        read_version::<NV_FUSE_OPT_FPF_GSP_UCODE_VERSION, _>(registers, ucode_id)?
    } else {
        None
    }
    .ok_or_else(|| {
        Cause::from(UcodeError::Fuse {
            program,
            engine_id,
            ucode_id,
        })
    })
}

fn read_version<R: UcodeVersion + RegisterArray + Readable, B: Bar>(
    registers: &Registers<B>,
    ucode_id: u8,
) -> Result<Option<u8>, Cause> {
    let location = u32::from(ucode_id).checked_sub(1).and_then(R::at);
    location
        .map(|location| Ok(registers.read_at(location)?.version()))
        .transpose()
}

fn check_section(
    program: &'static str,
    part: &'static str,
    section: &Load,
    image: usize,
) -> Result<(), UcodeError> {
    let end = u64::from(section.source) + u64::from(section.len);
    // The registers hold 24 bits of offset in the falcon.
    let reached = u64::from(section.target) + u64::from(section.len);
    let on_block = section.source % FALCON_BLOCK == 0;
    if end <= image as u64 && on_block && reached < 1 << 24 {
        return Ok(());
    }
    Err(UcodeError::Part {
        program,
        part,
        offset: section.source,
        len: section.len,
        image,
    })
}
