// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Each kind of fault at each kind of place is seen by a driver, and a reset ends it.

mod mini;

use std::time::{Duration, Instant};

use mini::{Driver, Step, GSP};
use nova_model::{fault::FaultPlan, Model};
use nova_pci::Pci;

fn driver(plan: &str) -> Driver {
    let plan: FaultPlan = plan.parse().unwrap();
    Driver::new(Model::builder().faults(plan).build().unwrap())
}

/// Boots with a plan; the error, after which a reset makes the card whole.
fn fails(plan: &str) -> String {
    let mut driver = driver(plan);
    let booted = driver.boot();
    let Err(error) = booted else {
        panic!("{plan} harms nothing");
    };
    driver.model.reset().unwrap();
    mini::enable(&driver.model);
    driver.boot().unwrap();
    driver.unload().unwrap();
    error
}

#[test]
fn registers_answer_what_the_plan_says() {
    let driver = driver(
        "read NV_PMC_BOOT_42 nth=2 drop\n\
         read NV_PMC_BOOT_42 nth=3 times=2 corrupt xor=0xf\n\
         read NV_PBUS_SW_SCRATCH(5) nth=2 delay=1ms\n\
         write NV_PBUS_SW_SCRATCH(6) drop\n\
         write NV_PBUS_SW_SCRATCH(7) corrupt value=9",
    );
    let reads: Vec<_> = (0..5).map(|_| driver.read(0xa00)).collect();
    let right = 0x172a_1000;
    assert_eq!(reads, [right, 0, right ^ 0xf, right ^ 0xf, right]);
    assert_eq!(driver.read(0x1414), 0);
    driver.write(0x1414, 1);
    assert_eq!(driver.read(0x1414), 0);
    assert_eq!(driver.read(0x1414), 1);
    for offset in [0x1418, 0x141c] {
        driver.write(offset, 1);
    }
    assert_eq!([driver.read(0x1418), driver.read(0x141c)], [0, 9]);
}

#[test]
fn a_late_write_has_its_effect_late() {
    let driver = driver("write NV_PBUS_SW_SCRATCH(5) delay=30ms");
    let start = Instant::now();
    driver.write(0x1414, 7);
    let seen = driver.read(0x1414);
    // Unless the test was interrupted for so long.
    assert!(seen == 0 || start.elapsed() > Duration::from_millis(30));
    while driver.read(0x1414) != 7 {}
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[test]
fn a_card_that_falls_off_the_bus_is_all_ones_until_a_reset() {
    let driver = driver("read NV_PMC_BOOT_0 nth=2 all-ones");
    assert_eq!(driver.read(0), 0x1720_00a1);
    assert_eq!(driver.read(0), u32::MAX);
    assert_eq!(driver.read(0xa00), u32::MAX);
    assert_eq!(driver.model.config_read32(0).unwrap(), u32::MAX);
    mini::enable(&driver.model);
    assert_eq!(driver.read(0), u32::MAX);
    driver.model.reset().unwrap();
    mini::enable(&driver.model);
    assert_eq!(driver.read(0), 0x1720_00a1);
}

#[test]
fn a_chip_that_hangs_keeps_its_registers() {
    let mut driver = driver("command 47 hang");
    driver.boot().unwrap();
    driver.send(47, &[0; 8]);
    assert_eq!(driver.try_receive().unwrap(), None);
    assert_eq!(driver.read(0xa00), 0x172a_1000);
    driver.write(0x1414, 7);
    assert_eq!(driver.read(0x1414), 7);
    assert!(driver.run_fwsec(0x19).is_err());
    assert_ne!(driver.read(0x1f_a828), 0);
}

#[test]
fn each_step_of_the_boot_can_fail_and_a_second_attempt_succeeds() {
    for (plan, error) in [
        ("read 0x118234 times=2000 corrupt value=0", "GFW: "),
        ("write NV_PFALCON_FALCON_ENGINE(GSP) hang", "DMA: "),
        (
            "read NV_PFALCON_FALCON_HWCFG2(GSP) times=2000 corrupt value=0x80001400",
            "scrubbing: ",
        ),
        (
            "read NV_PFALCON_FALCON_DMATRFCMD(GSP) times=2000 drop",
            "DMA: ",
        ),
        (
            "write NV_PFALCON_FALCON_DMATRFCMD(GSP) drop",
            "WPR2 is [0, 0]",
        ),
        ("dma-read * corrupt payload", "WPR2 is [0, 0]"),
        (
            "read NV_PBUS_SW_SCRATCH_0E_FRTS_ERR times=2 corrupt value=0x50000",
            "FRTS: 0x50000",
        ),
        (
            "read NV_PFALCON_FALCON_CPUCTL(SEC2) times=2000 corrupt xor=0x10",
            "halted: ",
        ),
        (
            "read NV_PFALCON_FALCON_MAILBOX0(SEC2) corrupt value=7",
            "the booter leaves 0x7",
        ),
        (
            "read NV_PRISCV_RISCV_CPUCTL(GSP) times=2000 drop",
            "RISC-V: ",
        ),
        ("message 0x1002 corrupt checksum", "checksum"),
        ("message 0x1002 corrupt sequence", "message 1"),
        ("message 0x1002 corrupt length", "elements, "),
        ("message 0x1002 corrupt function", "unexpected 0x1fff"),
        ("message 0x1001 corrupt result", "result: 1f"),
        (
            "read NV_PGC6_BSI_SECURE_SCRATCH_14 times=2000 drop",
            "hand-off",
        ),
        ("read NV_PMC_BOOT_0 all-ones", "leaves 0xffffffff"),
    ] {
        let said = fails(plan);
        assert!(said.contains(error), "{plan}: {said}");
    }
}

#[test]
fn messages_are_lost_late_or_not_answered() {
    let mut driver = driver("message 65 drop\ncommand 65 nth=2 drop\nmessage 65 nth=2 delay=20ms");
    driver.boot().unwrap();
    let start = Instant::now();
    for _ in 0..2 {
        driver.send(65, &[0; 1656]);
        assert_eq!(driver.try_receive().unwrap(), None);
    }
    // The third call is answered, late, while nobody touches a register.
    driver.static_info().unwrap();
    assert!(start.elapsed() >= Duration::from_millis(20));
    driver.unload().unwrap();
}

#[test]
fn a_plan_can_be_changed_while_the_card_runs() {
    let mut driver = driver("");
    driver
        .boot_with(|driver, at| {
            if at == Step::Up {
                let plan = "message 47 drop".parse().unwrap();
                driver.model.set_faults(&plan);
            }
        })
        .unwrap();
    driver.send(47, &[0; 8]);
    assert_eq!(driver.try_receive().unwrap(), None);
    // It has gone, only without a word.
    assert_eq!(driver.read(GSP + 0x40) >> 31, 1);
}
