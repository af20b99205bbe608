// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! RM's objects as a driver makes them, and as one that means harm does.

mod channels;
mod random;

use std::sync::Arc;

use fastrand::Rng;
use nova_spec::rm::{
    alloc::{NV0000_ALLOC_PARAMETERS, NV0005_ALLOC_PARAMETERS, NV_VASPACE_ALLOCATION_PARAMETERS},
    channel::{ChannelFlags, ADDR_FBMEM, ADDR_SYSMEM, NV_CHANNEL_ALLOC_PARAMS},
    control::{
        NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS, NV2080_CTRL_EVENT_SET_NOTIFICATION_PARAMS,
        SET_PAGE_DIRECTORY_FLAGS_ALL_CHANNELS,
    },
    fifo::{
        NO_VECTOR, NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS,
        NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS,
    },
    scheduling::NV2080_CTRL_FIFO_DISABLE_CHANNELS_PARAMS,
};
use zerocopy::FromZeros;

use super::*;
use crate::{bus::Bus, dma::Dma, gpu::host::Host, vram::Vram};

const CLIENT: u32 = 0xc1d0_0001;
const DEVICE: u32 = 0xde1d_0000;
const SUBDEVICE: u32 = 0x5d1d_0000;
const VASPACE: u32 = 0x90f1_0000;
const GROUP: u32 = 0xa06c_0000;
const CHANNEL: u32 = 0xf1f0_0001;
const COPY0: u32 = 9;
const INSTANCE: u64 = 0x10_0000;

struct Bench {
    objects: Objects,
    dma: Dma,
    vram: Vram,
    host: Host,
}

impl Bench {
    fn new() -> Self {
        let mut dma = Dma::new(Arc::new(Bus::default()));
        dma.set_master(true);
        Self {
            objects: Objects::new(Engines::new(None)),
            dma,
            vram: Vram::new(16 << 20).unwrap(),
            host: Host::default(),
        }
    }

    fn call(&mut self, function: RpcFunction, payload: &[u8]) -> Answer {
        let mut env = Env {
            dma: &mut self.dma,
            vram: &self.vram,
            host: &mut self.host,
        };
        self.objects.answer(&mut env, function, payload).unwrap()
    }

    /// Makes an object; the status, and the parameters as RM leaves them.
    fn alloc(&mut self, at: Address, parent: u32, class: Class, params: &[u8]) -> (u32, Vec<u8>) {
        let payload = GspRmAlloc::encode(at.0, parent, at.1, class, params);
        let (result, answer) = self.call(RpcFunction::GSP_RM_ALLOC, &payload);
        assert_eq!(result, NvStatus::NV_OK);
        let (header, params) = GspRmAlloc::decode(&answer).unwrap();
        (header.status.get(), params.to_vec())
    }

    fn control(&mut self, at: Address, cmd: Control, params: &[u8]) -> (u32, Vec<u8>) {
        let payload = GspRmControl::encode(at.0, at.1, cmd, params);
        let (result, answer) = self.call(RpcFunction::GSP_RM_CONTROL, &payload);
        assert_eq!(result, NvStatus::NV_OK);
        let (header, params) = GspRmControl::decode(&answer).unwrap();
        (header.status.get(), params.to_vec())
    }

    fn free(&mut self, client: u32, handle: u32) -> u32 {
        let payload = Free::new(client, 0, handle);
        let (_, answer) = self.call(RpcFunction::FREE, payload.as_bytes());
        Free::decode(&answer).unwrap().status.get()
    }

    /// A client with device, subdevice and address space.
    fn with_vaspace() -> Self {
        let mut bench = Self::new();
        let client = NV0000_ALLOC_PARAMETERS::new(CLIENT, 1, "test");
        let vaspace = NV_VASPACE_ALLOCATION_PARAMETERS::new_zeroed();
        for (handle, parent, class, params) in [
            (CLIENT, CLIENT, Class::NV01_ROOT, client.as_bytes()),
            (DEVICE, CLIENT, Class::NV01_DEVICE_0, &[0; 56][..]),
            (SUBDEVICE, DEVICE, Class::NV20_SUBDEVICE_0, &[0; 4]),
            (VASPACE, DEVICE, Class::FERMI_VASPACE_A, vaspace.as_bytes()),
        ] {
            let (status, _) = bench.alloc((CLIENT, handle), parent, class, params);
            assert_eq!(status, 0, "{class}");
        }
        bench
    }

