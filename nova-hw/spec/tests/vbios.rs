// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! ROMs that this crate builds are read back, and every damaged one is refused without a panic.

use nova_spec::{
    falcon::{BromParams, Load},
    vbios::{appif, fwsec::SIGNATURE_SIZE, ifr, image::Extent, *},
    FormatError,
};
use proptest::prelude::*;

const FRTS: Command = Command::Frts {
    address: 0x3fe0_0000,
    size: 0x10_0000,
};

fn word(rom: &[u8], offset: u32) -> Result<u32, FormatError> {
    let bytes = rom
        .get(offset as usize..)
        .and_then(|rest| rest.first_chunk());
    bytes
        .map(|bytes| u32::from_le_bytes(*bytes))
        .ok_or(FormatError::Missing("dword"))
}

/// As a driver does it: past the IFR, the images.
fn first(rom: &[u8]) -> Result<&[u8], FormatError> {
    let first = ifr::first_image(|offset| word(rom, offset))?;
    Ok(rom.get(first as usize..).unwrap_or(&[]))
}

#[test]
fn the_smallest_rom_is_2_kib() {
    let rom = RomBuilder::default().build().unwrap();
    assert_eq!(rom.len(), 2048);
    let images: Vec<_> = Images::new(&rom).map(Result::unwrap).collect();
    let types: Vec<_> = images.iter().map(Image::code_type).collect();
    assert_eq!(types, [Some(CodeType::PciAt), Some(CodeType::Fwsec)]);
    assert_eq!(images[0].bytes.len(), 512);
    assert_eq!(images[0].checksum(), 0);
    let fwsec = Vbios::new(&rom).unwrap().fwsec().unwrap();
    assert_eq!(fwsec.imem().len(), 0x100);
    let brom = BromParams {
        pkc_data_offset: 0x80,
        engine_id_mask: 0x400,
        ucode_id: 9,
    };
    assert_eq!(fwsec.brom_params(), brom);
    let dmem = Load {
        source: 0x100,
        target: 0,
        len: 0x200,
    };
    assert_eq!(fwsec.dmem_load(), dmem);
}

#[test]
fn a_rom_says_its_version_and_date() {
    let rom = RomBuilder {
        version: VbiosVersion {
            number: [0x94, 0x02, 0x42, 0x00],
            oem: 0xa9,
        },
        date: *b"09/16/20",
        ..RomBuilder::default()
    };
    let rom = rom.build().unwrap();
    let image = Vbios::new(&rom).unwrap().pci_at.bytes;
    let version = VbiosVersion::of(image).unwrap();
    assert_eq!(version.to_string(), "94.02.42.00.a9");
    assert_eq!(info::date(image), Some("09/16/20"));
    let mut odd = image.to_vec();
    odd[0x38] = b'x';
    assert_eq!(info::date(&odd), None);
    assert_eq!(info::date(&odd[..0x3f]), None);
}

#[test]
fn a_version_by_hand() {
    let mut image = vec![0; 512];
    // BIT with one token, and what that leads to.
    image[0x80..0x8c].copy_from_slice(b"\xff\xb8BIT\0\x00\x01\x0c\x06\x01\x00");
    image[0x8c..0x92].copy_from_slice(&[b'i', 2, 5, 0, 0xa0, 0]);
    image[0xa0..0xa5].copy_from_slice(&[0x42, 0x00, 0x02, 0x94, 0xb4]);
    let version = VbiosVersion::of(&image).unwrap();
    assert_eq!(version.to_string(), "94.02.00.42.b4");
    assert_eq!(version.to_bytes(), image[0xa0..0xa5]);
    for (at, byte) in [(0x8e, 4), (0x91, 0xff), (0x8c, b'j'), (0x82, 0)] {
        let mut image = image.clone();
        image[at] = byte;
        assert!(VbiosVersion::of(&image).is_err(), "{at:#x}");
    }
    assert!(VbiosVersion::of(&[]).is_err());
}

#[test]
fn a_command_written_for_fwsec_is_what_fwsec_reads() {
    let rom = RomBuilder::default().build().unwrap();
    let fwsec = Vbios::new(&rom).unwrap().fwsec().unwrap();
    for command in [FRTS, Command::Sb] {
        let image = fwsec.image(command, 0).unwrap();
        let dmem = &image[fwsec.dmem_load().source as usize..];
        let interface = fwsec.desc.interface_offset.get();
        assert_eq!(appif::read_command(dmem, interface), Ok(command));
        assert_eq!(dmem[0x80..0x80 + SIGNATURE_SIZE], [0xa0; SIGNATURE_SIZE]);
    }
    // The bytes of the region, as FWSEC takes them.
    let image = fwsec.image(FRTS, 0).unwrap();
    assert_eq!(image[0x100 + 0x10 + 0x2c], 0x15);
    let region = &image[0x100 + 0x50 + 24..][..20];
    let words = [1u32, 20, 0x3fe00, 0x100, 2];
    assert_eq!(region, words.map(u32::to_le_bytes).as_flattened());
    let odd = Command::Frts {
        address: 0x800,
        size: 0x1000,
    };
    let error = fwsec.image(odd, 0).unwrap_err().to_string();
    assert_eq!(
        error,
        "FRTS address is 0x800, and not a multiple of 4 KiB below 2^44"
    );
}

