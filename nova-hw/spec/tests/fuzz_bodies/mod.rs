// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What each fuzz target does with its input. Shared by `fuzz/` and by the replay of the
//! committed corpora in `corpora.rs`. Besides not panicking, what was decoded must be encoded
//! and decoded again to the same.
#![allow(dead_code)] // each fuzz target uses one

use nova_spec::{
    firmware::{
        booter::Booter,
        bootloader::Bootloader,
        elf::Elf,
        gsp::{version_of, GspFirmware, GspTlv},
        tlv::Tlv,
    },
    gsp::{
        libos::{LibosMemoryRegionInitArgument, GSP_ARGUMENTS_CACHED},
        wpr::GspFwWprMeta,
    },
    queue::MsgqTxHeader,
    rm::{
        event::{OsErrorLog, PostEvent, RcTriggered},
        fifo::NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS as DeviceTable,
        object::{GspRmAlloc, GspRmControl},
        Class, Control,
    },
    rpc::{
        message::{checksum, fragments},
        registry,
        sequencer::{self, Operation},
        static_info::GspStaticConfigInfo,
        system_info::GspSystemInfo,
        Message,
    },
    vbios::{appif, ifr, Command, Vbios},
    Chipset, FormatError,
};

pub type Body = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Body); 5] = [
    ("vbios", vbios),
    ("tlv", tlv),
    ("nvfw", nvfw),
    ("queue", queue),
    ("sequencer", sequencer),
];

/// A ROM, with or without IFR; and as DMEM.
pub fn vbios(data: &[u8]) {
    let first = ifr::first_image(|offset| {
        let bytes = data
            .get(offset as usize..)
            .and_then(|rest| rest.first_chunk());
        bytes
            .map(|bytes| u32::from_le_bytes(*bytes))
            .ok_or(FormatError::Missing("dword"))
    });
    let rom = first.ok().and_then(|first| data.get(first as usize..));
    let commands = [
        Command::Sb,
        Command::Frts {
            address: 0x3fe0_0000,
            size: 0x10_0000,
        },
    ];
    if let Some(Ok(fwsec)) = rom.map(|rom| Vbios::new(rom).and_then(|vbios| vbios.fwsec())) {
        for (command, fuse) in commands.into_iter().zip([0, 1]) {
            if let Ok(image) = fwsec.image(command, fuse) {
                assert_eq!(image.len(), fwsec.imem().len() + fwsec.dmem().len());
            }
        }
    }
    let mut dmem = data.to_vec();
    let interface = data.first().map_or(0, |&byte| u32::from(byte));
    for command in commands {
        let _ = appif::read_command(&dmem, interface);
        let _ = appif::write_command(&mut dmem, interface, command);
    }
}

/// A TLV file, as each of the files that there are.
pub fn tlv(data: &[u8]) {
    let Ok(tlv) = Tlv::new(data) else {
        return;
    };
    assert!(tlv.blocks().count() <= data.len() / 8);
    let _ = GspTlv::from_tlv(&tlv);
    if let Ok(bootloader) = Bootloader::from_tlv(&tlv) {
        let again = bootloader.to_tlv("1").unwrap();
        let again = Tlv::new(&again).unwrap();
        assert_eq!(Bootloader::from_tlv(&again), Ok(bootloader));
    }
    if let Ok(booter) = Booter::from_tlv(&tlv) {
        booter_in_order(&booter);
        let again = booter.to_tlv("1").unwrap();
        let again = Tlv::new(&again).unwrap();
        assert_eq!(Booter::from_tlv(&again), Ok(booter));
    }
}

/// A file of a distribution: a container or an ELF file.
pub fn nvfw(data: &[u8]) {
    if let Ok(booter) = Booter::from_nvfw(data) {
        booter_in_order(&booter);
        let again = booter.to_nvfw().unwrap();
        assert_eq!(Booter::from_nvfw(&again), Ok(booter));
    }
    if let Ok(bootloader) = Bootloader::from_nvfw(data) {
        let again = bootloader.to_nvfw().unwrap();
        assert_eq!(Bootloader::from_nvfw(&again), Ok(bootloader));
    }
    if let Ok(elf) = Elf::new(data) {
        let _ = version_of(&elf);
    }
    if let Ok(gsp) = GspFirmware::from_elf(data, Chipset::GA102) {
        let again = gsp.to_elf(Chipset::GA102);
        assert_eq!(GspFirmware::from_elf(&again, Chipset::GA102), Ok(gsp));
    }
}

