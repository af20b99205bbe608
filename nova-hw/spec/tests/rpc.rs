// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Queues, messages and payloads: what is encoded is decoded, and damaged bytes are refused.

use nova_spec::{
    queue::{
        advance, check_pointer, free, used, MsgqTxHeader, COMMANDS, ELEMENT_COUNT, MESSAGES,
        QUEUE_MEMORY_SIZE,
    },
    rpc::{
        message::{checksum, fragments, Extent, MAX_PAYLOAD},
        registry,
        sequencer::{self, Operation},
        static_info::GspStaticConfigInfo,
        system_info::{GspSystemInfo, SystemInfo},
        unload::UnloadingGuestDriver,
        Message, RpcFunction,
    },
};
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

#[test]
fn the_pointers_are_where_firmware_has_them() {
    assert_eq!(QUEUE_MEMORY_SIZE, 0x8_1000);
    assert_eq!((COMMANDS.write_ptr, COMMANDS.read_ptr), (0x1010, 0x4_1020));
    assert_eq!((MESSAGES.write_ptr, MESSAGES.read_ptr), (0x4_1010, 0x1020));
    assert_eq!((COMMANDS.elements, MESSAGES.elements), (0x2000, 0x4_2000));
    let header = MsgqTxHeader::new();
    let words: Vec<u32> = header
        .as_bytes()
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!(words, [0, 0x4_0000, 0x1000, 63, 0, 1, 0x20, 0x1000]);
    assert!(header.is_written());
    assert!(!MsgqTxHeader::read_from_bytes(&[0; 32])
        .unwrap()
        .is_written());
    let mut wrong = header;
    wrong.msgCount = 64.into();
    let error = MsgqTxHeader::check(wrong.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "msgCount is 0x40, and not 63");
}

#[test]
fn the_ring_wraps() {
    assert_eq!((used(5, 5), free(5, 5)), (0, 62));
    assert_eq!((used(4, 5), free(4, 5)), (62, 0));
    assert_eq!(advance(62, 1), 0);
    assert_eq!(advance(61, 16), 14);
    assert_eq!(advance(u32::MAX, u32::MAX), 2 * (u32::MAX % 63));
    assert!(check_pointer("writePtr", 62).is_ok());
    assert!(check_pointer("writePtr", 63).is_err());
    let [first, second] = COMMANDS.runs(61, 0x2800);
    assert_eq!(
        (first, second),
        (0x2000 + 61 * 0x1000..0x4_1000, 0x2000..0x2800)
    );
    let [first, second] = MESSAGES.runs(0, 0x50);
    assert_eq!((first, second), (0x4_2000..0x4_2050, 0x4_2000..0x4_2000));
    let [first, second] = MESSAGES.runs(u32::MAX, u64::MAX);
    assert!(first.is_empty());
    assert_eq!(second.end, QUEUE_MEMORY_SIZE);
}

#[test]
fn a_message_by_hand() {
    let message = Message::request(3, RpcFunction::SET_REGISTRY, &[1, 2, 3]);
    let bytes = message.encode().unwrap();
    assert_eq!(bytes.len(), 0x53);
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    for (at, value) in [
        (0x24, 3),
        (0x28, 1),
        (0x30, 0x0300_0000),
        (0x34, 0x4350_5256),
        (0x38, 0x23),
        (0x3c, 73),
        (0x40, u32::MAX),
        (0x44, u32::MAX),
        (0x48, 0),
    ] {
        assert_eq!(word(at), value, "{at:#x}");
    }
    assert_eq!(checksum(&bytes), 0);
    assert_eq!(Message::decode(&bytes), Ok(message));
    // The length is learnt from the headers alone, and what follows a message is not part of it.
    let extent = Extent {
        len: 0x53,
        elements: 1,
    };
    assert_eq!(Message::extent_of(&bytes[..0x50]), Ok(extent));
    let element = [&bytes[..], &[0xff; 100]].concat();
    assert_eq!(Message::decode(&element), Ok(message));
}

#[test]
fn the_checksum_is_both_halves_of_the_words_xor() {
    assert_eq!(checksum(&[]), 0);
    assert_eq!(checksum(&[1, 0, 0, 0, 2, 0, 0, 0]), 3);
    assert_eq!(checksum(&[1, 0, 0, 0, 0, 0, 0, 0, 4]), 5);
}

