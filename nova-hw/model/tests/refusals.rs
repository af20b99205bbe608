// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a driver does wrong has no effect, or an error where the hardware has a place for one.

mod mini;

use mini::{put32, Driver, Program, Step, GSP, SEC2};
use nova_model::Model;
use nova_pci::Pci;

const WPR2_HI: u64 = 0x1f_a828;

fn driver() -> Driver {
    Driver::new(Model::builder().build().unwrap())
}

/// Boots with something spoilt after a step, and says what the boot says.
fn spoilt(step: Step, spoil: impl Fn(&mut Driver)) -> String {
    let mut driver = driver();
    let booted = driver.boot_with(|driver, at| {
        if at == step {
            spoil(driver);
        }
    });
    booted.unwrap_err()
}

/// Runs FWSEC as a test spoilt it; whether it made the region.
fn frts_with(spoil: impl Fn(&mut Program, &mut Driver)) -> bool {
    let mut driver = driver();
    let fb = u64::from(driver.read(0x11_83a4)) << 20;
    (driver.meta[19], driver.meta[20]) = (fb - (2 << 20), 1 << 20);
    let mut program = driver.fwsec_program(0x15).unwrap();
    spoil(&mut program, &mut driver);
    driver.reset_falcon(GSP).unwrap();
    driver.load_falcon(GSP, &program).unwrap();
    driver.start_falcon(GSP, [0, 0]).unwrap();
    driver.read(WPR2_HI) != 0
}

#[test]
fn fwsec_runs_only_as_it_was_signed() {
    assert!(frts_with(|_, _| ()));
    assert!(!frts_with(|program, _| program.imem[7] ^= 1));
    // The first byte that is neither command nor signature.
    assert!(!frts_with(|program, _| program.dmem[0] ^= 2));
    assert!(!frts_with(|program, _| {
        let at = program.signature_at as usize;
        program.dmem[at] ^= 1;
    }));
    assert!(!frts_with(|program, _| program.signature_at += 4));
    assert!(!frts_with(|program, _| program.engine_id_mask = 1));
    assert!(!frts_with(|program, _| program.ucode_id += 1));
    assert!(!frts_with(|program, _| program.algorithm = 0));
    assert!(!frts_with(|program, _| program.boot_vector = 0x100));
}

#[test]
fn frts_says_what_is_wrong_with_its_region() {
    let code = |address: u64, size: u64| {
        let mut driver = driver();
        (driver.meta[19], driver.meta[20]) = (address, size);
        driver.run_fwsec(0x15).unwrap();
        (driver.read(0x1438) >> 16, driver.read(WPR2_HI))
    };
    let fb = 1 << 30;
    assert_eq!(code(fb - (1 << 20), 1 << 20), (0, (fb >> 8) as u32));
    assert_eq!(code(fb - 4096, 8192), (3, 0));
    assert_eq!(code(0, 0), (3, 0));
    // A second region, and a command that there is not.
    let mut driver = driver();
    (driver.meta[19], driver.meta[20]) = (1 << 20, 1 << 20);
    driver.run_fwsec(0x15).unwrap();
    driver.run_fwsec(0x15).unwrap();
    assert_eq!(driver.read(0x1438) >> 16, 2);
    driver.run_fwsec(0x16).unwrap();
    assert_eq!(driver.read(0x1438) >> 16, 1);
}

