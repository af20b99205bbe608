// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Which control goes where. A control is of a kind of object, which its upper half names.

use nova_spec::rm::{
    control::{WorkSubmitTokenParams, NV90F1_CTRL_VASPACE_COPY_SERVER_RESERVED_PDES_PARAMS},
    fifo::{
        NV2080_CTRL_CE_GET_FAULT_METHOD_BUFFER_SIZE_PARAMS,
        NV2080_CTRL_GPU_GET_CONSTRUCTED_FALCON_INFO_PARAMS,
        NV2080_CTRL_GPU_GET_FERMI_GPC_INFO_PARAMS, NV2080_CTRL_GPU_GET_FERMI_TPC_INFO_PARAMS,
    },
    scheduling::{
        InterleaveLevelParams, NVA06C_CTRL_TIMESLICE_PARAMS, NVA06F_CTRL_STOP_CHANNEL_PARAMS,
    },
    Control, NvStatus,
};
use zerocopy::FromZeros;

use super::{
    params, tables,
    tree::{Address, Kind},
    Env, Objects,
};

/// What RM answers to a control that an object does not have.
const UNKNOWN: NvStatus = NvStatus::NV_ERR_NOT_SUPPORTED;

impl Objects {
    /// Controls an object; the parameters get what RM fills in.
    pub(super) fn control(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        cmd: Control,
        bytes: &mut [u8],
    ) -> Result<(), NvStatus> {
        match (&self.tree.get(at.0, at.1)?.kind, cmd.0 >> 16) {
            (Kind::Subdevice, 0x2080) => self.control_subdevice(env, cmd, bytes),
            (Kind::Device, 0x0080) => self.control_device(env, at, cmd, bytes),
            (Kind::VaSpace(_), 0x90f1) => self.control_vaspace(cmd, bytes),
            (Kind::Group(_), 0xa06c) => self.control_group(env, at, cmd, bytes),
            (Kind::Channel(_), 0xa06f | 0xc36f) => self.control_channel(env, at, cmd, bytes),
            _ => Err(UNKNOWN),
        }
    }

    fn control_subdevice(
        &mut self,
        env: &mut Env<'_>,
        cmd: Control,
        bytes: &mut [u8],
    ) -> Result<(), NvStatus> {
        match cmd {
            // There is no graphics engine, so there are no GPCs.
            Control::NV2080_GPU_GET_FERMI_GPC_INFO => params::answer(
                bytes,
                |params: &mut NV2080_CTRL_GPU_GET_FERMI_GPC_INFO_PARAMS| {
                    params.gpcMask = 0.into();
                    Ok(())
                },
            ),
            Control::NV2080_GPU_GET_FERMI_TPC_INFO => {
                params::read::<NV2080_CTRL_GPU_GET_FERMI_TPC_INFO_PARAMS>(bytes)?;
                Err(NvStatus::NV_ERR_INVALID_ARGUMENT)
            }
            Control::NV2080_GPU_GET_CONSTRUCTED_FALCON_INFO => params::answer(
                bytes,
                |params: &mut NV2080_CTRL_GPU_GET_CONSTRUCTED_FALCON_INFO_PARAMS| {
                    *params = FromZeros::new_zeroed();
                    Ok(())
                },
            ),
            Control::NV2080_INTERNAL_MEMSYS_GET_STATIC_CONFIG => params::answer(bytes, |params| {
                tables::memsys(params);
                Ok(())
            }),
            Control::NV2080_INTERNAL_INTR_GET_KERNEL_TABLE => params::answer(bytes, |params| {
                tables::interrupts(&self.engines, params);
                Ok(())
            }),
            Control::NV2080_FIFO_GET_DEVICE_INFO_TABLE => {
                params::answer(bytes, |params| tables::devices(&self.engines, params))
            }
            Control::NV2080_CE_GET_FAULT_METHOD_BUFFER_SIZE => params::answer(
                bytes,
                |params: &mut NV2080_CTRL_CE_GET_FAULT_METHOD_BUFFER_SIZE_PARAMS| {
                    params.size = tables::METHOD_BUFFER_SIZE.into();
                    Ok(())
                },
            ),
            Control::NV2080_EVENT_SET_NOTIFICATION => self.set_notification(&params::read(bytes)?),
            Control::NV2080_FIFO_DISABLE_CHANNELS => {
                self.disable_channels(env, &params::read(bytes)?)
            }
            _ => Err(UNKNOWN),
        }
    }