#[test]
fn each_damage_is_named() {
    let good = Message::answer(0, RpcFunction::GSP_INIT_DONE, &[])
        .encode()
        .unwrap();
    let error = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Message::decode(&bytes).unwrap_err().to_string()
    };
    assert_eq!(
        error(0x49, 1),
        "checksum of the message is 0x100, and not 0"
    );
    assert_eq!(
        error(0x28, 2),
        "elemCount is 0x2, and not what the length says"
    );
    assert_eq!(
        error(0x38, 0x1f),
        "RPC length is 0x1f, and not 0x20 to 0xffd0"
    );
    assert_eq!(
        error(0x3a, 1),
        "RPC length is 0x10020, and not 0x20 to 0xffd0"
    );
    assert_eq!(
        error(0x37, 0),
        "RPC signature is 0x505256, and not 0x43505256 (\"VRPC\")"
    );
    assert_eq!(
        error(0x33, 2),
        "RPC header_version is 0x2000000, and not 0x3000000"
    );
    for len in 0..good.len() {
        assert!(Message::decode(&good[..len]).is_err());
    }
}

#[test]
fn a_payload_that_is_too_long_goes_on_in_records() {
    let payload = vec![7; MAX_PAYLOAD as usize + 1];
    assert!(Message::request(0, RpcFunction::NOP, &payload)
        .encode()
        .is_err());
    let parts: Vec<_> = fragments(RpcFunction::GSP_RM_CONTROL, &payload).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].0, RpcFunction::GSP_RM_CONTROL);
    let bytes = Message::request(0, parts[0].0, parts[0].1)
        .encode()
        .unwrap();
    assert_eq!(bytes.len(), 16 * 4096);
    assert_eq!(parts[1], (RpcFunction::CONTINUATION_RECORD, &[7][..]));
    assert_eq!(fragments(RpcFunction::NOP, &[]).count(), 1);
    assert_eq!(fragments(RpcFunction::NOP, &payload[1..]).count(), 1);
}

#[test]
fn functions_have_names() {
    assert_eq!(RpcFunction(72).to_string(), "GSP_SET_SYSTEM_INFO");
    assert_eq!(RpcFunction(0x1002).to_string(), "GSP_RUN_CPU_SEQUENCER");
    assert_eq!(RpcFunction(0x999).to_string(), "function 0x999");
    assert!(RpcFunction::GSP_INIT_DONE.is_event());
    assert!(!RpcFunction::GSP_RM_ALLOC.is_event());
}

#[test]
fn system_info_has_its_fields_where_rm_looks() {
    let info = GspSystemInfo::new(&SystemInfo {
        bar0: 0x8000_0000,
        bar1: 0x38_0000_0000,
        bar3: 0x38_1000_0000,
        bdf: 0x0108,
        vendor: 0x10de,
        device: 0x2204,
        subsystem_vendor: 0x10de,
        subsystem_device: 0x1454,
        revision: 0xa1,
    });
    let bytes = info.as_bytes();
    assert_eq!(bytes.len(), 0x3a0);
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    for (at, value) in [
        (0x00, 0x8000_0000),
        (0x08, 0x38_0000_0000),
        (0x10, 0x38_1000_0000),
        (0x20, 0x108),
        (0x48, (1 << 47) - 4096),
        (0x50, 0x1000_0008_8000),
        (0x58, 0x1454_10de_2204_10de),
        (0x60, 0xa1),
    ] {
        assert_eq!(word(at), value, "{at:#x}");
    }
    assert!(GspSystemInfo::decode(bytes).is_ok());
    assert!(GspSystemInfo::decode(&bytes[..0x39f]).is_err());
}

