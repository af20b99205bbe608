// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Booting and unloading a model, and what is left in between.

#[path = "common/faulty.rs"]
mod faulty;
#[path = "common/firmware.rs"]
mod firmware;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use faulty::{Fault, Faulty};
use nova_driver::{
    BootError, BootInfo, BootOptions, Booted, Cause, Direction, FirmwareError, FirmwareSource, Gpu,
    RegisterAccess, Step, Trace,
};
use nova_model::Model;
use nova_pci::Pci;
use nova_spec::{
    chip::{Chip, AD102, CHIPS, GA102},
    pci::header,
    Chipset,
};

fn model(chip: Chip, seed: u64) -> Faulty<Model> {
    Faulty::new(Model::builder().chip(chip).seed(seed).build().unwrap())
}

fn boot<P: Pci>(pci: P, firmware: &dyn FirmwareSource) -> Result<Booted<P>, BootError> {
    let gpu = Gpu::probe(pci).unwrap();
    gpu.boot(firmware, &BootOptions::default())
}

fn refusal<P: Pci>(result: Result<Booted<P>, BootError>) -> BootError {
    match result {
        Ok(_) => panic!("it booted"),
        Err(error) => error,
    }
}

/// What is left when a process is killed: nothing mapped, nothing taken back.
fn kill(pci: &Faulty<Model>, booted: Booted<Faulty<Model>>) {
    pci.plan(0, Fault::Broken);
    drop(booted);
    pci.heal();
}

/// Nothing is mapped, nothing may be reached: the card is given back.
fn is_given_back(pci: &Faulty<Model>) {
    assert_eq!(pci.mapped(), 0);
    assert_eq!(pci.pci.config_read16(header::COMMAND).unwrap(), 0);
}

fn makes_sense(info: &BootInfo, seed: u64) {
    let layout = &info.layout;
    let order = [
        layout.non_wpr_heap.start,
        layout.non_wpr_heap.end,
        layout.wpr2.start,
        layout.heap.start,
        layout.heap.end,
        layout.image.start,
        layout.image.end,
        layout.bootloader.start,
        layout.bootloader.end,
        layout.frts.start,
        layout.frts.end,
        layout.vga_workspace.start,
        layout.vga_workspace.end,
    ];
    assert!(order.is_sorted(), "seed {seed}: {layout:x?}");
    assert_eq!(layout.vga_workspace.end, info.gpu.vram_size);
    assert!(!info.name.is_empty(), "seed {seed}");
    assert_eq!(info.firmware.version, "570.144");
    let usable: Vec<_> = info.usable_regions().collect();
    assert!(!usable.is_empty(), "seed {seed}");
    for region in usable {
        let is_outside =
            region.limit < layout.non_wpr_heap.start || region.base >= layout.vga_workspace.end;
        assert!(is_outside, "seed {seed}: {region:x?} and {layout:x?}");
    }
}

#[test]
fn every_card_boots_twice_without_a_reset() {
    for chip in CHIPS {
        let firmware = firmware::synthetic(chip.chipset);
        for seed in 0..24 {
            let pci = model(*chip, seed);
            let mut infos = Vec::new();
            for _ in 0..2 {
                let booted = boot(pci.clone(), &firmware).unwrap();
                makes_sense(booted.info(), seed);
                // RM may divide VRAM anew at each boot.
                let mut info = booted.info().clone();
                info.regions.clear();
                infos.push(info);
                let gpu = booted.unload().unwrap();
                assert_eq!(pci.mapped(), 0, "seed {seed}");
                drop(gpu);
                is_given_back(&pci);
            }
            assert_eq!(infos[0], infos[1]);
            assert_eq!(pci.resets(), 0, "seed {seed}");
        }
    }
}

#[test]
fn an_unloaded_gpu_boots_again() {
    let pci = model(GA102, 1);
    let firmware = firmware::synthetic(Chipset::GA102);
    let mut gpu = Gpu::probe(pci.clone()).unwrap();
    for _ in 0..3 {
        let booted = gpu.boot(&firmware, &BootOptions::default()).unwrap();
        gpu = booted.unload().unwrap();
    }
    assert_eq!(pci.resets(), 0);
}

