// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The committed corpora of the fuzz targets in `fuzz/corpus`, a folder a target, go through
//! the targets' bodies. Files named `seed-…` are what the encoders write; after a change of
//! theirs, `NOVA_WRITE_SEEDS=1 cargo test -p nova-spec --test corpora` writes them anew.

mod fuzz_bodies;

use std::{fs, path::PathBuf};

use fuzz_bodies::TARGETS;
use nova_spec::{
    firmware::{
        booter::{Booter, Part},
        bootloader::Bootloader,
        gsp::GspFirmware,
    },
    rpc::{
        registry,
        sequencer::{self, Operation},
        Message, RpcFunction,
    },
    vbios::RomBuilder,
    Chipset,
};

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

fn booter() -> Booter<'static> {
    let part = |offset, size| Part { offset, size };
    Booter {
        image: &[0x5a; 0x60],
        os_code: part(0, 0x10),
        app0: part(0x10, 0x10),
        os_data: part(0x20, 0x40),
        patch_loc: 0x30,
        fuse_ver: 1,
        engine_id: 1,
        ucode_id: 3,
        signatures: b"firstsig  secondsig ",
        num_sig: 2,
    }
}

fn sequence() -> Vec<u8> {
    sequencer::encode(&[
        Operation::RegWrite {
            addr: 0x1438,
            val: 1,
        },
        Operation::RegModify {
            addr: 0x1438,
            mask: 1,
            val: 2,
        },
        Operation::RegPoll {
            addr: 0x1438,
            mask: 2,
            val: 2,
            timeout: 0,
            error: 0,
        },
        Operation::DelayUs { val: 5 },
        Operation::RegStore {
            addr: 0x1438,
            index: 0,
        },
        Operation::CoreReset,
        Operation::CoreStart,
        Operation::CoreWaitForHalt,
        Operation::CoreResume,
    ])
}

/// Target, name and content of each seed.
fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let bootloader = Bootloader {
        image: &[0x33; 0x20],
        code_offset: 0x10,
        data_offset: 8,
        manifest_offset: 0,
        app_version: 7,
    };
    let gsp = GspFirmware {
        version: "570.144",
        image: &[0x47; 0x20],
        signatures: b"signature",
    };
    let rom = RomBuilder::default();
    let odd_rom = RomBuilder {
        ifr: Some(2),
        npde: true,
        signature_versions: 0,
        ..rom
    };
    let message = |function, payload: &[u8]| Message::request(1, function, payload).encode();
    let registry = registry::encode(&registry::DEFAULT_ENTRIES);
    vec![
        ("vbios", "seed-smallest", rom.build().unwrap()),
        ("vbios", "seed-ifr-npde", odd_rom.build().unwrap()),
        ("tlv", "seed-booter", booter().to_tlv("570.144").unwrap()),
        (
            "tlv",
            "seed-bootloader",
            bootloader.to_tlv("570.144").unwrap(),
        ),
        ("tlv", "seed-gsp", gsp.to_tlv().unwrap()),
        ("nvfw", "seed-booter", booter().to_nvfw().unwrap()),
        ("nvfw", "seed-bootloader", bootloader.to_nvfw().unwrap()),
        ("nvfw", "seed-gsp", gsp.to_elf(Chipset::GA102)),
        (
            "queue",
            "seed-registry",
            message(RpcFunction::SET_REGISTRY, &registry).unwrap(),
        ),
        (
            "queue",
            "seed-sequencer",
            message(RpcFunction::GSP_RUN_CPU_SEQUENCER, &sequence()).unwrap(),
        ),
        ("sequencer", "seed-each-operation", sequence()),
    ]
}

#[test]
fn the_seeds_are_what_the_encoders_write() {
    for (target, name, content) in seeds() {
        let path = corpus(target).join(name);
        if std::env::var_os("NOVA_WRITE_SEEDS").is_some() {
            fs::create_dir_all(corpus(target)).unwrap();
            fs::write(&path, &content).unwrap();
        }
        let committed = fs::read(&path);
        let committed = committed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(committed == content, "{} differs", path.display());
    }
}

#[test]
fn the_corpora_go_through_the_fuzz_targets() {
    for (target, body) in TARGETS {
        let files = fs::read_dir(corpus(target)).unwrap();
        let mut count = 0;
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            body(&fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count > 0, "no corpus for {target}");
    }
}
