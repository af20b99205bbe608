// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Probing: what is identified, what is refused and with which words, what is left behind.

mod common;

use std::{error::Error, sync::Arc};

use common::{Liar, Lies};
use nova_driver::{Gpu, PciIds, ProbeError};
use nova_model::Model;
use nova_pci::{Bar, BarIndex, Pci};
use nova_spec::{
    chip::{Chip, AD102, GA102},
    pci::header,
    Chipset,
};

const MEMORY_AND_BUS_MASTER: u16 = 0b110;

fn model() -> Model {
    Model::builder().build().unwrap()
}

fn command(model: &Model) -> u16 {
    model.config_read16(header::COMMAND).unwrap()
}

/// Probes the default model with `lies`; the error, when the model is left as it was.
fn refusal(lies: Lies) -> ProbeError {
    let model = model();
    let liar = Liar {
        model: model.clone(),
        lies: Arc::new(lies),
    };
    let Err(error) = Gpu::probe(liar) else {
        panic!("probed");
    };
    assert_eq!(command(&model), 0, "the command register was not restored");
    error
}

#[test]
fn a_ga102_is_identified_and_enabled_and_given_back() {
    let model = Model::builder().vram(3 << 30).build().unwrap();
    let gpu = Gpu::probe(model.clone()).unwrap();
    let info = *gpu.info();
    assert_eq!(info.chipset, Chipset::GA102);
    assert_eq!(info.chipset.to_string(), "GA102");
    assert_eq!(info.revision.to_string(), "a1");
    assert_eq!((info.boot_0, info.boot_42), (0x1720_00a1, 0x172a_1000));
    assert_eq!((info.vram_size, info.vram_bar_size), (3 << 30, 256 << 20));
    let ids = PciIds {
        vendor: 0x10de,
        device: 0x2204,
        subsystem_vendor: 0x10de,
        subsystem_device: 0x2204,
        revision: 0xa1,
        class: 0x03_0200,
    };
    assert_eq!(info.pci, ids);
    assert_eq!(command(&model), MEMORY_AND_BUS_MASTER);
    drop(gpu);
    assert_eq!(command(&model), 0);
    assert_eq!(*Gpu::probe(model).unwrap().info(), info);
}

#[test]
fn an_ad102_is_a_row_of_the_same_table() {
    let model = Model::builder().chip(AD102).vram(24 << 30).build().unwrap();
    let gpu = Gpu::probe(model).unwrap();
    assert_eq!(gpu.info().chipset, Chipset::AD102);
    assert_eq!(gpu.info().boot_42, 0x192a_1000);
    assert_eq!(gpu.info().pci.device, 0x2684);
    let line = "AD102 (rev a1), 24576 MiB VRAM, 256 MiB of it in BAR1";
    assert_eq!(gpu.info().to_string(), line);
}

#[test]
fn whatever_size_a_seed_draws_is_found() {
    for seed in 0..16 {
        let gpu = Gpu::probe(Model::builder().seed(seed).build().unwrap()).unwrap();
        let memory = gpu.vram().memory().unwrap();
        assert_eq!(
            memory.file.metadata().unwrap().len(),
            gpu.info().vram_size,
            "seed {seed}"
        );
    }
}

#[test]
fn what_is_no_nvidia_gpu_is_refused_untouched() {
    let error = refusal(Lies {
        config16: vec![(header::VENDOR_ID, 0x1002), (header::DEVICE_ID, 0x73bf)],
        ..Lies::default()
    });
    assert_eq!(
        error.to_string(),
        "PCI device 1002:73bf is not NVIDIA's (10de)"
    );

    let error = refusal(Lies {
        config16: vec![(header::VENDOR_ID, 0xffff)],
        ..Lies::default()
    });
    assert!(matches!(error, ProbeError::NoDevice));
    assert_eq!(
        error.to_string(),
        "no PCI device answers: its vendor id reads 0xffff"
    );

    // The card's audio function.
    let chip = Chip {
        pci_device: 0x1aef,
        pci_class: 0x04_0300,
        ..GA102
    };
    let audio = Model::builder().chip(chip).build().unwrap();
    let error = Gpu::probe(audio.clone()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "PCI device 10de:1aef has class 040300 and is no GPU (03xxxx)"
    );
    assert_eq!(command(&audio), 0);
}

#[test]
fn a_vga_controller_is_a_gpu_too() {
    let chip = Chip {
        pci_class: 0x03_0000,
        ..GA102
    };
    let gpu = Gpu::probe(Model::builder().chip(chip).build().unwrap()).unwrap();
    assert_eq!(gpu.info().pci.class, 0x03_0000);
}