#[test]
fn dropping_unloads() {
    let pci = model(AD102, 2);
    let firmware = firmware::synthetic(Chipset::AD102);
    drop(boot(pci.clone(), &firmware).unwrap());
    is_given_back(&pci);
    boot(pci.clone(), &firmware).unwrap().unload().unwrap();
    assert_eq!(pci.resets(), 0);
}

#[test]
fn a_gpu_that_was_left_in_use_is_reset_first() {
    let pci = model(GA102, 3);
    let firmware = firmware::synthetic(Chipset::GA102);
    kill(&pci, boot(pci.clone(), &firmware).unwrap());
    is_given_back(&pci);
    let booted = boot(pci.clone(), &firmware).unwrap();
    makes_sense(booted.info(), 3);
    assert_eq!(pci.resets(), 1);
    booted.unload().unwrap();
    boot(pci.clone(), &firmware).unwrap().unload().unwrap();
    assert_eq!(pci.resets(), 1);
}

#[test]
fn without_a_reset_the_way_back_may_be_enough() {
    let pci = model(GA102, 4);
    let firmware = firmware::synthetic(Chipset::GA102);
    kill(&pci, boot(pci.clone(), &firmware).unwrap());
    pci.refuse_resets();
    let booted = boot(pci.clone(), &firmware).unwrap();
    booted.unload().unwrap();
    assert_eq!(pci.resets(), 0);
}

#[test]
fn vram_is_usable_while_rm_runs() {
    let booted = boot(model(GA102, 5), &firmware::synthetic(Chipset::GA102)).unwrap();
    let region = *booted.info().usable_regions().next().unwrap();
    let vram = booted.gpu().vram();
    vram.write(region.base, b"hello").unwrap();
    let mut data = [0; 5];
    vram.read(region.base, &mut data).unwrap();
    assert_eq!(&data, b"hello");
}

#[test]
fn firmware_that_is_missing_is_named_before_the_card_is_touched() {
    for file in [
        "gsp-570.144.bin",
        "bootloader-570.144.bin",
        "booter_load-570.144.bin",
        "booter_unload-570.144.bin",
    ] {
        let pci = model(GA102, 6);
        let mut firmware = firmware::synthetic(Chipset::GA102);
        let name = firmware::name(Chipset::GA102, file);
        firmware.remove(&name).unwrap();
        let gpu = Gpu::probe(pci.clone()).unwrap();
        pci.heal();
        let error = refusal(gpu.boot(&firmware, &BootOptions::default()));
        assert_eq!(error.to_string(), "cannot load GSP's firmware");
        let text = error.cause.to_string();
        assert!(text.contains(&name), "{text}");
        assert!(text.contains("firmware-nvidia-graphics"), "{text}");
        assert_eq!(pci.accesses(), []);
        is_given_back(&pci);
    }
}

#[test]
fn another_version_is_refused_by_name() {
    let mut firmware = firmware::synthetic(Chipset::GA102);
    let name = |version| firmware::name(Chipset::GA102, &format!("gsp-{version}.bin"));
    let gsp = firmware.remove(&name("570.144")).unwrap();
    firmware.insert(name("535.113.01"), gsp);
    let error = refusal(boot(model(GA102, 7), &firmware));
    assert!(matches!(
        error.cause,
        Cause::Firmware(FirmwareError::UnsupportedVersion { .. })
    ));
    let text = error.cause.to_string();
    assert!(text.starts_with("firmware version 535.113.01 "), "{text}");
}

#[test]
fn firmware_of_another_chip_is_refused() {
    // The files of one chip under the names of the other.
    let mut firmware = firmware::synthetic(Chipset::AD102);
    for file in ["gsp", "bootloader", "booter_load", "booter_unload"] {
        let file = format!("{file}-570.144.bin");
        let bytes = firmware
            .remove(&firmware::name(Chipset::AD102, &file))
            .unwrap();
        firmware.insert(firmware::name(Chipset::GA102, &file), bytes);
    }
    let error = refusal(boot(model(GA102, 8), &firmware));
    assert!(matches!(
        error.cause,
        Cause::Firmware(FirmwareError::Invalid { .. })
    ));
}

