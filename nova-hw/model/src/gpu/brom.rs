// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The boot ROM of a falcon: it runs only a program that the driver described to it as the
//! program's maker signed it. Signatures are compared, not computed.

use nova_spec::{
    falcon::FalconEngine,
    register::{RelativeRegister, RelativeRegisterArray},
    regs::*,
    vbios::{
        appif::{self, DmemMapperV3, COMMAND_SIZE},
        builder::ENGINE_ID_GSP,
        fwsec::SIGNATURE_SIZE,
        Fwsec,
    },
    FormatError,
};

use super::falcon::Falcon;
use crate::register_file::RegisterFile;

/// SEC2 in a program's mask of engines.
const ENGINE_ID_SEC2: u32 = 1;

/// Why it does not run what was loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BromError {
    /// The card's own VBIOS has no FWSEC, or none for its fuse.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A register has another value than the program's.
    #[error("{what} is {value:#x}, the program's is {expected:#x}")]
    Parameter {
        what: &'static str,
        value: u32,
        expected: u32,
    },
    /// The mask of engines does not have this one.
    #[error("the mask of engines, {0:#x}, does not have this one")]
    Engine(u32),
    /// No signature algorithm that it knows.
    #[error("no signature algorithm is chosen")]
    Algorithm,
    /// Other bytes than were signed.
    #[error("{0} is not the program's")]
    Content(&'static str),
    /// The signature's place was not loaded.
    #[error("the signature at {0:#x} was not loaded")]
    Unloaded(u32),
}

/// What the driver told the boot ROM.
struct Parameters {
    engines: u32,
    ucode_id: u32,
    signature: u32,
    boot_vector: u32,
}

impl Parameters {
    fn of(registers: &RegisterFile, engine: FalconEngine) -> Result<Self, BromError> {
        let algorithm = registers.at(NV_PFALCON2_FALCON_MOD_SEL::of(engine)).algo();
        if algorithm != Ok(MOD_SEL_ALGO::RSA3K) {
            return Err(BromError::Algorithm);
        }
        let engines = registers.at(NV_PFALCON2_FALCON_BROM_ENGIDMASK::of(engine));
        let id = registers.at(NV_PFALCON2_FALCON_BROM_CURR_UCODE_ID::of(engine));
        let vector = registers.at(NV_PFALCON_FALCON_BOOTVEC::of(engine));
        let signature = NV_PFALCON2_FALCON_BROM_PARAADDR::of_at(engine, 0)
            .map_or(0, |location| registers.at(location).value());
        let own = match engine {
            FalconEngine::GSP => ENGINE_ID_GSP.into(),
            FalconEngine::SEC2 => ENGINE_ID_SEC2,
        };
        if engines.value() & own == 0 {
            return Err(BromError::Engine(engines.value()));
        }
        Ok(Self {
            engines: engines.value(),
            ucode_id: id.val().into(),
            signature,
            boot_vector: vector.value(),
        })
    }
}

/// Checks what is loaded into GSP's falcon against the FWSEC of the card's own VBIOS.
pub(crate) fn check_fwsec(
    fwsec: &Fwsec,
    fuse: u8,
    registers: &RegisterFile,
    falcon: &Falcon,
) -> Result<(), BromError> {
    let desc = fwsec.desc;
    let parameters = Parameters::of(registers, FalconEngine::GSP)?;
    for (what, value, expected) in [
        (
            "the mask of engines",
            parameters.engines,
            desc.engine_id_mask.get().into(),
        ),
        ("the id", parameters.ucode_id, desc.ucode_id.into()),
        (
            "the signature's offset",
            parameters.signature,
            desc.pkc_data_offset.get(),
        ),
        (
            "the boot vector",
            parameters.boot_vector,
            desc.imem_virt_base.get(),
        ),
    ] {
        if value != expected {
            return Err(BromError::Parameter {
                what,
                value,
                expected,
            });
        }
    }
    let (code, data) = (fwsec.imem(), fwsec.dmem());
    let imem = loaded(&falcon.imem, desc.imem_phys_base.get(), code.len());
    if imem != Some(code) {
        return Err(BromError::Content("IMEM"));
    }
    let dmem = loaded(&falcon.dmem, desc.dmem_phys_base.get(), data.len());
    let dmem = dmem.ok_or(BromError::Content("DMEM"))?;
    check_fwsec_data(fwsec, fuse, data, dmem)
}

/// The data is the VBIOS's but for the command, and has the signature for the fuse.
fn check_fwsec_data(fwsec: &Fwsec, fuse: u8, data: &[u8], dmem: &[u8]) -> Result<(), BromError> {
    let interface = fwsec.desc.interface_offset.get();
    let (mapper_at, mapper) = appif::find_mapper(data, interface)?;
    let command = mapper.cmd_in_buffer_offset.get() as usize;
    let signature_at = fwsec.desc.pkc_data_offset.get() as usize;
    let expected = fwsec.signature(fuse)?;
    let signature = dmem.get(signature_at..signature_at + SIGNATURE_SIZE);
    if expected.is_some_and(|expected| signature != Some(expected)) {
        return Err(BromError::Content("the signature"));
    }
    let may_differ = |at: usize| {
        (mapper_at..mapper_at + size_of::<DmemMapperV3>()).contains(&at)
            || (command..command + COMMAND_SIZE).contains(&at)
            || (signature_at..signature_at + SIGNATURE_SIZE).contains(&at)
    };
    let differs = |(at, (own, loaded)): (usize, (&u8, &u8))| own != loaded && !may_differ(at);
    match data.iter().zip(dmem).enumerate().any(differs) {
        true => Err(BromError::Content("DMEM")),
        false => Ok(()),
    }
}

/// Checks what can be checked of a program for SEC2, of which the card has no copy.
pub(crate) fn check_sec2(registers: &RegisterFile, falcon: &Falcon) -> Result<(), BromError> {
    let parameters = Parameters::of(registers, FalconEngine::SEC2)?;
    if parameters.ucode_id == 0 {
        return Err(BromError::Parameter {
            what: "the id",
            value: 0,
            expected: 1,
        });
    }
    let end = u64::from(parameters.signature) + SIGNATURE_SIZE as u64;
    if end > falcon.dmem_loaded as u64 || falcon.imem_loaded == 0 {
        return Err(BromError::Unloaded(parameters.signature));
    }
    let signature = &falcon.dmem[parameters.signature as usize..end as usize];
    if signature.iter().all(|byte| *byte == 0) {
        return Err(BromError::Content("the signature"));
    }
    Ok(())
}

fn loaded(memory: &[u8], base: u32, len: usize) -> Option<&[u8]> {
    let start = base as usize;
    memory.get(start..start.checked_add(len)?)
}