    fn control_device(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        cmd: Control,
        bytes: &[u8],
    ) -> Result<(), NvStatus> {
        match cmd {
            Control::NV0080_DMA_SET_PAGE_DIRECTORY => {
                self.set_page_directory(env, at, &params::read(bytes)?)
            }
            Control::NV0080_DMA_UNSET_PAGE_DIRECTORY => {
                self.unset_page_directory(env, at, &params::read(bytes)?)
            }
            _ => Err(UNKNOWN),
        }
    }

    /// RM would map its own buffers in the part of the address space that it is given; here it
    /// has none.
    fn control_vaspace(&mut self, cmd: Control, bytes: &[u8]) -> Result<(), NvStatus> {
        if cmd != Control::NV90F1_VASPACE_COPY_SERVER_RESERVED_PDES {
            return Err(UNKNOWN);
        }
        let wanted: NV90F1_CTRL_VASPACE_COPY_SERVER_RESERVED_PDES_PARAMS = params::read(bytes)?;
        let levels = wanted.numLevelsToCopy.get() as usize;
        let range = wanted.virtAddrLo.get() < wanted.virtAddrHi.get();
        match range && (1..=wanted.levels.len()).contains(&levels) {
            true => Ok(()),
            false => Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        }
    }

    fn control_group(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        cmd: Control,
        bytes: &mut [u8],
    ) -> Result<(), NvStatus> {
        match cmd {
            Control::NVA06C_GPFIFO_SCHEDULE => self.schedule_group(env, at, params::read(bytes)?),
            Control::NVA06C_BIND => self.bind_group(at, params::read(bytes)?),
            Control::NVA06C_SET_TIMESLICE => self.set_timeslice(env, at, params::read(bytes)?),
            Control::NVA06C_GET_TIMESLICE => {
                let timeslice = self.timeslice(at)?;
                params::answer(bytes, |params: &mut NVA06C_CTRL_TIMESLICE_PARAMS| {
                    params.timesliceUs = timeslice.into();
                    Ok(())
                })
            }
            Control::NVA06C_PREEMPT => self.preempt(env, at, params::read(bytes)?),
            Control::NVA06C_SET_INTERLEAVE_LEVEL => {
                self.set_interleave(env, at, params::read(bytes)?)
            }
            Control::NVA06C_GET_INTERLEAVE_LEVEL => {
                let level = self.interleave(at)?;
                params::answer(bytes, |params: &mut InterleaveLevelParams| {
                    params.level = level.into();
                    Ok(())
                })
            }
            _ => Err(UNKNOWN),
        }
    }

    fn control_channel(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        cmd: Control,
        bytes: &mut [u8],
    ) -> Result<(), NvStatus> {
        match cmd {
            Control::NVA06F_GPFIFO_SCHEDULE => self.schedule_channel(env, at, params::read(bytes)?),
            Control::NVA06F_BIND => self.bind_channel(at, params::read(bytes)?),
            Control::NVA06F_STOP_CHANNEL => {
                params::read::<NVA06F_CTRL_STOP_CHANNEL_PARAMS>(bytes)?;
                self.stop_channel(env, at)
            }
            Control::NVC36F_GPFIFO_GET_WORK_SUBMIT_TOKEN => {
                let token = self.channel_mut(at)?.id.token();
                params::answer(bytes, |params: &mut WorkSubmitTokenParams| {
                    params.workSubmitToken = token.into();
                    Ok(())
                })
            }
            _ => Err(UNKNOWN),
        }
    }
}
