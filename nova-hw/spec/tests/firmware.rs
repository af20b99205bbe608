// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Firmware files that this crate writes are read back, and every damaged one is refused
//! without a panic.

use nova_spec::{
    firmware::{
        booter::{Booter, Part},
        bootloader::Bootloader,
        elf::Elf,
        gsp::{GspFirmware, GspTlv},
        names::{FirmwareFile, GSP_IMAGE, VERSION},
        set::{convert_to_tlv, NamedFile, Synthetic},
        tlv::{Tag, Tlv, Writer},
    },
    Chipset, FormatError,
};
use proptest::prelude::*;

fn synthetic(file: FirmwareFile) -> Vec<u8> {
    Synthetic::default().file(file, Chipset::GA102).unwrap()
}

fn find<'a>(files: &'a [NamedFile], name: &str) -> &'a [u8] {
    let file = files.iter().find(|file| file.name == name);
    &file.unwrap_or_else(|| panic!("no {name}")).content
}

#[test]
fn a_synthetic_set_has_the_distributions_names_and_is_read() {
    for chipset in [Chipset::GA102, Chipset::AD102] {
        let files = Synthetic::default().files(chipset).unwrap();
        let gsp = find(&files, "gsp-570.144.bin");
        let gsp = GspFirmware::from_elf(gsp, chipset).unwrap();
        assert_eq!(gsp.version, "570.144");
        assert_eq!(gsp.image.len(), 0x3000);
        assert_eq!(gsp.signatures.len(), 0x1000);
        let bootloader = find(&files, "bootloader-570.144.bin");
        let bootloader = Bootloader::from_nvfw(bootloader).unwrap();
        assert_eq!(bootloader.image.len(), 0x1000);
        assert_eq!(bootloader.code_offset, 0xc00);
        for name in ["booter_load-570.144.bin", "booter_unload-570.144.bin"] {
            let booter = Booter::from_nvfw(find(&files, name)).unwrap();
            let app0 = Part {
                offset: 0x100,
                size: 0x300,
            };
            assert_eq!(booter.app0, app0);
            assert_eq!(booter.pkc_data_offset(), Ok(0x10));
            assert_eq!(booter.signature_size(), Ok(384));
        }
    }
}

#[test]
fn signatures_are_chosen_by_the_fuse() {
    let file = synthetic(FirmwareFile::BooterLoad);
    let booter = Booter::from_nvfw(&file).unwrap();
    let (first, last) = booter.signatures.split_at(384);
    assert_ne!(first, last);
    assert_eq!(booter.signature(0), Ok(last));
    assert_eq!(booter.signature(1), Ok(first));
    let error = booter.signature(2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fuse version is 0x2, and not a version that the booter has a signature for"
    );
}

#[test]
fn the_conversion_loses_nothing() {
    let chipset = Chipset::AD102;
    let set = Synthetic::default().files(chipset).unwrap();
    let read = |name: &str| Ok::<_, FormatError>(find(&set, name).to_vec());
    let files = convert_to_tlv(chipset, read).unwrap();
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    let expected = [
        "gsp.bin",
        "gsp.tlv",
        "gsp_bootloader.tlv",
        "booter_load.tlv",
        "booter_unload.tlv",
    ];
    assert_eq!(names, expected);

    let elf = find(&set, "gsp-570.144.bin");
    let elf = GspFirmware::from_elf(elf, chipset).unwrap();
    let tlv = Tlv::new(find(&files, "gsp.tlv")).unwrap();
    let gsp = GspTlv::from_tlv(&tlv).unwrap();
    assert_eq!(gsp.signatures, elf.signatures);
    assert_eq!((gsp.file, gsp.version), (GSP_IMAGE, VERSION));
    assert_eq!(find(&files, gsp.file), elf.image);
    assert_eq!(gsp.size as usize, elf.image.len());

    let bin = find(&set, "bootloader-570.144.bin");
    let tlv = Tlv::new(find(&files, "gsp_bootloader.tlv")).unwrap();
    assert_eq!(Bootloader::from_nvfw(bin), Bootloader::from_tlv(&tlv));
    for name in ["booter_load", "booter_unload"] {
        let bin = find(&set, &format!("{name}-570.144.bin"));
        let tlv = Tlv::new(find(&files, &format!("{name}.tlv"))).unwrap();
        assert_eq!(Booter::from_nvfw(bin), Booter::from_tlv(&tlv));
    }
}

#[test]
fn an_error_of_the_reader_ends_the_conversion() {
    let refused = convert_to_tlv(Chipset::GA102, |_| Err(FormatError::Missing("file")));
    assert_eq!(refused, Err(FormatError::Missing("file")));
}

#[test]
fn every_truncation_is_refused_by_name() {
    for file in FirmwareFile::ALL {
        let whole = synthetic(file);
        for len in 0..whole.len() {
            let cut = &whole[..len];
            let refused = match file {
                FirmwareFile::Gsp => GspFirmware::from_elf(cut, Chipset::GA102).is_err(),
                FirmwareFile::Bootloader => Bootloader::from_nvfw(cut).is_err(),
                _ => Booter::from_nvfw(cut).is_err(),
            };
            assert!(refused, "{} at {len}", file.name());
        }
    }
    let whole = Writer::new("1").bytes(Tag::BLOB, &[7; 9]).finish().unwrap();
    // A cut between two blocks leaves a shorter file, which is one.
    let between = 4 + 8 + 4;
    for len in (0..whole.len()).filter(|&len| len != between) {
        assert!(Tlv::new(&whole[..len]).is_err(), "{len}");
    }
}