fn booter_in_order(booter: &Booter<'_>) {
    for fuse in 0..=17 {
        if let Ok(image) = booter.signed_image(fuse) {
            assert_eq!(image.len(), booter.image.len());
        }
    }
    booter.brom_params().unwrap();
    let load = booter.dmem_load();
    assert!(load.source as usize + load.len as usize <= booter.image.len());
}

/// A message with a right checksum and as it is, and all that lies in shared memory.
pub fn queue(data: &[u8]) {
    message(data);
    let mut mended = data.to_vec();
    if let Ok(extent) = Message::extent_of(data) {
        let (len, elements) = (extent.len as usize, extent.elements);
        if let Some(bytes) = mended.get_mut(..len) {
            bytes[0x28..0x2c].copy_from_slice(&elements.to_le_bytes());
            bytes[0x20..0x24].fill(0);
            let sum = checksum(bytes);
            bytes[0x20..0x24].copy_from_slice(&sum.to_le_bytes());
        }
        message(&mended);
    }
    let _ = MsgqTxHeader::check(data);
    let _ = GspFwWprMeta::check(data);
    let _ = GSP_ARGUMENTS_CACHED::check(data);
    let _ = LibosMemoryRegionInitArgument::find(data, "RMARGS");
}

fn message(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else {
        return;
    };
    let again = message.encode().unwrap();
    assert_eq!(Message::decode(&again), Ok(message));
    let payload = message.payload;
    let parts: usize = fragments(message.function, payload)
        .map(|(_, part)| part.len())
        .sum();
    assert_eq!(parts, payload.len());
    let _ = GspSystemInfo::decode(payload);
    rm(payload);
    sequencer(payload);
    if let Ok(info) = GspStaticConfigInfo::decode(payload) {
        assert!(info.usable_regions().all(|region| !region.is_empty()));
        let _ = info.gpu_name();
    }
    if let Ok(entries) = registry::decode(payload) {
        let entries: Result<Vec<_>, _> = entries.collect();
        if let Ok(entries) = entries {
            let again = registry::encode(&entries);
            let again: Vec<_> = registry::decode(&again)
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert_eq!(again, entries);
        }
    }
}

/// A payload as each of RM's.
fn rm(payload: &[u8]) {
    if let Ok((header, params)) = GspRmAlloc::decode(payload) {
        let [client, parent, object] =
            [header.hClient, header.hParent, header.hObject].map(|handle| handle.get());
        let class = Class(header.hClass.get());
        let again = GspRmAlloc::encode(client, parent, object, class, params);
        assert_eq!(GspRmAlloc::decode(&again).unwrap().1, params);
        let _ = DeviceTable::decode(params).map(|table| {
            let names = table.engines().iter().map(|engine| engine.name().is_ok());
            names.count()
        });
    }
    if let Ok((header, params)) = GspRmControl::decode(payload) {
        let cmd = Control(header.cmd.get());
        let again = GspRmControl::encode(header.hClient.get(), header.hObject.get(), cmd, params);
        assert_eq!(GspRmControl::decode(&again).unwrap().1, params);
    }
    let _ = PostEvent::decode(payload);
    let _ = RcTriggered::decode(payload).map(RcTriggered::fault_address);
    let _ = OsErrorLog::decode(payload).map(OsErrorLog::text);
}

/// A sequencer's payload.
pub fn sequencer(data: &[u8]) {
    let Ok(operations) = sequencer::decode(data) else {
        return;
    };
    let operations: Result<Vec<Operation>, _> = operations.collect();
    if let Ok(operations) = operations {
        let again = sequencer::encode(&operations);
        let again: Result<Vec<_>, _> = sequencer::decode(&again).unwrap().collect();
        assert_eq!(again, Ok(operations));
    }
}
