// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The walk over a ROM, without a card.

use nova_spec::vbios::RomBuilder;

use super::*;

fn read(rom: &[u8]) -> (Result<Vec<u8>, FormatError>, u32) {
    let mut last = 0;
    let images = read_images(|offset| {
        last = last.max(offset);
        let dword = rom
            .get(offset as usize..)
            .and_then(|rest| rest.first_chunk());
        Ok(dword.copied().map_or(0, u32::from_le_bytes))
    });
    (images, last)
}

#[test]
fn the_images_are_read_and_nothing_far_behind_them() {
    for ifr in [None, Some(1), Some(2), Some(3)] {
        for (pci_at_units, efi_units, npde) in [(1, 0, false), (7, 3, true)] {
            let builder = RomBuilder {
                ifr,
                pci_at_units,
                efi_units,
                npde,
                ..RomBuilder::default()
            };
            let rom = builder.build().unwrap();
            let images = read(&rom).0.unwrap();
            assert!(rom.ends_with(&images), "{builder:?}");
            assert!(Rom::new(images, "test").is_ok(), "{builder:?}");
        }
    }
    let rom = RomBuilder::default().build().unwrap();
    let (_, last) = read(&rom);
    assert_eq!(last as usize + 4, rom.len());
}

#[test]
fn a_rom_that_is_cut_off_anywhere_is_an_error_or_has_no_fwsec() {
    let rom = RomBuilder::default().build().unwrap();
    for len in (0..rom.len()).step_by(4) {
        let images = read(&rom[..len]).0;
        let rom = images.and_then(|images| Rom::new(images, "test"));
        // The end of FWSEC is signature room and zeros.
        let data = rom
            .as_ref()
            .map(|rom| rom.images().unwrap().fwsec().unwrap().dmem().len());
        assert!(rom.is_err() || data == Ok(0x200), "{len}");
    }
}

#[test]
fn what_never_ends_is_read_once_and_refused() {
    // One image that is not the last, over and over.
    let mut image = RomBuilder::default().build().unwrap();
    image.truncate(UNIT);
    let mut reads = 0;
    let images = read_images(|offset| {
        reads += 1;
        let at = offset as usize % UNIT;
        Ok::<_, FormatError>(u32::from_le_bytes(image[at..at + 4].try_into().unwrap()))
    });
    assert!(images.is_err());
    assert_eq!(reads, 1 + MAX_ROM / 4);
    assert!(read(&[0xff; 4096]).0.is_err());
    assert!(read(&[]).0.is_err());
}

#[test]
fn version_and_date_are_told() {
    let builder = RomBuilder {
        version: VbiosVersion {
            number: [0x94, 0x02, 0x00, 0x42],
            oem: 0xb4,
        },
        date: *b"03/04/21",
        ..RomBuilder::default()
    };
    let rom = builder.build().unwrap();
    let rom = Rom::new(read(&rom).0.unwrap(), "test").unwrap();
    let info = rom.info();
    assert_eq!((info.source, info.size), ("test", 2048));
    assert_eq!(info.version.as_deref(), Some("94.02.00.42.b4"));
    assert_eq!(info.date.as_deref(), Some("03/04/21"));
}