#[test]
fn a_card_that_does_not_answer_is_off_the_bus() {
    for (offset, register) in [
        (0, "NV_PMC_BOOT_0"),
        (0xa00, "NV_PMC_BOOT_42"),
        (0x1183a4, "NV_USABLE_FB_SIZE_IN_MB"),
    ] {
        let error = refusal(Lies {
            bar0: vec![(offset, u32::MAX)],
            ..Lies::default()
        });
        let text = format!("the GPU has fallen off the bus: {register} reads 0xffffffff");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn without_memory_decode_there_is_no_probe() {
    let error = refusal(Lies {
        config16: vec![(header::COMMAND, 0)],
        ..Lies::default()
    });
    let text = "the PCI command register does not take 0x0002: it reads 0x0000";
    assert_eq!(error.to_string(), text);

    // In D3hot the command register takes the bit and the BARs stay silent.
    let model = model();
    model.config_write(0x64, &[3]).unwrap();
    let error = Gpu::probe(model).err().unwrap();
    assert!(
        matches!(
            error,
            ProbeError::OffTheBus {
                register: "NV_PMC_BOOT_0"
            }
        ),
        "{error}"
    );
}

#[test]
fn an_unsupported_chip_is_named_by_what_it_says() {
    let turing = Chip {
        boot_0: 0x1620_00a1,
        boot_42: 0x162a_1000,
        ..GA102
    };
    let error = Gpu::probe(Model::builder().chip(turing).build().unwrap())
        .err()
        .unwrap();
    let text = "unsupported GPU: NV_PMC_BOOT_0 0x162000a1, NV_PMC_BOOT_42 0x162a1000";
    assert_eq!(error.to_string(), text);

    let tesla = Chip {
        boot_0: 0x0a80_00a2,
        ..GA102
    };
    let error = Gpu::probe(Model::builder().chip(tesla).build().unwrap())
        .err()
        .unwrap();
    let text = "unsupported GPU: NV_PMC_BOOT_0 0x0a8000a2, NV_PMC_BOOT_42 absent";
    assert_eq!(error.to_string(), text);
}

#[test]
fn bars_and_memory_that_cannot_be_are_refused() {
    let error = refusal(Lies {
        sizes: vec![(BarIndex::Bar0, 1 << 20)],
        ..Lies::default()
    });
    assert_eq!(
        error.to_string(),
        "BAR0 has 0x100000 bytes and at least 0x1000000 are needed"
    );

    let error = refusal(Lies {
        sizes: vec![(BarIndex::Bar1, 16 << 20)],
        ..Lies::default()
    });
    assert_eq!(
        error.to_string(),
        "BAR1 has 0x1000000 bytes and at least 0x2000000 are needed"
    );

    let error = refusal(Lies {
        bar0: vec![(0x1183a4, 0)],
        ..Lies::default()
    });
    assert!(matches!(error, ProbeError::NoVram), "{error}");
}

#[test]
fn a_transport_that_fails_is_the_errors_source() {
    let error = refusal(Lies {
        broken: Some(0xa00),
        ..Lies::default()
    });
    assert_eq!(error.to_string(), "cannot read a register in BAR0");
    let transport = error.source().unwrap();
    assert_eq!(transport.to_string(), "the PCI transport failed");
    assert_eq!(transport.source().unwrap().to_string(), "broken pipe");
}

#[test]
fn a_bar1_left_in_virtual_mode_becomes_physical() {
    let model = model();
    model.config_write(header::COMMAND, &[2, 0]).unwrap();
    model
        .bar(BarIndex::Bar0)
        .unwrap()
        .write32(0x1704, 0x8000_1234)
        .unwrap();
    let gpu = Gpu::probe(model.clone()).unwrap();
    assert_eq!(
        model.bar(BarIndex::Bar0).unwrap().read32(0x1704).unwrap(),
        0
    );
    let mut data = [0xee; 4];
    gpu.vram().read(0, &mut data).unwrap();
    assert_eq!(data, [0; 4]);
}

#[test]
fn bus_mastering_that_someone_left_on_goes_off() {
    for chip in [
        GA102,
        Chip {
            boot_42: 0x1990_0000,
            ..GA102
        },
    ] {
        let model = Model::builder().chip(chip).build().unwrap();
        model.config_write(header::COMMAND, &[6, 4]).unwrap();
        drop(Gpu::probe(model.clone()));
        assert_eq!(command(&model), 0x402);
    }
}

#[test]
fn threads_share_a_gpu() {
    fn shared<T: Send + Sync>(_: &T) {}
    let gpu = Arc::new(Gpu::probe(model()).unwrap());
    shared(&gpu);
    std::thread::scope(|scope| {
        for tenant in 0..4u8 {
            let gpu = gpu.clone();
            scope.spawn(move || {
                gpu.vram()
                    .write(u64::from(tenant) << 20, &[tenant + 1; 100])
                    .unwrap()
            });
        }
    });
    for tenant in 0..4u8 {
        let mut data = [0; 100];
        gpu.vram().read(u64::from(tenant) << 20, &mut data).unwrap();
        assert_eq!(data, [tenant + 1; 100]);
    }
}