#[test]
fn the_errors_name_what_is_wrong() {
    let mut file = synthetic(FirmwareFile::BooterLoad);
    file[0] = 0xdf;
    let error = Booter::from_nvfw(&file).unwrap_err().to_string();
    assert_eq!(error, "bin_magic is 0x10df, and not 0x10de");

    let elf = synthetic(FirmwareFile::Gsp);
    let error = GspFirmware::from_elf(&elf, Chipset::AD102).unwrap_err();
    assert_eq!(error.to_string(), "there is no .fwsignature_ad10x");
    let tlv = |writer: Writer| writer.finish().unwrap();
    let twice = tlv(Writer::new("1").u32(Tag::SIZE, 1).u32(Tag::SIZE, 1));
    assert_eq!(
        Tlv::new(&twice).err(),
        Some(FormatError::Duplicate("TLV tag"))
    );
    let error = Tlv::new(b"NVFX").err().unwrap().to_string();
    assert_eq!(error, "TLV magic is 0x4e564658, and not \"NVFW\"");
    let error = Tlv::new(b"NVFW").err().unwrap().to_string();
    assert_eq!(error, "there is no VERS");
    let text = tlv(Writer::new("1\n"));
    let error = Tlv::new(&text).err().unwrap().to_string();
    assert_eq!(error, "VERS is not printable: byte 1 is 0x0a");

    let path = tlv(Writer::new("1")
        .u32(Tag::SIZE, 1)
        .string(Tag::FILE, "../x")
        .bytes(Tag::SIGN, &[1]));
    assert!(GspTlv::from_tlv(&Tlv::new(&path).unwrap()).is_err());
}

#[test]
fn a_booter_whose_signature_would_leave_the_data_is_refused() {
    let file = synthetic(FirmwareFile::BooterLoad);
    let mut booter = Booter::from_nvfw(&file).unwrap();
    let limit = booter.os_data.offset + booter.os_data.size - 384;
    booter.patch_loc = limit;
    assert_eq!(booter.check(), Ok(()));
    booter.patch_loc = limit + 1;
    assert!(booter.check().is_err());
    booter.patch_loc = booter.os_data.offset - 1;
    assert!(booter.check().is_err());
    booter.patch_loc = limit;
    booter.num_sig = 5;
    assert!(booter.check().is_err());
}

proptest! {
    #[test]
    fn any_booter_comes_back_from_both_containers(
        image in prop::collection::vec(any::<u8>(), 512..1024),
        code in 0u32..256, data in 384u32..512, fuse_ver: u32, engine_id: u16, ucode_id: u8,
        signatures in prop::collection::vec(any::<u8>(), 1..64), num_sig in 1u32..4,
    ) {
        let signatures = signatures.repeat(num_sig as usize);
        let part = |offset, size| Part { offset, size };
        let booter = Booter {
            image: &image,
            os_code: part(0, code),
            os_data: part(0, data),
            app0: part(code, 512 - code),
            patch_loc: data - 64,
            fuse_ver,
            engine_id,
            ucode_id,
            signatures: &signatures,
            num_sig,
        };
        let nvfw = booter.to_nvfw().unwrap();
        prop_assert_eq!(Booter::from_nvfw(&nvfw), Ok(booter));
        let tlv = booter.to_tlv("9").unwrap();
        prop_assert_eq!(Booter::from_tlv(&Tlv::new(&tlv).unwrap()), Ok(booter));
    }

    #[test]
    fn flipped_bytes_harm_nobody(
        file in prop::sample::select(FirmwareFile::ALL.to_vec()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = synthetic(file);
        for (at, value) in flips {
            // Mostly in the headers, where it matters.
            let at = at.index(bytes.len().min(256));
            bytes[at] = value;
        }
        let _ = Booter::from_nvfw(&bytes).map(|booter| booter.signature(1));
        let _ = Bootloader::from_nvfw(&bytes);
        let _ = Elf::new(&bytes).map(|elf| elf.section(".fwimage").is_ok());
        let _ = GspFirmware::from_elf(&bytes, Chipset::GA102);
    }

    #[test]
    fn what_a_tlv_writer_wrote_is_read(value in prop::collection::vec(any::<u8>(), 1..64), number: u32) {
        let file = Writer::new("570.144")
            .bytes(Tag::BLOB, &value)
            .u32(Tag::APPV, number)
            .finish()
            .unwrap();
        let tlv = Tlv::new(&file).unwrap();
        prop_assert_eq!(tlv.bytes(Tag::BLOB), Ok(&value[..]));
        prop_assert_eq!(tlv.u32(Tag::APPV), Ok(number));
        prop_assert_eq!(tlv.string(Tag::VERS), Ok("570.144"));
        prop_assert_eq!(file.len() % 4, 0);
    }
}
