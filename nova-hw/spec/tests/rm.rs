// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! RM's objects, controls and events: what is encoded is where RM looks, and is decoded.

use nova_spec::{
    rm::{
        alloc::NV0000_ALLOC_PARAMETERS,
        channel::{ChannelFlags, ChannelInternalFlags, ChannelPrivilege, ERROR_NOTIFIER_TYPE_NONE},
        control::WorkSubmitTokenParams,
        engine::{mc_copy, nv2080_copy, nv2080_copy_index, RmEngineType},
        event::{
            ce_of_robust_channel, robust_channel_ce_error, OsErrorLog, PostEvent, RcTriggered,
        },
        fifo::{
            engine_data, NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS as DeviceTable,
            NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS as IntrTable,
        },
        object::{params, Free, GspRmAlloc, GspRmControl},
        Class, Control, NvStatus,
    },
    rpc::static_info::GspStaticConfigInfo,
};
use proptest::prelude::*;
use zerocopy::IntoBytes;

#[test]
fn numbers_have_names() {
    assert_eq!(NvStatus(0x22).to_string(), "NV_ERR_INVALID_CLASS");
    assert_eq!(NvStatus(0x99).to_string(), "NV_STATUS 0x99");
    assert_eq!(Class(0xc7b5).to_string(), "AMPERE_DMA_COPY_B");
    assert_eq!(
        Control(0xc36f_0108).to_string(),
        "NVC36F_GPFIFO_GET_WORK_SUBMIT_TOKEN"
    );
    assert!(NvStatus(0).is_ok() && !NvStatus(1).is_ok());
    assert_eq!(RmEngineType(0x0c).to_string(), "COPY3");
    assert_eq!(RmEngineType::SEC2.to_string(), "SEC2");
    assert_eq!(RmEngineType(0x53).to_string(), "engine 0x53");
}

#[test]
fn errors_of_copy_engines_have_numbers_in_five_runs() {
    let numbers: Vec<_> = (0..20).map(robust_channel_ce_error).collect();
    let expected = [39..42, 70..73, 75..78, 85..86, 126..136];
    assert_eq!(numbers, expected.into_iter().flatten().collect::<Vec<_>>());
    for (index, number) in (0..).zip(numbers) {
        assert_eq!(ce_of_robust_channel(number), Some(index));
    }
    assert_eq!(ce_of_robust_channel(31), None);
}

#[test]
fn copy_engines_have_a_number_in_each_numbering() {
    for index in 0..20 {
        let engine = RmEngineType::copy(index).unwrap();
        assert_eq!(engine.copy_index(), Some(index));
        assert_eq!(nv2080_copy_index(nv2080_copy(index).unwrap()), Some(index));
    }
    assert_eq!(RmEngineType::copy(20), None);
    assert_eq!(nv2080_copy(20), None);
    assert_eq!((nv2080_copy(9), nv2080_copy(10)), (Some(0x12), Some(0x34)));
    assert_eq!(nv2080_copy_index(0x13), None);
    assert_eq!(
        (mc_copy(0), mc_copy(19), mc_copy(20)),
        (Some(15), Some(34), None)
    );
}

#[test]
fn objects_are_made_controlled_and_freed() {
    let client = NV0000_ALLOC_PARAMETERS::new(0xc1d0_0001, 42, "vhost-nova");
    assert_eq!(client.as_bytes().len(), 120);
    let payload = GspRmAlloc::encode(0xc1d0_0001, 0, 1, Class::NV01_ROOT, client.as_bytes());
    let (header, bytes) = GspRmAlloc::decode(&payload).unwrap();
    assert_eq!((header.hClass.get(), header.paramsSize.get()), (0, 120));
    let again: NV0000_ALLOC_PARAMETERS = params("NV01_ROOT", bytes).unwrap();
    assert_eq!(&again.processName[..11], b"vhost-nova\0");
    assert!(GspRmAlloc::decode(&payload[..payload.len() - 1]).is_err());

    let token = Control::NVC36F_GPFIFO_GET_WORK_SUBMIT_TOKEN;
    let payload = GspRmControl::encode(1, 2, token, &[7, 0, 3, 0]);
    let (header, bytes) = GspRmControl::decode(&payload).unwrap();
    assert_eq!(Control(header.cmd.get()), token);
    let params: WorkSubmitTokenParams = params("token", bytes).unwrap();
    assert_eq!(params.workSubmitToken.get(), 0x3_0007);
    let error = GspRmControl::decode(&payload[..27]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "GSP_RM_CONTROL parameters: 0x4 bytes at 0x18 are outside the 0x1b bytes that there are"
    );
    let free = Free::new(1, 2, 3);
    assert_eq!(Free::decode(free.as_bytes()), Ok(&free));
}

