// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channels and groups of them.

use super::*;

#[test]
fn a_channel_from_client_to_copy_engine_and_back() {
    let mut bench = Bench::with_vaspace();
    assert_eq!(bench.set_page_directory(0x20_0000), 0);
    assert_eq!(bench.channel(CHANNEL, DEVICE, &channel_params(Some(5))), 0);
    // RM has told the instance block of the page directory, and does so for a later one.
    assert_eq!(bench.page_dir_base(), 0x20_0c00);
    assert_eq!(bench.set_page_directory(0x30_0000), 0);
    assert_eq!(bench.page_dir_base(), 0x30_0c00);
    let at = (CLIENT, CHANNEL);
    let bind = COPY0.to_le_bytes();
    assert_eq!(bench.control(at, Control::NVA06F_BIND, &bind).0, 0);
    assert_eq!(
        bench
            .control(at, Control::NVA06F_GPFIFO_SCHEDULE, &[1, 0])
            .0,
        0
    );
    let id = ChannelId {
        runlist: 1,
        chid: 5,
    };
    assert!(bench.objects.channel_mut(at).unwrap().runs());
    let token = Control::NVC36F_GPFIFO_GET_WORK_SUBMIT_TOKEN;
    let token = bench.control(at, token, &[0; 4]);
    assert_eq!(token, (0, id.token().to_le_bytes().to_vec()));
    let engine = [1, COPY0].map(u32::to_le_bytes).concat();
    let copy = (CLIENT, 0x4_c7b5);
    assert_eq!(
        bench
            .alloc(copy, CHANNEL, Class::AMPERE_DMA_COPY_B, &engine)
            .0,
        0
    );

    let mut unset =
        NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS::new_zeroed().as_bytes()[..8].to_vec();
    unset[..4].copy_from_slice(&VASPACE.to_le_bytes());
    let cmd = Control::NV0080_DMA_UNSET_PAGE_DIRECTORY;
    assert_eq!(bench.control((CLIENT, DEVICE), cmd, &unset).0, 0);
    // Without a page directory the block leads nowhere.
    assert_eq!(bench.page_dir_base(), 1);
    let again = bench.control((CLIENT, DEVICE), cmd, &unset).0;
    assert_eq!(again, NvStatus::NV_ERR_INVALID_STATE.0);
    // The address space takes what uses it along.
    assert_eq!(bench.free(CLIENT, VASPACE), 0);
    assert!(bench.objects.channels.is_empty());
    assert_eq!(
        bench.free(CLIENT, CHANNEL),
        NvStatus::NV_ERR_OBJECT_NOT_FOUND.0
    );
    assert_eq!(bench.free(CLIENT, CLIENT), 0);
    assert_eq!(
        bench.free(CLIENT, CLIENT),
        NvStatus::NV_ERR_INVALID_CLIENT.0
    );
    // RM's own are left.
    assert_eq!(bench.objects.tree.count(), 3);
}

#[test]
fn channels_are_checked() {
    let mut bench = Bench::with_vaspace();
    let mut refused = |change: fn(&mut NV_CHANNEL_ALLOC_PARAMS), error: NvStatus| {
        let mut params = channel_params(Some(1));
        change(&mut params);
        assert_eq!(NvStatus(bench.channel(CHANNEL, DEVICE, &params)), error);
    };
    refused(
        |p| p.gpFifoEntries = 3.into(),
        NvStatus::NV_ERR_INVALID_ARGUMENT,
    );
    refused(
        |p| p.engineType = 1.into(),
        NvStatus::NV_ERR_INVALID_ARGUMENT,
    );
    refused(
        |p| p.hVASpace = DEVICE.into(),
        NvStatus::NV_ERR_INVALID_OBJECT,
    );
    refused(|p| p.hVASpace = 0.into(), NvStatus::NV_ERR_INVALID_ARGUMENT);
    refused(
        |p| p.instanceMem.base = (16 << 20).into(),
        NvStatus::NV_ERR_INVALID_ADDRESS,
    );
    refused(
        |p| p.userdMem.base = u64::MAX.into(),
        NvStatus::NV_ERR_INVALID_ADDRESS,
    );
    refused(
        |p| p.userdMem.size = 4.into(),
        NvStatus::NV_ERR_INVALID_LIMIT,
    );
    refused(
        |p| p.mthdbufMem.addressSpace = 7.into(),
        NvStatus::NV_ERR_INVALID_ARGUMENT,
    );
    // RM has the first id.
    refused(
        |p| p.flags = ChannelFlags::unprivileged(0).unwrap().raw_value().into(),
        NvStatus::NV_ERR_IN_USE,
    );
    assert_eq!(bench.channel(CHANNEL, DEVICE, &channel_params(Some(1))), 0);
    let taken = bench.channel(CHANNEL + 1, DEVICE, &channel_params(Some(1)));
    assert_eq!(NvStatus(taken), NvStatus::NV_ERR_IN_USE);
    // The next free one, and it says which.
    let params = channel_params(None);
    let class = Class::AMPERE_CHANNEL_GPFIFO_A;
    let made = bench.alloc((CLIENT, CHANNEL + 2), DEVICE, class, params.as_bytes());
    let made: NV_CHANNEL_ALLOC_PARAMS = params::read(&made.1).unwrap();
    assert_eq!(made.cid.get(), 2);
    // The same id on another runlist is another channel.
    let mut other = channel_params(Some(1));
    other.engineType = (COPY0 + 1).into();
    assert_eq!(bench.channel(CHANNEL + 3, DEVICE, &other), 0);
    let bind = (COPY0 + 1).to_le_bytes();
    let status = bench
        .control((CLIENT, CHANNEL), Control::NVA06F_BIND, &bind)
        .0;
    assert_eq!(NvStatus(status), NvStatus::NV_ERR_INVALID_ARGUMENT);
}