#[test]
fn registry_entries_come_back() {
    let payload = registry::encode(&registry::DEFAULT_ENTRIES);
    let entries: Vec<_> = registry::decode(&payload)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(entries, registry::DEFAULT_ENTRIES);
    assert_eq!(payload[..8], [117, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(payload[8], 8 + 3 * 16);
    // The walk ends at the first error.
    let mut wrong = payload.clone();
    wrong[8 + 16 + 4] = 2;
    let results: Vec<_> = registry::decode(&wrong).unwrap().collect();
    assert_eq!(results.len(), 2);
    assert!(results[1].is_err());
    wrong[4..8].fill(0xff);
    assert!(registry::decode(&wrong).is_err());
}

#[test]
fn static_info_tells_name_and_usable_memory() {
    let mut info = GspStaticConfigInfo::zeroed();
    info.set_gpu_name("NVIDIA GeForce RTX 3090");
    assert!(info.add_region(0..0x1000_0000, true));
    assert!(info.add_region(0x1000_0000..0x2000_0000, false));
    assert!(!info.add_region(5..5, true));
    let bytes = info.as_bytes();
    assert_eq!(bytes[0x158], 2);
    assert_eq!(bytes[0x168..0x170], 0xfff_ffffu64.to_le_bytes());
    assert_eq!(&bytes[0x4ec..0x4f2], b"NVIDIA");
    let info = GspStaticConfigInfo::decode(bytes).unwrap();
    assert_eq!(info.gpu_name(), Ok("NVIDIA GeForce RTX 3090"));
    let mut usable = info.usable_regions();
    assert_eq!(usable.next(), Some(0..0x1000_0000));
    assert_eq!(usable.next(), None);
    for len in 0..GspStaticConfigInfo::SIZE {
        assert!(GspStaticConfigInfo::decode(&bytes[..len]).is_err());
    }
    let mut wrong = *info;
    wrong.numFBRegions = 17.into();
    assert!(GspStaticConfigInfo::decode(wrong.as_bytes()).is_err());
    wrong = *info;
    wrong.fbRegion[0].limit = u64::MAX.into();
    assert!(GspStaticConfigInfo::decode(wrong.as_bytes()).is_err());
    wrong = *info;
    wrong.gpuNameString[3] = 7;
    assert!(wrong.gpu_name().is_err());
    wrong.gpuNameString = [b'x'; 64];
    assert_eq!(wrong.gpu_name().map(str::len), Ok(64));
}

#[test]
fn unloading_is_8_bytes() {
    let payload = UnloadingGuestDriver::default();
    assert_eq!(payload.as_bytes(), [0; 8]);
    assert_eq!(UnloadingGuestDriver::decode(&[0; 8]), Ok(&payload));
    assert!(UnloadingGuestDriver::decode(&[0; 7]).is_err());
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        any::<(u32, u32)>().prop_map(|(addr, val)| Operation::RegWrite { addr, val }),
        any::<(u32, u32, u32)>().prop_map(|(addr, mask, val)| Operation::RegModify {
            addr,
            mask,
            val
        }),
        any::<(u32, u32, u32, u32, u32)>().prop_map(|(addr, mask, val, timeout, error)| {
            Operation::RegPoll {
                addr,
                mask,
                val,
                timeout,
                error,
            }
        }),
        any::<u32>().prop_map(|val| Operation::DelayUs { val }),
        (any::<u32>(), 0u32..8).prop_map(|(addr, index)| Operation::RegStore { addr, index }),
        Just(Operation::CoreReset),
        Just(Operation::CoreStart),
        Just(Operation::CoreWaitForHalt),
        Just(Operation::CoreResume),
    ];
    prop::collection::vec(operation, 0..12)
}

#[test]
fn a_sequence_by_hand() {
    let write = Operation::RegWrite {
        addr: 0x1438,
        val: 5,
    };
    let payload = sequencer::encode(&[write, Operation::CoreResume]);
    let words: Vec<u32> = payload
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!(words[..2], [5, 4]);
    assert_eq!(words[10..], [0, 0x1438, 5, 8]);
    let mut unknown = payload.clone();
    unknown[40 + 12] = 9;
    let results: Vec<_> = sequencer::decode(&unknown).unwrap().collect();
    assert_eq!(results[0], Ok(write));
    let error = results[1].unwrap_err().to_string();
    assert_eq!(error, "sequencer opcode is 0x9, and not 0 to 8");
    assert_eq!(results.len(), 2);
    let store = Operation::RegStore { addr: 0, index: 8 };
    let store = sequencer::encode(&[store]);
    assert!(sequencer::decode(&store).unwrap().next().unwrap().is_err());
}

proptest! {
    #[test]
    fn any_message_comes_back(
        seq_num: u32, function: u32, rpc_result: u32, sequence: u32,
        payload in prop::collection::vec(any::<u8>(), 0..9000),
    ) {
        let message = Message { seq_num, function: RpcFunction(function), rpc_result, sequence, payload: &payload };
        let bytes = message.encode().unwrap();
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
        let extent = Message::extent_of(&bytes).unwrap();
        prop_assert_eq!(extent.len as usize, bytes.len());
        prop_assert_eq!(extent.elements, extent.len.div_ceil(4096));
    }

    #[test]
    fn one_flipped_bit_is_always_seen(bit in 0usize..(0x50 + 40) * 8) {
        let message = Message::answer(9, RpcFunction::POST_EVENT, &[0x5a; 40]);
        let mut bytes = message.encode().unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Message::decode(&bytes).is_err());
    }

    #[test]
    fn the_ring_never_loses_count(write in 0..ELEMENT_COUNT, read in 0..ELEMENT_COUNT, len in 0u64..0x1_0000) {
        prop_assert_eq!(used(write, read) + free(write, read), 62);
        prop_assert_eq!(advance(read, used(write, read)), write);
        let [first, second] = COMMANDS.runs(write, len);
        prop_assert_eq!(first.end - first.start + second.end - second.start, len);
        prop_assert!(second.end <= first.start || second.is_empty());
    }

    #[test]
    fn any_sequence_comes_back_and_no_part_of_one_harms(sequence in operations()) {
        let payload = sequencer::encode(&sequence);
        let decoded: Vec<_> = sequencer::decode(&payload).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(decoded, sequence);
        for len in 0..payload.len() {
            prop_assert!(sequencer::decode(&payload[..len]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_looked_into_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Message::decode(&bytes);
        let _ = sequencer::decode(&bytes).map(|operations| operations.count());
        let _ = registry::decode(&bytes).map(|entries| entries.count());
        let _ = MsgqTxHeader::check(&bytes);
    }
}