#[test]
fn the_booter_refuses_metadata_that_makes_no_sense() {
    let spoilt = |field: usize, value: fn(u64) -> u64| {
        spoilt(Step::Arguments, |driver| {
            driver.meta[field] = value(driver.meta[field]);
        })
    };
    let malformed = "the booter leaves 0x3";
    assert_eq!(spoilt(0, |magic| magic ^ 1), malformed);
    assert_eq!(spoilt(1, |_| 2), malformed);
    // The heap before the region, the image after the bootloader.
    assert_eq!(spoilt(15, |heap| heap - (2 << 20)), malformed);
    assert_eq!(spoilt(17, |elf| elf + (8 << 20)), malformed);
    assert_eq!(spoilt(6, |_| 0x1001), malformed);
    assert_eq!(spoilt(3, |_| 0), malformed);
    assert_eq!(spoilt(19, |frts| frts + 4096), malformed);
    assert_eq!(spoilt(20, |size| size - 4096), "the booter leaves 0x2");
    assert_eq!(spoilt(22, |fb| fb + (1 << 20)), "the booter leaves 0x4");
    assert_eq!(spoilt(31, |_| 1), "the booter leaves 0x5");
    assert_eq!(spoilt(14, |start| start - 4096), malformed);
    assert_eq!(spoilt(10, |_| 0), "the booter leaves 0x6");
    assert_eq!(spoilt(9, |_| 0x123_0000), "the booter leaves 0x7");
    assert_eq!(spoilt(2, |_| 0x123_0000), "the booter leaves 0x7");
    // A table of level 2 that has no entry for the last pages: the next page of memory is not
    // mapped for the card at all, so the image is longer than its tables.
    assert_eq!(spoilt(3, |size| size + 4096), "the booter leaves 0x6");
}

#[test]
fn the_booter_wants_frts_and_a_program() {
    let mut frts_is_missing = driver();
    let booted = frts_is_missing.boot_with(|driver, at| {
        if at == Step::Arguments {
            // SB ends nothing; a reset of the card does.
            driver.model.reset().unwrap();
            mini::enable(&driver.model);
        }
    });
    assert_eq!(booted.unwrap_err(), "the booter leaves 0x2");

    let mut driver = driver();
    driver.reset_falcon(SEC2).unwrap();
    // Nothing is loaded: the words stay.
    assert_eq!(driver.start_falcon(SEC2, [7, 8]), Ok([7, 8]));
    let spoilt: [fn(&mut Program); 5] = [
        |program| program.engine_id_mask = 0x400,
        |program| program.ucode_id = 0,
        |program| program.signature_at = 0x380,
        |program| program.algorithm = 0,
        |program| program.dmem.fill(0),
    ];
    for spoil in spoilt {
        let mut program = Program::booter();
        spoil(&mut program);
        driver.reset_falcon(SEC2).unwrap();
        driver.load_falcon(SEC2, &program).unwrap();
        assert_eq!(driver.start_falcon(SEC2, [7, 8]), Ok([7, 8]));
    }
}

#[test]
fn the_region_stays_while_gsp_runs() {
    let mut driver = driver();
    driver.boot().unwrap();
    let error = driver.run_booter([0xff, 0xff]).unwrap_err();
    assert_eq!(error, "the booter leaves 0x1");
    assert_ne!(driver.read(WPR2_HI), 0);
    // A driver that goes without a word still gets rid of it: SB resets GSP.
    driver.run_fwsec(0x19).unwrap();
    driver.run_booter([0xff, 0xff]).unwrap();
    assert_eq!(driver.read(WPR2_HI), 0);
    driver.boot().unwrap();
}

#[test]
fn gsp_rm_needs_its_arguments() {
    // The region of the arguments is not in the list, or somewhere else.
    for spoil in [0usize, 1, 2] {
        let mut driver = driver();
        let booted = driver.boot_with(|driver, at| {
            if at == Step::Arguments {
                let libos =
                    u64::from(driver.read(GSP + 0x40)) | u64::from(driver.read(GSP + 0x44)) << 32;
                let list = libos - driver.base;
                match spoil {
                    0 => driver.memory.store64(list + 32, 0).unwrap(),
                    1 => driver.memory.store64(list + 40, 0x77_0000).unwrap(),
                    _ => driver.write_shared(0x1008, &64u32.to_le_bytes()),
                }
            }
            if at == Step::Booted {
                // It runs, and has nothing to say.
                driver.send_settings();
                assert_eq!(driver.try_receive().unwrap(), None, "{spoil}");
                driver.write_shared(0x4_1010, &1u32.to_le_bytes());
            }
        });
        assert!(booted.unwrap_err().starts_with("the header of GSP's queue"));
    }
}

