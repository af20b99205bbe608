// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Windows through page tables that a test writes by hand.

use nova_spec::gmmu::{Pde, PdeAperture, Pte, PteAperture};

use super::{
    super::tests::{Bench, MEMORY},
    *,
};
use crate::board::Board;

const INSTANCE: u64 = 0x10_0000;
const PD3: u64 = 0x10_1000;
const PD2: u64 = 0x10_2000;
const PD1: u64 = 0x10_3000;
const PD0: u64 = 0x10_4000;
const PT: u64 = 0x10_5000;
/// Where the pages of the tests are.
const PAGE_A: u64 = 0x20_0000;
const PAGE_B: u64 = 0x30_0000;

fn put(bench: &Bench, address: u64, entry: u64) {
    bench.gpu.vram.write(address, &entry.to_le_bytes()).unwrap();
}

fn pte(bench: &Bench, index: u64, entry: Pte) {
    put(bench, PT + 8 * index, entry.raw_value());
}

fn page(aperture: PteAperture, address: u64) -> Pte {
    Pte::page(aperture, address).unwrap()
}

/// BAR1 in virtual mode, with a page table for its first 2 MiB that has nothing yet.
fn bench() -> Bench {
    let mut bench = Bench::new(Board::default());
    let vram = PageDirBaseTarget::VID_MEM;
    let base = PageDirBaseLo::page_dir_base(vram, PD3).unwrap();
    put(&bench, INSTANCE + 0x200, base);
    let table = |address| Pde::table(PdeAperture::VideoMemory, address).unwrap();
    for (directory, next) in [(PD3, PD2), (PD2, PD1), (PD1, PD0), (PD0 + 8, PT)] {
        put(&bench, directory, table(next).raw_value());
    }
    let block = NV_PBUS_BAR1_BLOCK::over_instance(INSTANCE).unwrap();
    bench.write(0x1704, block.into_raw());
    bench
}

fn read(bench: &mut Bench, offset: u64, len: usize) -> Vec<u8> {
    let mut data = vec![0x55; len];
    bench.gpu.read_bar(BarWindow::Bar1, offset, &mut data);
    data
}

#[test]
fn pages_are_where_the_tables_say_at_each_access() {
    let mut bench = bench();
    pte(&bench, 0, page(PteAperture::VideoMemory, PAGE_A));
    pte(&bench, 1, page(PteAperture::VideoMemory, PAGE_B));
    // Over the end of a page.
    bench
        .gpu
        .write_bar(BarWindow::Bar1, 0xffc, &[1, 2, 3, 4, 5, 6, 7, 8]);
    let mut seen = [0; 4];
    bench.gpu.vram.read(PAGE_A + 0xffc, &mut seen).unwrap();
    assert_eq!(seen, [1, 2, 3, 4]);
    bench.gpu.vram.read(PAGE_B, &mut seen).unwrap();
    assert_eq!(seen, [5, 6, 7, 8]);
    assert_eq!(read(&mut bench, 0xffe, 4), [3, 4, 5, 6]);
    // Without an invalidation.
    pte(&bench, 0, page(PteAperture::VideoMemory, PAGE_B));
    assert_eq!(read(&mut bench, 0, 4), [5, 6, 7, 8]);
    // In physical mode it is VRAM again.
    bench.write(0x1704, 0);
    assert_eq!(read(&mut bench, PAGE_B, 4), [5, 6, 7, 8]);
}

#[test]
fn system_memory_lies_behind_its_bus_address() {
    let mut bench = bench();
    let memory = MEMORY + 0x1000;
    pte(&bench, 3, page(PteAperture::SystemCoherent, memory));
    bench.gpu.write_bar(BarWindow::Bar1, 0x3008, &[9; 8]);
    assert_eq!(bench.memory.load32(0x1008).unwrap(), 0x0909_0909);
    assert_eq!(read(&mut bench, 0x3006, 4), [0, 0, 9, 9]);
    // Nobody answers there.
    pte(&bench, 3, page(PteAperture::SystemCoherent, 0x7000_0000));
    assert_eq!(read(&mut bench, 0x3000, 2), [0xff; 2]);
}

#[test]
fn what_is_not_mapped_is_all_ones_and_what_is_sparse_is_zero() {
    let mut bench = bench();
    pte(&bench, 0, page(PteAperture::VideoMemory, PAGE_A));
    pte(&bench, 1, Pte::sparse());
    let read_only = page(PteAperture::VideoMemory, PAGE_B).with_read_only(true);
    pte(&bench, 2, read_only);
    bench.gpu.write_bar(BarWindow::Bar1, 0, &[7; 0x4000]);
    let seen = read(&mut bench, 0, 0x4000);
    let pages: Vec<_> = seen
        .chunks(0x1000)
        .map(|page| (page[0], page[0xfff]))
        .collect();
    assert_eq!(pages, [(7, 7), (0, 0), (0, 0), (0xff, 0xff)]);
    // Past the table, and past every directory.
    assert_eq!(read(&mut bench, 2 << 20, 1), [0xff]);
    assert_eq!(read(&mut bench, 128 << 20, 1), [0xff]);
}

#[test]
fn an_instance_block_of_another_form_leads_nowhere() {
    let mut bench = bench();
    pte(&bench, 0, page(PteAperture::VideoMemory, PAGE_A));
    assert_eq!(read(&mut bench, 0, 1), [0]);
    // Tables of version 1; a memory that there is not.
    for base in [PD3, PD3 | 0xc01] {
        put(&bench, INSTANCE + 0x200, base);
        assert_eq!(read(&mut bench, 0, 1), [0xff]);
    }
    // BAR2 has a register of its own.
    bench.write(0x1714, 0x8000_0000 | (INSTANCE >> 12) as u32);
    let mut data = [0];
    bench.gpu.read_bar(BarWindow::Bar2, 0, &mut data);
    assert_eq!(data, [0xff]);
    put(&bench, INSTANCE + 0x200, PD3 | 0xc00);
    bench.gpu.read_bar(BarWindow::Bar2, 0, &mut data);
    assert_eq!(data, [0]);
}