#[test]
fn firmware_that_is_cut_off_anywhere_is_refused_or_whole() {
    for file in ["gsp", "bootloader", "booter_load", "booter_unload"] {
        let name = firmware::name(Chipset::GA102, &format!("{file}-570.144.bin"));
        let whole = firmware::synthetic(Chipset::GA102).remove(&name).unwrap();
        for part in 0..16 {
            let mut firmware = firmware::synthetic(Chipset::GA102);
            firmware.insert(&name, &whole[..whole.len() * part / 16]);
            let pci = model(GA102, 9);
            let error = refusal(boot(pci.clone(), &firmware));
            assert_eq!(error.step, Step::LoadFirmware, "{file} {part}/16");
            is_given_back(&pci);
        }
    }
}

#[test]
fn writes_that_arrive_late_change_nothing() {
    let firmware = firmware::synthetic(Chipset::GA102);
    for seed in 0..8 {
        let model = Model::builder().seed(seed);
        let model = model.delayed_writes(Duration::from_millis(1));
        let pci = Faulty::new(model.build().unwrap());
        for _ in 0..2 {
            let booted = boot(pci.clone(), &firmware).unwrap();
            makes_sense(booted.info(), seed);
            booted.unload().unwrap();
        }
        assert_eq!(pci.resets(), 0, "seed {seed}");
    }
}

/// A card on which the first dword of the PROM window reads as this.
fn with_prom(value: u32) -> Model {
    let fault = format!("read 0x300000 times=* corrupt value={value:#x}");
    let plan = fault.parse().unwrap();
    Model::builder().faults(plan).build().unwrap()
}

#[test]
fn a_vbios_that_is_not_in_the_prom_window_is_read_from_the_rom_bar() {
    let firmware = firmware::synthetic(Chipset::GA102);
    let source = |model| {
        let booted = boot(model, &firmware).unwrap();
        booted.info().vbios.source
    };
    assert_eq!(source(Model::builder().build().unwrap()), "PROM");
    for value in [0, 0xaa56, u32::MAX] {
        assert_eq!(source(with_prom(value)), "ROM BAR");
    }
}

#[test]
fn a_card_without_a_vbios_is_refused_with_what_was_found() {
    let pci = Faulty::new(with_prom(0x1234_5678));
    pci.hide_rom();
    let error = refusal(boot(pci.clone(), &firmware::synthetic(Chipset::GA102)));
    assert_eq!(error.step, Step::ReadVbios);
    assert_eq!(
        error.cause.to_string(),
        "no usable VBIOS: in the PROM window ROM signature is 0x5678, and not 0xaa55 or 0x4e56; \
         in the ROM BAR nothing, for there is none"
    );
    is_given_back(&pci);
}

#[derive(Default)]
struct Recorder(Mutex<Vec<RegisterAccess>>);

impl Trace for Recorder {
    fn access(&self, access: &RegisterAccess) {
        self.0.lock().unwrap().push(*access);
    }
}