#[test]
fn a_group_schedules_its_channels() {
    let mut bench = Bench::with_vaspace();
    let group = [0, 0, VASPACE, COPY0, 0].map(u32::to_le_bytes).concat();
    let class = Class::KEPLER_CHANNEL_GROUP_A;
    assert_eq!(bench.alloc((CLIENT, GROUP), DEVICE, class, &group).0, 0);
    let share = [VASPACE, 0, 0].map(u32::to_le_bytes).concat();
    let class = Class::FERMI_CONTEXT_SHARE_A;
    assert_eq!(bench.alloc((CLIENT, 0x9067), GROUP, class, &share).0, 0);
    let mut params = channel_params(None);
    (params.hVASpace, params.hContextShare) = (0.into(), 0x9067.into());
    params.engineType = 0.into();
    assert_eq!(bench.channel(CHANNEL, GROUP, &params), 0);
    assert_eq!(bench.channel(CHANNEL + 1, DEVICE, &channel_params(None)), 0);
    let at = (CLIENT, GROUP);
    assert_eq!(
        bench
            .control(at, Control::NVA06C_GPFIFO_SCHEDULE, &[1, 0])
            .0,
        0
    );
    let runs = |bench: &mut Bench, handle| {
        let channel = bench.objects.channel_mut((CLIENT, handle));
        channel.unwrap().runs()
    };
    assert!(runs(&mut bench, CHANNEL) && !runs(&mut bench, CHANNEL + 1));
    // Disabled, whatever its schedule is.
    let mut disable = NV2080_CTRL_FIFO_DISABLE_CHANNELS_PARAMS::new_zeroed();
    (disable.bDisable, disable.numChannels) = (1, 1.into());
    (disable.hClientList[0], disable.hChannelList[0]) = (CLIENT.into(), CHANNEL.into());
    let (subdevice, cmd) = ((CLIENT, SUBDEVICE), Control::NV2080_FIFO_DISABLE_CHANNELS);
    assert_eq!(bench.control(subdevice, cmd, disable.as_bytes()).0, 0);
    assert!(!runs(&mut bench, CHANNEL));
    disable.bDisable = 0;
    assert_eq!(bench.control(subdevice, cmd, disable.as_bytes()).0, 0);
    assert!(runs(&mut bench, CHANNEL));
    disable.numChannels = 65.into();
    let status = bench.control(subdevice, cmd, disable.as_bytes()).0;
    assert_eq!(NvStatus(status), NvStatus::NV_ERR_INVALID_ARGUMENT);

    let timeslice = 5000u64.to_le_bytes();
    assert_eq!(
        bench
            .control(at, Control::NVA06C_SET_TIMESLICE, &timeslice)
            .0,
        0
    );
    let got = bench.control(at, Control::NVA06C_GET_TIMESLICE, &[0; 8]);
    assert_eq!(got, (0, timeslice.to_vec()));
    let high = 2u32.to_le_bytes();
    assert_eq!(
        bench
            .control(at, Control::NVA06C_SET_INTERLEAVE_LEVEL, &high)
            .0,
        0
    );
    let got = bench.control(at, Control::NVA06C_GET_INTERLEAVE_LEVEL, &[0; 4]);
    assert_eq!(got, (0, high.to_vec()));
    assert_eq!(bench.control(at, Control::NVA06C_PREEMPT, &[0; 8]).0, 0);
    assert_eq!(bench.free(CLIENT, GROUP), 0);
    assert_eq!(bench.objects.channels.len(), 1);
}
