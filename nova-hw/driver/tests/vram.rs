// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! VRAM through the driver: the same bytes as in a mapping of BAR1, and bounds.

mod common;

use std::sync::Arc;

use common::{Liar, Lies};
use nova_driver::Gpu;
use nova_model::Model;
use nova_pci::PciError;
use vm_memory::{Bytes, FileOffset, MmapRegion, VolatileMemory};

#[test]
fn a_write_is_seen_in_a_mapping_and_the_reverse() {
    let gpu = Gpu::probe(Model::builder().build().unwrap()).unwrap();
    let memory = gpu.vram().memory().unwrap();
    assert_eq!(memory.len, gpu.vram().size());
    let len = memory.len as usize;
    let file = FileOffset::from_arc(memory.file, memory.offset);
    let map: MmapRegion = MmapRegion::from_file(file, len).unwrap();
    let mapped = map.get_slice(0, len).unwrap();

    let pattern: Vec<u8> = (0..10_000u32).map(|at| (at * 7 % 251) as u8).collect();
    gpu.vram().write(0xfff, &pattern).unwrap();
    let mut seen = vec![0; pattern.len()];
    mapped.read_slice(&mut seen, 0xfff).unwrap();
    assert_eq!(seen, pattern);

    mapped.write_slice(b"last", len - 4).unwrap();
    let mut last = [0; 4];
    gpu.vram().read(len as u64 - 4, &mut last).unwrap();
    assert_eq!(&last, b"last");
}

#[test]
fn nothing_outside_is_touched() {
    let gpu = Gpu::probe(Model::builder().build().unwrap()).unwrap();
    let vram = gpu.vram();
    let size = vram.size();
    assert_eq!(size, 256 << 20);
    vram.write(size - 2, &[1, 2]).unwrap();
    for (offset, len) in [(size - 1, 2), (size, 1), (u64::MAX, 1), (u64::MAX - 1, 2)] {
        let mut data = vec![0xee; len];
        let error = vram.read(offset, &mut data).unwrap_err();
        assert!(matches!(error, PciError::OutOfRange { .. }), "{error}");
        assert!(vram.write(offset, &data).is_err());
        assert!(data.iter().all(|byte| *byte == 0xee));
    }
    let mut end = [0; 2];
    vram.read(size - 2, &mut end).unwrap();
    assert_eq!(end, [1, 2]);
    let text = "1 bytes at 0x10000000 are outside VRAM in BAR1 (0x10000000 bytes)";
    assert_eq!(vram.read(size, &mut [0]).unwrap_err().to_string(), text);
}

#[test]
fn a_bar_larger_than_the_memory_reaches_no_further() {
    let lies = Lies {
        bar0: vec![(0x1183a4, 64)],
        ..Lies::default()
    };
    let model = Model::builder().build().unwrap();
    let gpu = Gpu::probe(Liar {
        model,
        lies: Arc::new(lies),
    })
    .unwrap();
    assert_eq!(gpu.info().vram_bar_size, 256 << 20);
    assert_eq!(gpu.vram().size(), 64 << 20);
    assert_eq!(gpu.vram().memory().unwrap().len, 64 << 20);
    assert!(gpu.vram().read(64 << 20, &mut [0]).is_err());
    assert!(gpu
        .info()
        .to_string()
        .ends_with("64 MiB VRAM, 64 MiB of it in BAR1"));
}