#[test]
fn the_signature_is_that_of_the_fuses_version() {
    let builder = RomBuilder {
        signature_versions: 0b1010,
        ..RomBuilder::default()
    };
    let rom = builder.build().unwrap();
    let fwsec = Vbios::new(&rom).unwrap().fwsec().unwrap();
    assert_eq!(fwsec.signature(1).unwrap().unwrap()[0], 0xa0);
    assert_eq!(fwsec.signature(3).unwrap().unwrap()[0], 0xa1);
    for fuse in [0, 2, 4, 16, 255] {
        assert!(fwsec.signature(fuse).is_err(), "{fuse}");
    }
    let unsigned = RomBuilder {
        signature_versions: 0,
        ..builder
    };
    let rom = unsigned.build().unwrap();
    let fwsec = Vbios::new(&rom).unwrap().fwsec().unwrap();
    assert_eq!(fwsec.signature(7), Ok(None));
}

#[test]
fn ifr_efi_image_and_npde_do_not_lead_astray() {
    for version in 1..=3 {
        let builder = RomBuilder {
            ifr: Some(version),
            efi_units: 3,
            pci_at_units: 5,
            npde: true,
            ..RomBuilder::default()
        };
        let rom = builder.build().unwrap();
        let rom = first(&rom).unwrap();
        let extent = Extent::of_head(&rom[..1024]).unwrap();
        let five_units = Extent {
            size: 5 * 512,
            last: false,
        };
        assert_eq!(extent, five_units);
        assert_eq!(Images::new(rom).count(), 3);
        let fwsec = Vbios::new(rom).unwrap().fwsec().unwrap();
        assert_eq!(fwsec.desc.ucode_id, 9);
    }
    let wrong = RomBuilder {
        ifr: Some(4),
        ..RomBuilder::default()
    };
    assert!(wrong.build().is_err());
}

#[test]
fn the_errors_name_what_is_wrong() {
    let good = RomBuilder::default().build().unwrap();
    let error_with = |at: usize, byte: u8| {
        let mut rom = good.clone();
        rom[at] = byte;
        let error = Vbios::new(&rom).and_then(|vbios| vbios.fwsec());
        error.map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(
        error_with(1, 0),
        "ROM signature is 0x55, and not 0xaa55 or 0x4e56"
    );
    assert_eq!(
        error_with(0x20, b'X'),
        "PCIR signature is 0x58434952, and not \"PCIR\" or \"NPDS\""
    );
    assert_eq!(error_with(0x50, 0), "there is no BIT in the VBIOS");
    assert_eq!(error_with(0x34, 3), "there is no PC-AT image in the VBIOS");
    assert_eq!(error_with(0x234, 3), "there is no FWSEC image in the VBIOS");
    assert_eq!(
        error_with(0x72, 9),
        "falcon data: 0x0 bytes at 0x90050 are outside the 0x600 bytes that there are"
    );
    assert_eq!(
        error_with(0x271, 2),
        "FWSEC descriptor hdr is 0x1ac0201, and not one of version 3"
    );
    // Without a last image the walk ends at the end of the ROM.
    assert_eq!(
        error_with(0x235, 0),
        "ROM signature: 0x2 bytes at 0x0 are outside the 0x0 bytes that there are"
    );
}

#[test]
fn every_truncation_is_refused() {
    let builder = RomBuilder {
        efi_units: 1,
        npde: true,
        ..RomBuilder::default()
    };
    let rom = builder.build().unwrap();
    for len in 0..rom.len() {
        assert!(Vbios::new(&rom[..len]).is_err(), "{len}");
    }
}

fn builders() -> impl Strategy<Value = RomBuilder> {
    let sizes = (1u16..8, 0u16..4, 1u32..5, 2u32..6);
    let ifr = prop::option::of(1u8..4);
    (
        sizes,
        ifr,
        any::<bool>(),
        0u32..0x100,
        1u8..=16,
        any::<u16>(),
    )
        .prop_map(|(sizes, ifr, npde, place, ucode_id, signature_versions)| {
            let mut builder = RomBuilder {
                pci_at_units: sizes.0,
                efi_units: sizes.1,
                imem_size: sizes.2 * 256,
                dmem_size: sizes.3 * 256,
                ifr,
                npde,
                ucode_id,
                signature_versions,
                ..RomBuilder::default()
            };
            builder.interface_offset = (place * 4).min(builder.max_interface_offset());
            builder
        })
}

proptest! {
    #[test]
    fn any_rom_leads_to_its_fwsec(builder in builders(), mib in 1u64..4096) {
        let rom = builder.build().unwrap();
        let vbios = Vbios::new(first(&rom).unwrap()).unwrap();
        let fwsec = vbios.fwsec().unwrap();
        prop_assert_eq!(fwsec.desc.ucode_id, builder.ucode_id);
        prop_assert_eq!(vbios.pci_at.checksum(), 0);
        let fuse = builder.signature_versions.trailing_zeros() as u8;
        let command = Command::Frts { address: mib << 20, size: 1 << 20 };
        let image = fwsec.image(command, fuse).unwrap();
        let dmem = &image[fwsec.dmem_load().source as usize..];
        prop_assert_eq!(dmem.len(), builder.dmem_size as usize);
        prop_assert_eq!(appif::read_command(dmem, builder.interface_offset), Ok(command));
    }

    #[test]
    fn flipped_bytes_harm_nobody(
        builder in builders(),
        flips in prop::collection::vec((0usize..0x400, any::<u8>()), 1..6),
    ) {
        let mut rom = builder.build().unwrap();
        for (at, byte) in flips {
            if let Some(place) = rom.get_mut(at) {
                *place = byte;
            }
        }
        if let Ok(fwsec) = first(&rom).and_then(Vbios::new).and_then(|vbios| vbios.fwsec()) {
            let _ = fwsec.image(FRTS, 0);
        }
    }

    #[test]
    fn any_dmem_is_looked_into_without_harm(dmem in prop::collection::vec(any::<u8>(), 0..256), at: u32) {
        let mut dmem = dmem;
        for at in [0, at] {
            let _ = appif::read_command(&dmem, at);
            let _ = appif::write_command(&mut dmem, at, FRTS);
        }
    }
}
