// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A channel as RM knows it: a group of its own, the channel in it, and the copy object in that.

use nova_pci::Pci;
use nova_spec::{
    host::{ramin, userd},
    rm::{
        alloc::{NVB0B5_ALLOCATION_PARAMETERS, NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS},
        channel::{
            ChannelFlags, ChannelInternalFlags, ChannelPrivilege, ADDR_FBMEM, ADDR_SYSMEM,
            ERROR_NOTIFIER_TYPE_NONE, NV_CHANNEL_ALLOC_PARAMS, NV_MEMORY_DESC_PARAMS,
        },
        control::{
            BindParams, GpfifoScheduleParams, WorkSubmitTokenParams, NVA06C_CTRL_PREEMPT_PARAMS,
            PREEMPT_MAX_MANUAL_TIMEOUT_US,
        },
        Class, Control,
    },
};
use zerocopy::FromZeros;

use crate::{
    device::{OwnerParts, WorkError, CHANNEL_CLASS, COPY_CLASS},
    rm::{handle, CopyEngine, Object, RmError},
};

/// Where everything of a channel is.
pub(super) struct Layout {
    pub(super) chid: u32,
    pub(super) engine: CopyEngine,
    /// RM's handle of the address space.
    pub(super) space: u32,
    pub(super) ring_va: u64,
    pub(super) ring_entries: u32,
    /// VRAM address of the instance block.
    pub(super) instance: u64,
    /// Bus address of USERD.
    pub(super) userd: u64,
    /// Bus address and bytes of the method buffer.
    pub(super) method_buffer: (u64, u64),
    pub(super) is_privileged: bool,
}

impl Layout {
    /// What the channel is made with; `None` when its id is out of bounds.
    fn params(&self) -> Option<NV_CHANNEL_ALLOC_PARAMS> {
        let (flags, privilege) = match self.is_privileged {
            true => (
                ChannelFlags::privileged(self.chid)?,
                ChannelPrivilege::ADMIN,
            ),
            false => (
                ChannelFlags::unprivileged(self.chid)?,
                ChannelPrivilege::USER,
            ),
        };
        let internal = ChannelInternalFlags::DEFAULT
            .with_privilege(privilege)
            .with_error_notifier_type(ERROR_NOTIFIER_TYPE_NONE)
            .with_ecc_error_notifier_type(ERROR_NOTIFIER_TYPE_NONE);
        let mut params = NV_CHANNEL_ALLOC_PARAMS::new_zeroed();
        params.gpFifoOffset = self.ring_va.into();
        params.gpFifoEntries = self.ring_entries.into();
        params.flags = flags.raw_value().into();
        params.internalFlags = internal.raw_value().into();
        params.hVASpace = self.space.into();
        params.engineType = self.engine.engine_type.into();
        params.instanceMem = video(self.instance, ramin::SIZE);
        params.ramfcMem = video(self.instance, ramin::RAMFC_SIZE);
        params.userdMem = system(self.userd, userd::SIZE);
        params.mthdbufMem = system(self.method_buffer.0, self.method_buffer.1);
        Some(params)
    }
}

fn video(base: u64, size: u64) -> NV_MEMORY_DESC_PARAMS {
    NV_MEMORY_DESC_PARAMS {
        base: base.into(),
        size: size.into(),
        addressSpace: ADDR_FBMEM.into(),
        cacheAttrib: 1.into(),
    }
}

fn system(base: u64, size: u64) -> NV_MEMORY_DESC_PARAMS {
    NV_MEMORY_DESC_PARAMS {
        base: base.into(),
        size: size.into(),
        addressSpace: ADDR_SYSMEM.into(),
        cacheAttrib: 0.into(),
    }
}

/// The objects, in the order in which they are freed.
pub(super) struct Objects<P: Pci> {
    copy: Object<P>,
    channel: Object<P>,
    group: Object<P>,
    /// What is written to the doorbell.
    pub(super) token: u32,
}

impl<P: Pci> Objects<P> {
    /// Makes and schedules them.
    pub(super) fn new(owner: &OwnerParts<P>, layout: &Layout) -> Result<Self, WorkError> {
        let params = layout.params().ok_or(WorkError::NoChannel)?;
        let engine_type = layout.engine.engine_type;
        let group = NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS::new(layout.space, engine_type);
        let class = Class::KEPLER_CHANNEL_GROUP_A;
        let group = owner.client.alloc(handle::DEVICE, class, &group)?;
        let channel = group.alloc(CHANNEL_CLASS, &params)?;
        let bind = BindParams {
            engineType: engine_type.into(),
        };
        channel.control(Control::NVA06F_BIND, &bind)?;
        let copy = NVB0B5_ALLOCATION_PARAMETERS {
            version: 1.into(),
            engineType: engine_type.into(),
        };
        let copy = channel.alloc(COPY_CLASS, &copy)?;
        let control = Control::NVC36F_GPFIFO_GET_WORK_SUBMIT_TOKEN;
        let token = channel.control(control, &WorkSubmitTokenParams::new_zeroed())?;
        let objects = Self {
            copy,
            channel,
            group,
            token: token.workSubmitToken.get(),
        };
        objects.schedule(true)?;
        Ok(objects)
    }

    /// Puts the group on its runlist, or takes it off.
    pub(super) fn schedule(&self, is_enabled: bool) -> Result<(), RmError> {
        let params = GpfifoScheduleParams {
            bEnable: is_enabled.into(),
            bSkipSubmit: 0,
        };
        let control = Control::NVA06C_GPFIFO_SCHEDULE;
        self.group.control(control, &params).map(drop)
    }

    /// Has RM take the group off the engine and wait for it.
    pub(super) fn preempt(&self, limit: std::time::Duration) -> Result<(), RmError> {
        let limit = limit.as_micros().min(PREEMPT_MAX_MANUAL_TIMEOUT_US.into());
        let params = NVA06C_CTRL_PREEMPT_PARAMS {
            bWait: 1,
            bManualTimeout: 1,
            padding: [0; 2],
            timeoutUs: (limit as u32).max(1).into(),
        };
        self.group
            .control(Control::NVA06C_PREEMPT, &params)
            .map(drop)
    }

    /// Frees them. An error says that RM may still have the channel.
    pub(super) fn free(&mut self) -> Result<(), RmError> {
        let copy = self.copy.free();
        let channel = self.channel.free();
        let group = self.group.free();
        // What is left of the copy object when the channel is gone matters to nobody.
        if let Err(error) = copy {
            tracing::debug!(%error, "a copy object was not freed by itself");
        }
        channel.and(group)
    }
}

#[cfg(test)]
#[path = "objects_tests.rs"]
mod tests;
