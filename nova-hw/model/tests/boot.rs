// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Boots and unloads the model through its registers, on many cards.

mod mini;

use std::time::Duration;

use mini::{u32_at, Driver, Step, GSP};
use nova_model::{Builder, Interrupt, Model};
use nova_pci::{Bar, BarIndex, EventFd, Pci};
use nova_spec::chip::{AD102, CHIPS};

/// As in `sys/eventfd.h`.
const EFD_NONBLOCK: i32 = 0o4000;

fn driver(builder: Builder) -> Driver {
    Driver::new(builder.build().unwrap())
}

#[test]
fn it_boots_and_unloads_twice_without_a_reset_on_every_chip() {
    for chip in CHIPS {
        let mut driver = driver(Model::builder().chip(*chip));
        for _ in 0..2 {
            driver.boot().unwrap();
            driver.static_info().unwrap();
            driver.unload().unwrap();
        }
    }
}

#[test]
fn every_seed_boots_twice() {
    for seed in 0..40 {
        let mut driver = driver(Model::builder().seed(seed));
        for round in 0..2 {
            driver
                .boot()
                .and_then(|()| driver.static_info().map(drop))
                .and_then(|()| driver.unload())
                .unwrap_or_else(|error| panic!("seed {seed}, round {round}: {error}"));
        }
    }
}

#[test]
fn some_seeds_move_messages_over_the_rings_end() {
    let (mut rounds, mut split) = (0, 0);
    for seed in 0..20 {
        let mut driver = driver(Model::builder().seed(seed));
        driver.boot().unwrap();
        driver.static_info().unwrap();
        rounds += driver.queues.rounds;
        split += driver.queues.split;
    }
    assert!(rounds > 0 && split > 0, "{rounds} rounds, {split} split");
}

#[test]
fn late_writes_change_nothing_for_a_driver_that_waits() {
    for seed in 0..10 {
        let late = Duration::from_micros(500);
        let mut driver = driver(Model::builder().seed(seed).delayed_writes(late));
        driver.boot().unwrap();
        driver.static_info().unwrap();
        driver.unload().unwrap();
    }
}

#[test]
fn static_info_tells_of_this_card() {
    let mut driver = driver(Model::builder().chip(AD102).vram(512 << 20));
    driver.boot().unwrap();
    let info = driver.static_info().unwrap();
    assert!(info[0x4ec..].starts_with(b"NVIDIA GeForce RTX 4090\0"));
    let regions = u32_at(&info, 0x158);
    assert_eq!(regions, 2);
    let rsvd = driver.meta[11];
    let region = |i: usize, at: usize| u64::from(u32_at(&info, 0x160 + 48 * i + at));
    assert_eq!((region(0, 0), region(0, 8)), (0, rsvd - 1));
    assert_eq!((region(0, 16), region(0, 0x1c) & 0xff_ffff), (0, 0x00_0101));
    assert_eq!((region(1, 0), region(1, 8)), (rsvd, (512 << 20) - 1));
    assert_ne!(region(1, 16), 0);
    assert!(info[0x600..0x610].iter().any(|byte| *byte != 0));
}

#[test]
fn the_booter_verifies_and_gsp_interrupts() {
    let model = Model::builder().build().unwrap();
    let event = model.enable_msi().unwrap();
    let mut driver = Driver::new(model);
    // All leaves and subtrees.
    for leaf in 0..8 {
        driver.write(0xb8_1200 + 4 * leaf, u32::MAX);
    }
    driver.write(0xb8_1608, u32::MAX);
    driver.boot().unwrap();
    assert_eq!(event.read().unwrap(), 1);
    assert_eq!(driver.read(GSP + 8) & 0x40, 0x40);
    // Acknowledged and rearmed: the next message interrupts again.
    driver.write(GSP + 4, 0x40);
    for leaf in 0..8 {
        driver.write(0xb8_1000 + 4 * leaf, u32::MAX);
    }
    driver.write(0xb8_1608, u32::MAX);
    assert!(event.read().is_err());
    driver.static_info().unwrap();
    assert_eq!(event.read().unwrap(), 1);
}

#[test]
fn the_pin_interrupts_where_there_is_no_msi() {
    let model = Model::builder().build().unwrap();
    let (pin, msi) = (EventFd::new(EFD_NONBLOCK), EventFd::new(EFD_NONBLOCK));
    let (pin, msi) = (pin.unwrap(), msi.unwrap());
    model.set_interrupt(Interrupt::Intx, Some(pin.try_clone().unwrap()));
    let trigger = |command: u16| {
        model.config_write(4, &command.to_le_bytes()).unwrap();
        let bar0 = model.bar(BarIndex::Bar0).unwrap();
        for (register, value) in [
            (0xb8_1400, 1),
            (0xb8_1000, 1),
            (0xb8_1200, 1),
            (0xb8_1608, 1),
        ] {
            bar0.write32(register, value).unwrap();
        }
        bar0.write32(0xb8_1640, 0).unwrap();
    };
    trigger(2);
    assert_eq!(pin.read().unwrap(), 1);
    // Not where the command register forbids it, nor beside MSI.
    trigger(2 | 1 << 10);
    assert!(pin.read().is_err());
    model.set_interrupt(Interrupt::Msi, Some(msi.try_clone().unwrap()));
    trigger(2);
    assert!(pin.read().is_err());
    assert_eq!(msi.read().unwrap(), 1);
}

#[test]
fn the_region_of_the_firmware_is_hidden_from_the_cpu() {
    let mut driver = driver(Model::builder());
    driver.boot().unwrap();
    let wpr = driver.meta[14];
    driver.write(0x1700, (wpr >> 16) as u32 - 1);
    driver.write(0x70_fffc, 5);
    assert_eq!(driver.read(0x70_fffc), 5);
    assert_eq!(driver.read(0x71_0000) >> 16, 0xbadf);
    driver.unload().unwrap();
    driver.write(0x71_0000, 7);
    assert_eq!(driver.read(0x71_0000), 7);
}

#[test]
fn a_reset_in_the_middle_brings_everything_back() {
    for step in [
        Step::Ready,
        Step::Frts,
        Step::Arguments,
        Step::Booted,
        Step::Up,
    ] {
        let mut driver = driver(Model::builder().seed(3));
        let booted = driver.boot_with(|driver, at| {
            if at == step {
                driver.model.reset().unwrap();
                mini::enable(&driver.model);
            }
        });
        assert_eq!(
            booted.is_ok(),
            matches!(step, Step::Ready | Step::Up),
            "{step:?}: {booted:?}"
        );
        driver.model.reset().unwrap();
        mini::enable(&driver.model);
        assert_eq!(driver.read(0x1f_a828), 0);
        driver.boot().unwrap();
        driver.unload().unwrap();
    }
}
