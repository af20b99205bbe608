// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests of a falcon through the registers of its engine.

use crate::{
    board::Board,
    gpu::tests::{Bench, MEMORY},
};

const SEC2: u64 = 0x84_0000;

fn reset(bench: &mut Bench) {
    bench.write(SEC2 + 0x3c0, 1);
    bench.write(SEC2 + 0x3c0, 0);
}

/// A reset falcon whose aperture 0 is coherent system memory.
fn ready() -> Bench {
    let mut bench = Bench::new(Board {
        scrub_polls: 0,
        ..Board::default()
    });
    reset(&mut bench);
    bench.write(SEC2 + 0x624, 0x80);
    bench.write(SEC2 + 0x10c, 0);
    bench.write(SEC2 + 0x600, 5);
    bench
}

fn load(bench: &mut Bench, base: u64, source: u32, place: u32, command: u32) {
    bench.write(SEC2 + 0x110, (base >> 8) as u32);
    bench.write(SEC2 + 0x128, (base >> 40) as u32);
    bench.write(SEC2 + 0x114, place);
    bench.write(SEC2 + 0x11c, source);
    bench.write(SEC2 + 0x118, command);
    assert_eq!(bench.read(SEC2 + 0x118) & 3, 2);
}

#[test]
fn dma_copies_blocks_from_the_base_and_the_offset() {
    let mut bench = ready();
    let image: Vec<u8> = (0..1024u32).map(|i| (i / 4) as u8).collect();
    bench.memory.write(0x100, &image).unwrap();
    load(&mut bench, MEMORY, 0x200, 0x400, 0x614);
    load(&mut bench, MEMORY + 0x100, 0x10, 0x20, 0x000);
    let sec2 = &bench.gpu.sec2;
    assert_eq!(&sec2.imem[0x400..0x500], &image[0x100..0x200]);
    assert_eq!(&sec2.dmem[0x20..0x24], &image[0x10..0x14]);
    assert_eq!((sec2.imem_loaded, sec2.dmem_loaded), (0x500, 0x24));
    assert!(!bench.gpu.gsp.is_loaded());
    // Out of DMEM into memory.
    load(&mut bench, MEMORY + 0x8000, 0, 0x20, 0x020);
    assert_eq!(bench.memory.load32(0x8000).unwrap(), 0x0404_0404);
}

#[test]
fn dma_that_cannot_be_moves_nothing() {
    for (register, value) in [
        (0x624, 0),
        (0x10c, 1),
        (0x600, 1),
        (0x600, 7),
        (0x110, 0x2000),
        (0x128, 0x100),
        (0x114, 0xff_ff00),
    ] {
        let mut bench = ready();
        bench.write(SEC2 + 0x110, (MEMORY >> 8) as u32);
        bench.write(SEC2 + register, value);
        bench.write(SEC2 + 0x118, 0x600);
        assert!(!bench.gpu.sec2.is_loaded(), "{register:#x}");
    }
    let mut bench = ready();
    bench.gpu.dma.set_master(false);
    load(&mut bench, MEMORY, 0, 0, 0x600);
    assert!(!bench.gpu.sec2.is_loaded());
}

#[test]
fn vram_is_an_aperture_too() {
    let mut bench = ready();
    bench.write(0x1700, 0x10);
    bench.write(0x70_0100, 0x1122_3344);
    bench.write(SEC2 + 0x604, 4);
    load(&mut bench, 0x10_0000, 0x100, 0, 0x1000);
    assert_eq!(&bench.gpu.sec2.dmem[..4], &[0x44, 0x33, 0x22, 0x11]);
}

#[test]
fn a_reset_clears_memories_and_registers_and_scrubs() {
    let mut bench = Bench::new(Board {
        scrub_polls: 3,
        ..Board::default()
    });
    bench.write(SEC2 + 0x040, 7);
    bench.gpu.sec2.dmem[0] = 1;
    bench.gpu.sec2.dmem_loaded = 256;
    reset(&mut bench);
    assert_eq!(bench.read(SEC2 + 0x040), 0);
    assert!(!bench.gpu.sec2.is_loaded());
    assert_eq!(bench.gpu.sec2.dmem[0], 0);
    let polls: Vec<_> = (0..5).map(|_| bench.read(SEC2 + 0x0f4)).collect();
    let (busy, done) = (0x8000_1400, 0x8000_0400);
    assert_eq!(polls, [busy, busy, busy, done, done]);
}

#[test]
fn what_comes_before_the_end_of_a_reset_is_lost() {
    let mut bench = Bench::new(Board {
        scrub_polls: 2,
        program_accesses: 3,
        ..Board::default()
    });
    bench.write(SEC2 + 0x3c0, 1);
    bench.write(SEC2 + 0x624, 0x80);
    bench.write(SEC2 + 0x600, 5);
    load(&mut bench, MEMORY, 0, 0, 0x600);
    bench.write(SEC2 + 0x3c0, 0);
    load(&mut bench, MEMORY, 0, 0, 0x600);
    bench.write(SEC2 + 0x100, 2);
    assert!(!bench.gpu.sec2.is_loaded());
    assert_eq!(bench.read(SEC2 + 0x100), 0x10);
}

#[test]
fn a_program_takes_time_and_starts_by_one_register_only() {
    for (alias, other, start) in [(false, 0x130, 0x100), (true, 0x100, 0x130)] {
        let mut bench = Bench::new(Board {
            scrub_polls: 0,
            program_accesses: 3,
            cpuctl_alias: alias,
            ..Board::default()
        });
        let enabled = if alias { 0x40 } else { 0 };
        bench.write(SEC2 + other, 2);
        assert_eq!(bench.read(SEC2 + 0x100), 0x10 | enabled);
        bench.write(SEC2 + start, 2);
        let polls: Vec<_> = (0..4).map(|_| bench.read(SEC2 + 0x100)).collect();
        let (busy, halted) = (enabled, 0x10 | enabled);
        assert_eq!(polls, [busy, busy, halted, halted]);
    }
}

#[test]
fn the_falcon_must_be_the_selected_core() {
    let mut bench = Bench::new(Board {
        program_accesses: 9,
        ..Board::default()
    });
    bench.write(SEC2 + 0x1668, 0x10);
    assert_eq!(bench.read(SEC2 + 0x1668), 0x11);
    bench.write(SEC2 + 0x100, 2);
    assert_eq!(bench.read(SEC2 + 0x100), 0x10);
    // The choice outlives the engine's reset.
    reset(&mut bench);
    assert_eq!(bench.read(SEC2 + 0x1668), 0x11);
    while bench.read(SEC2 + 0x0f4) & 0x1000 != 0 {}
    bench.write(SEC2 + 0x1668, 0);
    bench.write(SEC2 + 0x100, 2);
    assert_eq!(bench.read(SEC2 + 0x100), 0);
}
