// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The parsers on the real files of Debian's firmware-nvidia-graphics, against sizes and
//! offsets that were read from them by hand. They are in `NOVA_FIRMWARE_DIR` or /lib/firmware.

use std::{fs, io::Write, path::PathBuf};

use nova_spec::{
    firmware::{
        booter::{Booter, Part},
        bootloader::Bootloader,
        elf::Elf,
        gsp::{version_of, GspFirmware, GspTlv},
        names::{FirmwareFile, OTHER_VERSIONS, VERSION},
        set::convert_to_tlv,
        tlv::Tlv,
    },
    Chipset, FormatError,
};

/// The folder of `chipset`, or nothing when the package is not there, which is said.
fn folder(chipset: Chipset) -> Option<PathBuf> {
    let given = std::env::var_os("NOVA_FIRMWARE_DIR").map(PathBuf::from);
    let root = given.clone().unwrap_or_else(|| "/lib/firmware".into());
    let folder = root.join(chipset.firmware_folder());
    let there = folder.join(FirmwareFile::Gsp.file_name(VERSION)).exists();
    if !there && given.is_some() {
        panic!("NOVA_FIRMWARE_DIR has no {}", folder.display());
    }
    if !there {
        // Not through `eprintln!`, which the test harness hides when a test passes.
        let skipped =
            b"skipped: firmware-nvidia-graphics is not installed (set NOVA_FIRMWARE_DIR)\n";
        std::io::stderr().write_all(skipped).unwrap();
    }
    there.then_some(folder)
}

fn part(offset: u32, size: u32) -> Part {
    Part { offset, size }
}

fn read(chipset: Chipset, file: FirmwareFile) -> Option<Vec<u8>> {
    let path = folder(chipset)?.join(file.file_name(VERSION));
    Some(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[test]
fn gsp_images() {
    let Some(file) = read(Chipset::GA102, FirmwareFile::Gsp) else {
        return;
    };
    assert_eq!(file.len(), 63_571_696);
    for chipset in [Chipset::GA102, Chipset::AD102] {
        // AD102's is a link to GA102's.
        assert_eq!(read(chipset, FirmwareFile::Gsp).as_deref(), Some(&file[..]));
        let gsp = GspFirmware::from_elf(&file, chipset).unwrap();
        assert_eq!(gsp.version, "570.144");
        assert_eq!(gsp.image.len(), 0x3c9_9000);
        assert_eq!(gsp.image.as_ptr(), file[0x40..].as_ptr());
        assert_eq!(gsp.signatures.len(), 0x1000);
    }
    let elf = Elf::new(&file).unwrap();
    assert_eq!(elf.section(".note.gnu.build-id").map(<[u8]>::len), Ok(0x24));
}

#[test]
fn bootloaders() {
    for (chipset, size, image, data, code) in [
        (Chipset::GA102, 24_684, 0x6000, 0x800, 0x1800),
        (Chipset::AD102, 36_972, 0x9000, 0x800, 0x4800),
    ] {
        let Some(file) = read(chipset, FirmwareFile::Bootloader) else {
            return;
        };
        assert_eq!(file.len(), size);
        let bootloader = Bootloader::from_nvfw(&file).unwrap();
        assert_eq!(bootloader.image.len(), image);
        assert_eq!(bootloader.manifest_offset, 0);
        assert_eq!(bootloader.data_offset, data);
        assert_eq!(bootloader.code_offset, code);
        assert_eq!(bootloader.app_version, 0);
    }
}

#[test]
fn booters() {
    use FirmwareFile::{BooterLoad, BooterUnload};
    for (chipset, file, size, patch_loc, os_data, app0) in [
        (
            Chipset::GA102,
            BooterLoad,
            61_304,
            0x8a10,
            part(0x8a00, 0x6200),
            part(0x100, 0x8900),
        ),
        (
            Chipset::GA102,
            BooterUnload,
            41_080,
            0x5010,
            part(0x5000, 0x4d00),
            part(0x100, 0x4f00),
        ),
        (
            Chipset::AD102,
            BooterLoad,
            57_720,
            0x7e10,
            part(0x7e00, 0x6000),
            part(0x100, 0x7d00),
        ),
    ] {
        let Some(bytes) = read(chipset, file) else {
            return;
        };
        assert_eq!(bytes.len(), size);
        let booter = Booter::from_nvfw(&bytes).unwrap();
        assert_eq!(booter.patch_loc, patch_loc);
        assert_eq!(booter.os_code, part(0, 0x100));
        assert_eq!(booter.os_data, os_data);
        assert_eq!(booter.app0, app0);
        assert_eq!(booter.image.len() as u32, os_data.offset + os_data.size);
        assert_eq!((booter.num_sig, booter.signature_size()), (2, Ok(384)));
        assert_eq!((booter.fuse_ver, booter.engine_id), (1, 1));
        assert_eq!(booter.ucode_id, 3);
        assert_eq!(booter.pkc_data_offset(), Ok(0x10));
        // On GA102 the last signature is a blank.
        let blank = booter.signature(0).unwrap().iter().all(|&byte| byte == 0);
        assert_eq!(blank, chipset == Chipset::GA102);
        assert!(booter.signature(1).unwrap().iter().any(|&byte| byte != 0));
    }
    if let Some(bytes) = read(Chipset::AD102, BooterUnload) {
        assert_eq!(bytes.len(), 41_592);
        Booter::from_nvfw(&bytes).unwrap();
    }
}

#[test]
fn the_conversion_to_tlv_keeps_what_the_containers_say() {
    for chipset in [Chipset::GA102, Chipset::AD102] {
        let Some(folder) = folder(chipset) else {
            return;
        };
        let files = convert_to_tlv(chipset, |name| {
            Ok::<_, FormatError>(fs::read(folder.join(name)).unwrap())
        });
        let files = files.unwrap();
        assert_eq!(files.len(), 5);
        let find = |name: &str| {
            let file = files.iter().find(|file| file.name == name);
            Tlv::new(&file.unwrap().content).unwrap()
        };
        let booter = read(chipset, FirmwareFile::BooterUnload).unwrap();
        let converted = Booter::from_tlv(&find("booter_unload.tlv"));
        assert_eq!(converted, Booter::from_nvfw(&booter));
        let gsp = find("gsp.tlv");
        assert_eq!(GspTlv::from_tlv(&gsp).unwrap().size, 0x3c9_9000);
    }
}

#[test]
fn the_other_version_is_recognised() {
    let Some(folder) = folder(Chipset::GA102) else {
        return;
    };
    for version in OTHER_VERSIONS {
        let file = fs::read(folder.join(FirmwareFile::Gsp.file_name(version))).unwrap();
        let elf = Elf::new(&file).unwrap();
        assert_eq!(version_of(&elf), Ok(*version));
    }
}