#[test]
fn gsp_rm_waits_for_both_settings_and_the_sequence() {
    let mut driver = driver();
    driver
        .boot_with(|driver, at| {
            if at == Step::Booted {
                // Garbage between the settings is dropped, and GSP-RM goes on.
                driver.send(72, &[0; 16]);
                driver.send(73, &[0xff; 16]);
                let mut bytes = mini::message(9, 72, &[0; 0x3a0]);
                put32(&mut bytes, 0x20, 0x5555_5555);
                driver.send_raw(&bytes);
                driver.write(0x11_0c00, 0);
                assert_eq!(driver.try_receive().unwrap(), None);
                // Not up: no information.
                driver.send(65, &[0; 1656]);
                assert_eq!(driver.receive(65).unwrap().result, 0x40);
            }
        })
        .unwrap();
    driver.send(65, &[0; 1000]);
    assert_eq!(driver.receive(65).unwrap().result, 0x1f);
    driver.send(9999, &[1, 2, 3]);
    assert_eq!(driver.receive(9999).unwrap().result, 0x56);
    driver.send(47, &[0; 4]);
    assert_eq!(driver.receive(47).unwrap().result, 0x1f);
    assert_eq!(driver.read(GSP + 0x40) >> 31, 0);
    driver.unload().unwrap();
}

#[test]
fn a_sequence_that_was_not_run_does_not_bring_gsp_back() {
    let mut driver = driver();
    let booted = driver.boot_with(|driver, at| {
        if at == Step::Booted {
            driver.send_settings();
            let sequence = driver.receive(0x1002).unwrap();
            assert!(sequence.payload.len() > 40);
            driver.reset_falcon(GSP).unwrap();
            driver.start_falcon(SEC2, [0, 0]).unwrap();
            assert_eq!(driver.read(0x11_80f8) & 1 << 26, 0);
            assert_eq!(driver.read(0x11_1388) & 0x80, 0);
            assert_eq!(driver.try_receive().unwrap(), None);
            driver.write_shared(0x4_1010, &40u32.to_le_bytes());
        }
    });
    assert!(booted.is_err());
}

#[test]
fn pointers_that_make_no_sense_are_not_followed() {
    let mut driver = driver();
    driver.boot().unwrap();
    driver.write_shared(0x1010, &63u32.to_le_bytes());
    driver.write(0x11_0c00, 0);
    assert_eq!(driver.try_receive().unwrap(), None);
    // An element that says that it has more than were written.
    let mut bytes = mini::message(0, 65, &vec![0; 8000]);
    put32(&mut bytes, 0x28, 2);
    bytes.truncate(4096);
    let at = driver.next_command();
    driver.write_shared(0x2000 + u64::from(at) * 4096, &bytes);
    driver.write_shared(0x1010, &((at + 1) % 63).to_le_bytes());
    driver.write(0x11_0c00, 0);
    assert_eq!(driver.try_receive().unwrap(), None);
    driver.skip_command();
    driver.static_info().unwrap();
}

#[test]
fn without_bus_mastering_nothing_is_loaded() {
    let mut driver = driver();
    driver.model.config_write(4, &2u16.to_le_bytes()).unwrap();
    let fb = u64::from(driver.read(0x11_83a4)) << 20;
    (driver.meta[19], driver.meta[20]) = (fb - (2 << 20), 1 << 20);
    driver.run_fwsec(0x15).unwrap();
    assert_eq!(driver.read(WPR2_HI), 0);
    // With it, but without memory: the status register says so.
    mini::enable(&driver.model);
    driver.base += 1 << 30;
    driver.run_fwsec(0x15).unwrap();
    assert_eq!(driver.read(WPR2_HI), 0);
    assert_ne!(driver.model.config_read16(6).unwrap() & 1 << 13, 0);
}
