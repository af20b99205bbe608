// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The BARs through the seam: widths, bounds, and BAR1 as VRAM.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use nova_model::Model;
use nova_pci::{Bar, BarIndex, Pci, PciError};
use nova_spec::{pci::command, pci::header};
use vm_memory::{Bytes, FileOffset, MmapRegion, VolatileMemory};

fn enabled() -> Model {
    let model = Model::builder().build().unwrap();
    model
        .config_write(header::COMMAND, &command::MEMORY.to_le_bytes())
        .unwrap();
    model
}

#[test]
fn registers_answer_to_any_width_and_across_borders() {
    let bar0 = enabled().bar(BarIndex::Bar0).unwrap();
    assert_eq!(bar0.read32(0xa00).unwrap(), 0x172a_1000);
    let mut two = [0; 2];
    bar0.read(0xa01, &mut two).unwrap();
    assert_eq!(two, [0x10, 0x2a]);
    // From the undefined register before it to the one after it.
    let mut ten = [0xee; 10];
    bar0.read(0x9fd, &mut ten).unwrap();
    assert_eq!(ten, [0, 0, 0, 0x00, 0x10, 0x2a, 0x17, 0, 0, 0]);
    // The last byte of BAR0 is an undefined register too.
    let mut last = [0xee];
    bar0.read((16 << 20) - 1, &mut last).unwrap();
    assert_eq!(last, [0]);
}

#[test]
fn read_only_and_undefined_registers_keep_their_value() {
    let bar0 = enabled().bar(BarIndex::Bar0).unwrap();
    for offset in [0, 4, 0xa00, 0x1183a4, 0x500000] {
        let before = bar0.read32(offset).unwrap();
        bar0.write32(offset, !before).unwrap();
        assert_eq!(bar0.read32(offset).unwrap(), before, "{offset:#x}");
    }
    assert_eq!(bar0.read32(0x1183a4).unwrap(), 1024);
}

#[test]
fn bar3_is_the_first_of_vram_until_it_has_page_tables() {
    let model = enabled();
    let bar = |index| model.bar(index).unwrap();
    bar(BarIndex::Bar3).write32(4096, 7).unwrap();
    assert_eq!(bar(BarIndex::Bar1).read32(4096).unwrap(), 7);
    bar(BarIndex::Bar0).write32(0x1714, 1 << 31).unwrap();
    assert_eq!(bar(BarIndex::Bar3).read32(4096).unwrap(), u32::MAX);
    assert_eq!(bar(BarIndex::Bar1).read32(4096).unwrap(), 7);
}

#[test]
fn accesses_outside_or_across_the_grain_are_errors() {
    for (index, size) in [
        (BarIndex::Bar0, 16u64 << 20),
        (BarIndex::Bar1, 256 << 20),
        (BarIndex::Bar3, 32 << 20),
    ] {
        let bar = enabled().bar(index).unwrap();
        assert!(matches!(bar.read32(size), Err(PciError::OutOfRange { .. })));
        assert!(matches!(
            bar.write32(u64::MAX - 3, 0),
            Err(PciError::OutOfRange { .. })
        ));
        assert!(matches!(
            bar.read(size - 1, &mut [0; 2]),
            Err(PciError::OutOfRange { .. })
        ));
        assert!(matches!(
            bar.write(u64::MAX, &[0; 2]),
            Err(PciError::OutOfRange { .. })
        ));
        assert!(matches!(bar.read32(2), Err(PciError::Misaligned { .. })));
        assert!(matches!(
            bar.write32(1, 0),
            Err(PciError::Misaligned { .. })
        ));
        bar.read(size, &mut []).unwrap();
    }
}

#[test]
fn bar1_is_the_first_of_vram_for_every_view_of_it() {
    let model = enabled();
    let bar1 = model.bar(BarIndex::Bar1).unwrap();
    let memory = bar1.memory().unwrap();
    assert_eq!((memory.offset, memory.len), (0, 256 << 20));
    assert_eq!(memory.file.metadata().unwrap().len(), 1 << 30);
    let map: MmapRegion =
        MmapRegion::from_file(FileOffset::from_arc(memory.file.clone(), 0), 256 << 20).unwrap();
    let mapped = map.get_slice(0, 256 << 20).unwrap();

    bar1.write(0x1003, b"seen in the mapping").unwrap();
    let mut seen = [0; 19];
    mapped.read_slice(&mut seen, 0x1003).unwrap();
    assert_eq!(&seen, b"seen in the mapping");

    mapped
        .write_slice(&0xdead_beefu32.to_le_bytes(), (256 << 20) - 4)
        .unwrap();
    let again = model.clone().bar(BarIndex::Bar1).unwrap();
    assert_eq!(again.read32((256 << 20) - 4).unwrap(), 0xdead_beef);

    assert!(model.bar(BarIndex::Bar0).unwrap().memory().is_none());
    assert!(model.bar(BarIndex::Bar3).unwrap().memory().is_none());
    // In virtual mode a mapping would show something else than the BAR.
    model
        .bar(BarIndex::Bar0)
        .unwrap()
        .write32(0x1704, 1 << 31)
        .unwrap();
    assert!(bar1.memory().is_none());
}

#[test]
fn bar1_in_virtual_mode_has_no_page_tables_and_answers_all_ones() {
    let model = enabled();
    let (bar0, bar1) = (
        model.bar(BarIndex::Bar0).unwrap(),
        model.bar(BarIndex::Bar1).unwrap(),
    );
    bar1.write32(0, 5).unwrap();
    // The mode is the top bit: a byte write reaches it.
    bar0.write(0x1707, &[0x80]).unwrap();
    assert_eq!(bar1.read32(0).unwrap(), u32::MAX);
    bar1.write32(0, 6).unwrap();
    bar0.write32(0x1704, 0).unwrap();
    assert_eq!(bar1.read32(0).unwrap(), 5);
}

#[test]
fn two_models_share_nothing() {
    let (one, two) = (enabled(), enabled());
    one.bar(BarIndex::Bar1).unwrap().write32(64, 1).unwrap();
    assert_eq!(two.bar(BarIndex::Bar1).unwrap().read32(64).unwrap(), 0);
}

#[test]
fn a_trace_has_every_access_by_name() {
    /// What was written, for the test to look at.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let model = enabled();
    let bar0 = model.bar(BarIndex::Bar0).unwrap();
    let trace = Shared::default();
    bar0.read32(0).unwrap();
    model.set_trace(Some(Box::new(trace.clone())));
    bar0.write32(0x11_0040, 5).unwrap();
    bar0.read32(0xa00).unwrap();
    bar0.write(0x1701, &[7]).unwrap();
    bar0.read(0x1f, &mut [0; 2]).unwrap();
    model.set_trace(None);
    bar0.read32(0).unwrap();
    assert_eq!(
        String::from_utf8(trace.0.lock().unwrap().clone()).unwrap(),
        "wr 0x110040 NV_PFALCON_FALCON_MAILBOX0(GSP) 0x00000005\n\
         rd 0x000a00 NV_PMC_BOOT_42 0x172a1000\n\
         wr 0x001701 NV_PBUS_BAR0_WINDOW 0x00000007\n\
         rd 0x00001f 0x00001f 0x00000000\n\
         rd 0x000020 0x000020 0x00000000\n"
    );
}