/// The writes of a boot, by register and without what is repeated for each block: in the order
/// in which nova-core of Linux 7.3 makes them.
#[test]
fn registers_are_written_in_the_order_of_nova_core() {
    let trace = Arc::new(Recorder::default());
    // A card that draws nothing: its sequence is the model's own.
    let model = Model::builder().build().unwrap();
    let gpu = Gpu::probe_traced(model, trace.clone()).unwrap();
    let probed = std::mem::take(&mut *trace.0.lock().unwrap());
    let firmware = firmware::synthetic(Chipset::GA102);
    let booted = gpu.boot(&firmware, &BootOptions::default()).unwrap();
    let boot = std::mem::take(&mut *trace.0.lock().unwrap());
    booted.unload().unwrap();
    let unload = std::mem::take(&mut *trace.0.lock().unwrap());

    // Not nova-core's: it does not use BAR1.
    let (bar1, mut boot) = (["NV_PBUS_BAR1_BLOCK"], writes(&boot));
    assert_eq!(writes(&probed), bar1);
    assert_eq!(boot.pop().as_deref(), Some(bar1[0]));
    let flush_page = [
        "NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI",
        "NV_PFB_NISO_FLUSH_SYSMEM_ADDR",
    ];
    let frts = run_of("GSP", 1);
    let (reset, start) = (frts[..3].to_vec(), ["MAILBOX0", "MAILBOX1", "CPUCTL"]);
    let start = start.map(|name| format!("NV_PFALCON_FALCON_{name}(GSP)"));
    let mut expected = flush_page.map(String::from).to_vec();
    expected.push("NV_PFALCON_FALCON_IRQSCLR(GSP)".into());
    expected.extend(frts.clone());
    expected.extend(reset.into_iter().chain(start));
    expected.extend(run_of("SEC2", 2));
    expected.push("NV_PFALCON_FALCON_OS(GSP)".into());
    expected.extend(["NV_PGSP_QUEUE_HEAD(0)"; 2].map(String::from));
    assert_eq!(boot[..expected.len()], expected);
    // What RM's sequence asks for comes between.
    assert_eq!(boot[boot.len() - 1], "NV_PGSP_QUEUE_HEAD(0)");

    let mut expected = vec!["NV_PGSP_QUEUE_HEAD(0)".to_string()];
    expected.extend(frts);
    expected.extend(run_of("SEC2", 2));
    expected.extend(flush_page.map(String::from));
    assert_eq!(writes(&unload), expected);
}

/// Names of the registers written. Each block that is copied counts once, and the switch to the
/// falcon core, which depends on the core that was selected, not at all.
fn writes(accesses: &[RegisterAccess]) -> Vec<String> {
    let writes = accesses
        .iter()
        .filter(|it| it.direction == Direction::Write);
    let names = writes.map(|it| it.name().to_string());
    let mut names: Vec<_> = names.filter(|it| !it.contains("BCR_CTRL")).collect();
    let is_block = |names: &[String]| names.iter().any(|name| name.contains("DMATRFMOFFS"));
    let mut at = 0;
    while at + 6 <= names.len() {
        if is_block(&names[at..at + 1]) && names[at..at + 3] == names[at + 3..at + 6] {
            names.drain(at..at + 3);
        } else {
            at += 1;
        }
    }
    names
}

/// The writes of resetting, loading and starting a falcon with so many mailboxes.
fn run_of(engine: &str, mailboxes: usize) -> Vec<String> {
    let block = ["DMATRFMOFFS", "DMATRFFBOFFS", "DMATRFCMD"];
    let base = ["DMATRFBASE", "DMATRFBASE1"];
    let falcon = |name: &&str| format!("NV_PFALCON_FALCON_{name}({engine})");
    let mut names: Vec<String> = ["ENGINE", "ENGINE", "RM"].iter().map(falcon).collect();
    names.push(format!("NV_PFALCON_FBIF_CTL({engine})"));
    names.push(falcon(&"DMACTL"));
    names.push(format!("NV_PFALCON_FBIF_TRANSCFG({engine}, 0)"));
    for _ in ["IMEM", "DMEM"] {
        names.extend(base.iter().chain(&block).map(falcon));
    }
    names.push(format!("NV_PFALCON2_FALCON_BROM_PARAADDR({engine}, 0)"));
    names.push(format!("NV_PFALCON2_FALCON_BROM_ENGIDMASK({engine})"));
    names.push(format!("NV_PFALCON2_FALCON_BROM_CURR_UCODE_ID({engine})"));
    names.push(format!("NV_PFALCON2_FALCON_MOD_SEL({engine})"));
    names.push(falcon(&"BOOTVEC"));
    names.extend(["MAILBOX0", "MAILBOX1"][..mailboxes].iter().map(falcon));
    names.push(falcon(&"CPUCTL"));
    names
}

#[test]
fn debians_firmware_boots() {
    let Some(firmware) = firmware::debian("debians_firmware_boots") else {
        return;
    };
    for chip in CHIPS {
        let pci = model(*chip, 10);
        let booted = boot(pci.clone(), &firmware).unwrap();
        makes_sense(booted.info(), 10);
        assert!(booted.info().firmware.origin.ends_with("gsp-570.144.bin"));
        booted.unload().unwrap();
        is_given_back(&pci);
    }
}
