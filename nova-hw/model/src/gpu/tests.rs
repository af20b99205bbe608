// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests of the chip through its registers.

use nova_pci::DmaMemory;
use nova_spec::{chip::GA102, pci::command};

use super::*;

/// A chip whose card is a bus master, and memory at bus address 0x10000.
pub(crate) struct Bench {
    pub(crate) gpu: Gpu,
    pub(crate) config: ConfigSpace,
    pub(crate) memory: Arc<DmaMemory>,
}

pub(crate) const MEMORY: u64 = 0x1_0000;

impl Bench {
    pub(crate) fn new(board: Board) -> Self {
        let bus = Arc::new(Bus::default());
        let memory = DmaMemory::new(0x10_0000).unwrap();
        bus.map(MEMORY, memory.clone()).unwrap();
        let vram = Arc::new(Vram::new(board.vram).unwrap());
        let mut gpu = Gpu::new(&GA102, board, vram, bus, Default::default());
        gpu.dma.set_master(true);
        let mut config = ConfigSpace::new(&GA102);
        let _ = config.write(4, &command::BUS_MASTER.to_le_bytes());
        Self {
            gpu,
            config,
            memory,
        }
    }

    pub(crate) fn read(&mut self, offset: u64) -> u32 {
        let mut data = [0; 4];
        self.gpu.read(&self.config, offset, &mut data);
        u32::from_le_bytes(data)
    }

    pub(crate) fn write(&mut self, offset: u64, value: u32) {
        self.gpu.write(offset, &value.to_le_bytes());
    }
}

#[test]
fn the_config_mirror_shows_configuration_space() {
    let mut bench = Bench::new(Board::default());
    assert_eq!(bench.read(0x8_8000), 0x2204_10de);
    assert_eq!(bench.read(0x8_8004) & 0xffff, 4);
    assert_eq!(bench.read(0x8_8100), 0);
    // Two registers of it are not configuration space.
    bench.write(0x8_8050, 1);
    assert_eq!(bench.read(0x8_8050), 1);
}

#[test]
fn the_rom_window_ends_in_zeros() {
    let mut bench = Bench::new(Board::default());
    let flash = bench.gpu.board.vbios.flash().to_vec();
    let last = flash.len() - 4;
    let dword = |at: usize| u32::from_le_bytes(flash[at..at + 4].try_into().unwrap());
    assert_eq!(bench.read(0x30_0000), dword(0));
    assert_eq!(bench.read(0x30_0000 + last as u64), dword(last));
    assert_eq!(bench.read(0x30_0004 + last as u64), 0);
    assert_eq!(bench.read(0x3f_fffc), 0);
    bench.write(0x30_0000, 0);
    assert_eq!(bench.read(0x30_0000), dword(0));
}

#[test]
fn pramin_moves_over_vram() {
    let mut bench = Bench::new(Board::default());
    bench.write(0x1700, 0x123);
    bench.write(0x70_0010, 0xabcd_ef01);
    bench.gpu.write(0x70_0011, &[0x55]);
    bench.write(0x1700, 0x122);
    assert_eq!(bench.read(0x71_0010), 0xabcd_5501);
    // Past the end of VRAM, and on memory that is not VRAM.
    bench.write(0x1700, 0x4000);
    assert_eq!(bench.read(0x70_0000), u32::MAX);
    bench.write(0x1700, 0x0200_0123);
    assert_eq!(bench.read(0x70_0010), u32::MAX);
}

#[test]
fn flushes_and_invalidations_are_done_at_once() {
    let mut bench = Bench::new(Board::default());
    bench.write(0x7_0000, 1);
    assert_eq!(bench.read(0x7_0000), 0);
    bench.write(0xb8_30b0, 0x8000_0003);
    assert_eq!(bench.read(0xb8_30b0), 3);
}

#[test]
fn fuses_and_display_are_the_boards() {
    let board = Board {
        display: true,
        vga_workspace: Some(0x3ff0_0000),
        sec2_fuse: 3,
        ..Board::default()
    };
    let mut bench = Bench::new(board);
    assert_eq!(bench.read(0x82_0c04), 0);
    assert_eq!(bench.read(0x62_5f04), 0x003f_f008);
    assert_eq!(bench.read(0x82_4148), 3);
    let mut plain = Bench::new(Board::default());
    assert_eq!(plain.read(0x82_0c04), 1);
}

#[test]
fn a_message_interrupt_goes_through_the_tree() {
    let mut bench = Bench::new(Board::default());
    let (leaf, bit) = (
        0xb8_1000 + 4 * (u64::from(GSP_VECTOR) / 32),
        GSP_VECTOR % 32,
    );
    bench.write(leaf + 0x200, 1 << bit);
    bench.write(0xb8_1608, u32::MAX);
    // Masked in the falcon: nothing. Then unmasked.
    bench.write(0x11_0000, 0x40);
    assert!(!bench.gpu.take_interrupt());
    bench.write(0x11_0010, 0x40);
    assert!(bench.gpu.take_interrupt());
    assert_eq!(bench.read(0x11_0008), 0x40);
    assert_eq!(bench.read(leaf), 1 << bit);
    // Acknowledged in the leaf only: the retrigger raises it again.
    bench.write(0xb8_1610, u32::MAX);
    bench.write(leaf, 1 << bit);
    bench.write(0xb8_1608, u32::MAX);
    assert!(!bench.gpu.take_interrupt());
    bench.write(0x11_03e8, 1);
    assert!(bench.gpu.take_interrupt());
    bench.write(0x11_0004, 0x40);
    bench.write(leaf, 1 << bit);
    bench.write(0x11_03e8, 1);
    assert_eq!(bench.read(leaf), 0);
}
