// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Any accesses whatever, with memory of any content behind every address: the model neither
//! panics nor hangs, and after a reset it is as new.

mod mini;

use std::time::Duration;

use mini::{Driver, Step};
use nova_model::Model;
use nova_pci::{Bar, BarIndex, DmaMemory, Pci};
use proptest::prelude::*;

/// Registers with effects, and others.
fn offset() -> impl Strategy<Value = u64> {
    let falcon = prop_oneof![Just(0x11_0000u64), Just(0x84_0000)];
    let within = prop::sample::select(vec![
        0x000u64, 0x004, 0x010, 0x040, 0x044, 0x100, 0x104, 0x10c, 0x110, 0x114, 0x118, 0x11c,
        0x128, 0x130, 0x3c0, 0x3e8, 0x600, 0x604, 0x624, 0x1180, 0x1198, 0x119c, 0x1210, 0x1388,
        0x1668, 0xc00,
    ]);
    prop_oneof![
        6 => (falcon, within).prop_map(|(base, within)| base + within),
        1 => prop::sample::select(vec![
            0x1700u64, 0x1704, 0x7_0000, 0x8_8050, 0x8_8704, 0x9400, 0x9410, 0x10_0c10, 0xb8_1608,
            0xb8_1640, 0xb8_30b0, 0xbb_0090,
        ]),
        1 => 0..0xff_fff0u64,
        1 => 0xb8_1000..0xb8_1700u64,
    ]
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => prop::sample::select(vec![0u32, 1, 2, 5, 0x10, 0x40, 0x80, 0x400, 0x600, 0x614, 0x620]),
        1 => (0u32..64).prop_map(|page| page << 4),
        1 => any::<u32>(),
    ]
}

#[derive(Clone, Debug)]
enum Access {
    Read(u64, usize),
    Write(u64, u32),
    WriteBytes(u64, Vec<u8>),
    Config(u64, Vec<u8>),
    Bar1(u64, Vec<u8>),
    Memory(u64, u32),
    Reset,
}

fn access() -> impl Strategy<Value = Access> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..9);
    prop_oneof![
        4 => (offset(), 0..9usize).prop_map(|(at, len)| Access::Read(at, len)),
        9 => (offset(), value()).prop_map(|(at, value)| Access::Write(at & !3, value)),
        1 => (offset(), bytes()).prop_map(|(at, bytes)| Access::WriteBytes(at, bytes)),
        1 => (0..4088u64, bytes()).prop_map(|(at, bytes)| Access::Config(at, bytes)),
        1 => (0..0xff_fff0u64, bytes()).prop_map(|(at, bytes)| Access::Bar1(at, bytes)),
        2 => (0..0x1_0000u64, value()).prop_map(|(at, value)| Access::Memory(at & !3, value)),
        1 => Just(Access::Reset),
    ]
}

fn apply(driver: &Driver, access: &Access) {
    let (model, bar0) = (&driver.model, &driver.bar0);
    match access {
        Access::Read(at, len) => bar0.read(*at, &mut vec![0; *len]).unwrap(),
        Access::Write(at, value) => bar0.write32(*at, *value).unwrap(),
        Access::WriteBytes(at, bytes) => bar0.write(*at, bytes).unwrap(),
        Access::Config(at, bytes) => model.config_region_write(*at, bytes).unwrap(),
        Access::Bar1(at, bytes) => {
            let bar1 = model.bar(BarIndex::Bar1).unwrap();
            bar1.write(*at, bytes).unwrap();
            bar1.read(*at, &mut vec![0; bytes.len()]).unwrap();
        }
        Access::Memory(at, value) => driver.memory.store32(*at, *value).unwrap(),
        Access::Reset => model.reset().unwrap(),
    }
    // Most accesses are to have an effect.
    mini::enable(model);
}

fn renewed(driver: &mut Driver) {
    driver.model.reset().unwrap();
    mini::enable(&driver.model);
    driver.patience = Duration::from_secs(10);
    driver.boot().unwrap();
    driver.unload().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_cold_card_survives_anything(
        seed in any::<u64>(),
        late in any::<bool>(),
        accesses in prop::collection::vec(access(), 1..200),
    ) {
        let mut builder = Model::builder().seed(seed);
        if late {
            builder = builder.delayed_writes(Duration::from_micros(50));
        }
        let mut driver = Driver::at(builder.build().unwrap(), 0);
        for access in &accesses {
            apply(&driver, access);
        }
        renewed(&mut driver);
    }

    #[test]
    fn a_card_in_the_middle_of_a_boot_survives_anything(
        step in prop::sample::select(vec![Step::Frts, Step::Arguments, Step::Booted, Step::Up]),
        spoil in prop::collection::vec((0..0x20_0000u64, any::<u32>()), 0..64),
        accesses in prop::collection::vec(access(), 1..60),
    ) {
        let mut driver = Driver::new(Model::builder().build().unwrap());
        let mut done = false;
        let _ = driver.boot_with(|driver, at| {
            if at == step && !done {
                done = true;
                for (at, value) in &spoil {
                    driver.memory.store32(*at & !3, *value).unwrap();
                }
                for access in &accesses {
                    apply(driver, access);
                }
                // Whatever came of it, the driver does not wait.
                driver.model.reset().unwrap();
                driver.patience = Duration::ZERO;
            }
        });
        renewed(&mut driver);
    }
}

#[test]
fn tables_that_lead_to_themselves_end() {
    let memory = DmaMemory::new(4096).unwrap();
    for entry in 0..512 {
        memory.store64(entry * 8, 1 << 40).unwrap();
    }
    let model = Model::builder().vram(8 << 30).build().unwrap();
    let _mapping = model.dma_map(1 << 40, &memory).unwrap();
    let mut driver = Driver::new(model);
    let booted = driver.boot_with(|driver, at| {
        if at == Step::Arguments {
            // The largest image that the booter takes, and one above.
            driver.meta[2] = 1 << 40;
        }
    });
    booted.unwrap();
}