#[test]
fn a_channel_that_is_given_away_has_no_privileges() {
    let flags = ChannelFlags::unprivileged(13).unwrap();
    assert_eq!(
        flags.raw_value(),
        1 << 7 | 5 << 8 | 1 << 12 | 1 << 21 | 1 << 22
    );
    assert_eq!(flags.chid(), Some(13));
    assert!(!flags.privileged_channel());
    assert!(ChannelFlags::privileged(2047).unwrap().privileged_channel());
    assert_eq!(ChannelFlags::unprivileged(4095).unwrap().chid(), Some(4095));
    assert_eq!(ChannelFlags::unprivileged(4096), None);
    assert_eq!(ChannelFlags::DEFAULT.chid(), None);
    let internal = ChannelInternalFlags::DEFAULT
        .with_privilege(ChannelPrivilege::USER)
        .with_error_notifier_type(ERROR_NOTIFIER_TYPE_NONE)
        .with_ecc_error_notifier_type(ERROR_NOTIFIER_TYPE_NONE);
    assert_eq!(internal.raw_value(), 0x14);
}

#[test]
fn tables_are_no_longer_than_they_are() {
    let mut table = DeviceTable::zeroed();
    table.numEntries = 1.into();
    table.entries[0].engineData[engine_data::RM_ENGINE_TYPE] = 9.into();
    table.entries[0].engineData[engine_data::RUNLIST] = 4.into();
    table.entries[0].engineName[..3].copy_from_slice(b"ce0");
    let read = DeviceTable::decode(table.as_bytes()).unwrap();
    let engine = read.engines()[0];
    assert_eq!(engine.engine_type().to_string(), "COPY0");
    assert_eq!((engine.runlist(), engine.name()), (4, Ok("ce0")));
    table.numEntries = 33.into();
    assert!(DeviceTable::decode(table.as_bytes()).is_err());
    assert_eq!(table.engines().len(), 32);
    let mut table = IntrTable::zeroed();
    table.tableLen = 129.into();
    assert!(IntrTable::decode(table.as_bytes()).is_err());
    assert_eq!(table.entries().len(), 128);
}

#[test]
fn engines_of_the_static_info() {
    let mut info = GspStaticConfigInfo::zeroed();
    assert!(info.add_engine(RmEngineType::SEC2));
    assert!(info.add_engine(RmEngineType::GR0));
    assert!(info.add_engine(RmEngineType::copy(19).unwrap()));
    assert!(!info.add_engine(RmEngineType(RmEngineType::LAST)));
    assert!(!info.add_engine(RmEngineType(u32::MAX)));
    assert_eq!(info.as_bytes()[0x4b4], 2);
    let names: Vec<_> = info.engines().map(|engine| engine.to_string()).collect();
    assert_eq!(names, ["GR0", "COPY19", "SEC2"]);
}

#[test]
fn events_by_hand() {
    let mut bytes = vec![0; 0x1d + 3];
    bytes[0x18] = 3;
    bytes[0x1d..].copy_from_slice(b"abc");
    let (event, data) = PostEvent::decode(&bytes).unwrap();
    assert_eq!((event.eventDataSize.get(), data), (3, &b"abc"[..]));
    bytes[0x18] = 4;
    assert!(PostEvent::decode(&bytes).is_err());
    let mut bytes = [0; 48];
    bytes[0x1c] = 1;
    bytes[0x20] = 2;
    let rc = RcTriggered::decode(&bytes).unwrap();
    assert_eq!(rc.fault_address(), 0x2_0000_0001);
    assert!(RcTriggered::decode(&bytes[..47]).is_err());
    let mut bytes = [b'x'; 0x10c];
    assert_eq!(OsErrorLog::decode(&bytes).unwrap().text().len(), 256);
    bytes[20] = 0;
    assert_eq!(OsErrorLog::decode(&bytes).unwrap().text().len(), 8);
}

proptest! {
    #[test]
    fn any_bytes_are_looked_into_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = GspRmAlloc::decode(&bytes);
        let _ = GspRmControl::decode(&bytes);
        let _ = PostEvent::decode(&bytes);
        let _ = RcTriggered::decode(&bytes);
    }
}