    fn channel(&mut self, handle: u32, parent: u32, params: &NV_CHANNEL_ALLOC_PARAMS) -> u32 {
        let class = Class::AMPERE_CHANNEL_GPFIFO_A;
        self.alloc((CLIENT, handle), parent, class, params.as_bytes())
            .0
    }

    fn set_page_directory(&mut self, address: u64) -> u32 {
        let mut params = NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS::new_zeroed();
        params.physAddress = address.into();
        params.numEntries = 4.into();
        params.flags = SET_PAGE_DIRECTORY_FLAGS_ALL_CHANNELS.into();
        params.hVASpace = VASPACE.into();
        let cmd = Control::NV0080_DMA_SET_PAGE_DIRECTORY;
        self.control((CLIENT, DEVICE), cmd, params.as_bytes()).0
    }

    fn page_dir_base(&self) -> u64 {
        let mut bytes = [0; 8];
        self.vram.read(INSTANCE + 0x200, &mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }
}

fn channel_params(chid: Option<u32>) -> NV_CHANNEL_ALLOC_PARAMS {
    let mut params = NV_CHANNEL_ALLOC_PARAMS::new_zeroed();
    params.gpFifoOffset = 0x1_0000.into();
    params.gpFifoEntries = 64.into();
    params.hVASpace = VASPACE.into();
    params.engineType = COPY0.into();
    if let Some(chid) = chid {
        let flags = ChannelFlags::unprivileged(chid).unwrap();
        params.flags = flags.raw_value().into();
    }
    for (memory, base, size, space) in [
        (&mut params.instanceMem, INSTANCE, 4096, ADDR_FBMEM),
        (&mut params.userdMem, INSTANCE + 0x1000, 0x200, ADDR_FBMEM),
        (&mut params.ramfcMem, INSTANCE, 0x200, ADDR_FBMEM),
        (&mut params.mthdbufMem, 0x4000, 0x5000, ADDR_SYSMEM),
    ] {
        (memory.base, memory.size) = (base.into(), size.into());
        memory.addressSpace = space.into();
    }
    params
}

#[test]
fn objects_are_refused_as_rm_does() {
    let mut bench = Bench::with_vaspace();
    let mut refused = |handle, parent, class, params: &[u8], error: NvStatus| {
        let (status, _) = bench.alloc((CLIENT, handle), parent, class, params);
        assert_eq!(NvStatus(status), error, "{class} {handle:#x}");
    };
    let vaspace = NV_VASPACE_ALLOCATION_PARAMETERS::new_zeroed();
    let vaspace = vaspace.as_bytes();
    let class = Class::FERMI_VASPACE_A;
    refused(
        VASPACE,
        DEVICE,
        class,
        vaspace,
        NvStatus::NV_ERR_INSERT_DUPLICATE_NAME,
    );
    refused(7, 8, class, vaspace, NvStatus::NV_ERR_INVALID_OBJECT_PARENT);
    refused(
        7,
        CLIENT,
        class,
        vaspace,
        NvStatus::NV_ERR_INVALID_OBJECT_PARENT,
    );
    refused(
        7,
        DEVICE,
        class,
        &vaspace[1..],
        NvStatus::NV_ERR_INVALID_PARAM_STRUCT,
    );
    refused(
        7,
        DEVICE,
        Class(0x1234),
        &[],
        NvStatus::NV_ERR_INVALID_CLASS,
    );
    refused(
        7,
        DEVICE,
        Class::HOPPER_CHANNEL_GPFIFO_A,
        &[],
        NvStatus::NV_ERR_INVALID_CLASS,
    );
    refused(
        CLIENT,
        CLIENT,
        Class::NV01_ROOT,
        &[],
        NvStatus::NV_ERR_INSERT_DUPLICATE_NAME,
    );
    let other = NV0000_ALLOC_PARAMETERS::new(5, 1, "other");
    refused(
        CLIENT,
        CLIENT,
        Class::NV01_ROOT,
        other.as_bytes(),
        NvStatus::NV_ERR_INVALID_CLIENT,
    );
    let nobody = bench.alloc((9, 9), 9, Class::NV01_DEVICE_0, &[]).0;
    assert_eq!(nobody, NvStatus::NV_ERR_INVALID_CLIENT.0);
    let internal = static_info::INTERNAL_CLIENT;
    let denied = NvStatus::NV_ERR_INSUFFICIENT_PERMISSIONS.0;
    assert_eq!(bench.free(internal, internal), denied);
}

#[test]
fn tables_agree_with_each_other() {
    let mut bench = Bench::new();
    let at = (
        static_info::INTERNAL_CLIENT,
        static_info::INTERNAL_SUBDEVICE,
    );
    let cmd = Control::NV2080_FIFO_GET_DEVICE_INFO_TABLE;
    let (status, devices) = bench.control(at, cmd, &[0; 3212]);
    assert_eq!(status, 0);
    let devices = NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS::decode(&devices).unwrap();
    let cmd = Control::NV2080_INTERNAL_INTR_GET_KERNEL_TABLE;
    let (status, vectors) = bench.control(at, cmd, &[0; 0x814]);
    assert_eq!(status, 0);
    let vectors = NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS::decode(&vectors).unwrap();
    assert_eq!((devices.engines().len(), vectors.entries().len()), (5, 6));
    assert_eq!(devices.engines()[4].name(), Ok("CE4"));
    let nonstall = vectors.entries()[1..]
        .iter()
        .map(|entry| entry.vectorNonStall.get());
    assert!(nonstall.into_iter().all(|vector| vector != NO_VECTOR));
    let (status, size) =
        bench.control(at, Control::NV2080_CE_GET_FAULT_METHOD_BUFFER_SIZE, &[0; 4]);
    assert_eq!((status, size), (0, 0x5000u32.to_le_bytes().to_vec()));
    let short = bench.control(at, cmd, &[0; 0x813]).0;
    assert_eq!(NvStatus(short), NvStatus::NV_ERR_INVALID_PARAM_STRUCT);
    let unknown = bench.control(at, Control(0x2080_ffff), &[]).0;
    assert_eq!(NvStatus(unknown), NvStatus::NV_ERR_NOT_SUPPORTED);
}

#[test]
fn who_asked_for_a_notification_is_told() {
    let mut bench = Bench::with_vaspace();
    let mut event = NV0005_ALLOC_PARAMETERS::new_zeroed();
    event.notifyIndex = (0x0400_0000 | 37).into();
    event.data = 77.into();
    let class = Class::NV01_EVENT_KERNEL_CALLBACK_EX;
    let made = bench
        .alloc((CLIENT, 7), SUBDEVICE, class, event.as_bytes())
        .0;
    assert_eq!(made, 0);
    assert!(bench.objects.notify(37, 0, 0).is_empty());
    let mut set = NV2080_CTRL_EVENT_SET_NOTIFICATION_PARAMS::new_zeroed();
    (set.event, set.action) = (37.into(), 1.into());
    let cmd = Control::NV2080_EVENT_SET_NOTIFICATION;
    let at = (CLIENT, SUBDEVICE);
    assert_eq!(bench.control(at, cmd, set.as_bytes()).0, 0);
    let told = bench.objects.notify(37, 0, 3);
    assert_eq!(
        (told.len(), told[0].hEvent.get(), told[0].data.get()),
        (1, 7, 77)
    );
    // It was for once.
    assert!(bench.objects.notify(37, 0, 0).is_empty());
    set.event = 4000.into();
    let status = bench.control(at, cmd, set.as_bytes()).0;
    assert_eq!(NvStatus(status), NvStatus::NV_ERR_INVALID_ARGUMENT);
}
