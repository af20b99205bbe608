// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a driver does once GSP-RM is up: asks for tables, makes objects, has BARs go through page
//! tables of its own.

mod mini;

use mini::{put32, put64, u32_at, Driver, Outcome};
use nova_model::Model;
use nova_pci::{Bar, BarIndex, Pci};

const FREE: u32 = 10;
const UPDATE_BAR_PDE: u32 = 70;
const CONTROL: u32 = 76;
const ALLOC: u32 = 103;

const CLIENT: u32 = 0xc1d0_0001;

fn booted(builder: nova_model::Builder) -> Driver {
    let mut driver = Driver::new(builder.build().unwrap());
    driver.boot().unwrap();
    driver
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at + 4)) << 32 | u64::from(u32_at(bytes, at))
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn call(driver: &mut Driver, function: u32, payload: &[u8]) -> Outcome<(u32, Vec<u8>)> {
    driver.send(function, payload);
    let answer = driver.receive(function)?;
    Ok((answer.result, answer.payload))
}

/// Makes an object; its status.
fn alloc(driver: &mut Driver, parent: u32, handle: u32, class: u32, params: &[u8]) -> u32 {
    let header = words(&[CLIENT, parent, handle, class, 0, params.len() as u32, 0, 0]);
    let answer = call(driver, ALLOC, &[&header, params].concat()).unwrap();
    assert_eq!(answer.0, 0);
    u32_at(&answer.1, 16)
}

fn control(driver: &mut Driver, at: (u32, u32), cmd: u32, params: &[u8]) -> (u32, Vec<u8>) {
    let header = words(&[at.0, at.1, cmd, 0, params.len() as u32, 0]);
    let answer = call(driver, CONTROL, &[&header, params].concat()).unwrap();
    assert_eq!(answer.0, 0);
    (u32_at(&answer.1, 12), answer.1[24..].to_vec())
}

/// Writes VRAM through PRAMIN.
fn put_vram(driver: &Driver, address: u64, value: u64) {
    driver.write(0x1700, (address >> 16) as u32);
    let at = 0x70_0000 + (address & 0xffff);
    driver.bar0.write(at, &value.to_le_bytes()).unwrap();
}

#[test]
fn bar2_goes_where_the_driver_has_it_go() {
    for seed in [None, Some(3), Some(4)] {
        let builder = Model::builder();
        let mut driver = booted(match seed {
            None => builder,
            Some(seed) => builder.seed(seed),
        });
        let info = driver.static_info().unwrap();
        let (bar1, bar2) = (u64_at(&info, 0x600), u64_at(&info, 0x608));
        assert_ne!(bar1, bar2);
        // One table a level, in VRAM from 0x1000 on; a page at 0x8000.
        for (table, entry) in [(0x1000u64, 0x2000u64), (0x2000, 0x3000), (0x3008, 0x4000)] {
            put_vram(&driver, table, entry >> 4 | 2);
        }
        put_vram(&driver, 0x4000, 0x8000 >> 4 | 1);
        let bar3 = driver.model.bar(BarIndex::Bar3).unwrap();
        assert_eq!(bar3.read32(0).unwrap(), u32::MAX);
        let mut pde = vec![0; 24];
        put32(&mut pde, 0, 1);
        put64(&mut pde, 8, 0x1000 >> 4 | 2);
        put64(&mut pde, 16, 47);
        assert_eq!(call(&mut driver, UPDATE_BAR_PDE, &pde).unwrap().0, 0);
        bar3.write(0x10, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        driver.write(0x1700, 0);
        assert_eq!(driver.read(0x70_8014), 0x0807_0605);
        // BAR1's directory is the driver's to write, here through BAR2.
        put_vram(&driver, 0x4008, bar1 >> 4 | 1);
        bar3.write(0x1000, &(0x1000u64 >> 4 | 2).to_le_bytes())
            .unwrap();
        let bar1 = driver.model.bar(BarIndex::Bar1).unwrap();
        assert_eq!(bar1.read32(0x14).unwrap(), 0x0807_0605);
        // Another level than the root's is not RM's to write.
        put64(&mut pde, 16, 38);
        assert_eq!(call(&mut driver, UPDATE_BAR_PDE, &pde).unwrap().0, 0x1f);
        driver.unload().unwrap();
        assert_eq!(bar1.read32(0x8014).unwrap(), 0x0807_0605);
    }
}

#[test]
fn tables_and_objects_come_by_calls() {
    let mut driver = booted(Model::builder());
    let info = driver.static_info().unwrap();
    let internal = (u32_at(&info, 0x640), u32_at(&info, 0x648));
    let (status, devices) = control(&mut driver, internal, 0x2080_1112, &[0; 3212]);
    assert_eq!((status, u32_at(&devices, 4)), (0, 5));
    let (status, vectors) = control(&mut driver, internal, 0x2080_0a5c, &[0; 0x814]);
    assert_eq!((status, u32_at(&vectors, 0)), (0, 6));
    // GSP's index, and the vector that its messages raise.
    assert_eq!(vectors[4..6], [50, 0]);
    let stall = u32_at(&vectors, 12);
    let leaf = u64::from(stall / 32 * 4);
    assert_ne!(driver.read(0xb8_1000 + leaf) & 1 << (stall % 32), 0);
    for (cmd, size) in [
        (0x2080_0137, 4),
        (0x2080_0a1c, 40),
        (0x2080_01b0, 0x504),
        (0x2080_2a08, 4),
    ] {
        let (status, _) = control(&mut driver, internal, cmd, &vec![0; size]);
        assert_eq!(status, 0, "{cmd:#x}");
    }

    let mut root = vec![0; 120];
    put32(&mut root, 0, CLIENT);
    assert_eq!(alloc(&mut driver, CLIENT, CLIENT, 0, &root), 0);
    assert_eq!(alloc(&mut driver, CLIENT, 2, 0x80, &[0; 56]), 0);
    assert_eq!(alloc(&mut driver, 2, 3, 0x2080, &[0; 4]), 0);
    assert_eq!(alloc(&mut driver, 2, 4, 0x90f1, &[0; 48]), 0);
    // The handle is taken; the parent has no such child.
    assert_eq!(alloc(&mut driver, 2, 4, 0x90f1, &[0; 48]), 0x19);
    assert_eq!(alloc(&mut driver, 3, 5, 0x90f1, &[0; 48]), 0x36);
    let free = words(&[CLIENT, 0, CLIENT, 0]);
    let answer = call(&mut driver, FREE, &free).unwrap();
    assert_eq!((answer.0, u32_at(&answer.1, 12)), (0, 0));
    assert_eq!(alloc(&mut driver, CLIENT, 2, 0x80, &[0; 56]), 0x23);
    // What cannot be read is an error of the call itself.
    assert_ne!(call(&mut driver, CONTROL, &[0; 8]).unwrap().0, 0);
    driver.unload().unwrap();
}
