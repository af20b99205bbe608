// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Groups of channels, and when channels run.

use nova_spec::rm::{
    control::{
        BindParams, GpfifoScheduleParams, NVA06C_CTRL_PREEMPT_PARAMS, PREEMPT_MAX_MANUAL_TIMEOUT_US,
    },
    scheduling::{
        InterleaveLevelParams, DISABLE_CHANNELS_MAX_ENTRIES, INTERLEAVE_LEVEL_HIGH,
        NV2080_CTRL_FIFO_DISABLE_CHANNELS_PARAMS, NVA06C_CTRL_TIMESLICE_PARAMS,
    },
    NvStatus,
};

use super::{
    channel::Channel,
    tree::{Address, Kind},
    Env, Objects,
};
use crate::gpu::host::{GroupId, GroupSettings, Interleave};

/// A group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// An `NV2080_ENGINE_TYPE`; 0 before the first bind.
    pub(super) engine_type: u32,
    /// The address space of its channels, if they share one.
    pub(super) vaspace: Option<u32>,
    /// The number that the host engine knows it by.
    pub(super) id: GroupId,
    settings: GroupSettings,
}

impl Group {
    pub(super) fn new(id: GroupId, engine_type: u32, vaspace: Option<u32>) -> Self {
        Self {
            engine_type,
            vaspace,
            id,
            settings: GroupSettings::default(),
        }
    }

    /// Whether a channel on that engine may be in it.
    pub(super) fn may_run_on(&self, engine_type: u32) -> bool {
        self.engine_type == 0 || self.engine_type == engine_type
    }
}

impl Objects {
    pub(super) fn channel_mut(&mut self, at: Address) -> Result<&mut Channel, NvStatus> {
        match &mut self.tree.get_mut(at.0, at.1)?.kind {
            Kind::Channel(channel) => Ok(channel),
            _ => Err(NvStatus::NV_ERR_INVALID_CHANNEL),
        }
    }

    pub(super) fn group_mut(&mut self, at: Address) -> Result<&mut Group, NvStatus> {
        match &mut self.tree.get_mut(at.0, at.1)?.kind {
            Kind::Group(group) => Ok(group),
            _ => Err(NvStatus::NV_ERR_INVALID_OBJECT),
        }
    }

    /// The channels of a group.
    fn members(&self, group: Address) -> Vec<Address> {
        let of_group = |address: &&Address| {
            address.0 == group.0
                && matches!(
                    self.tree.get(address.0, address.1).map(|object| &object.kind),
                    Ok(Kind::Channel(channel)) if channel.group == Some(group.1)
                )
        };
        self.channels.values().filter(of_group).copied().collect()
    }

    /// A channel has an engine from the start; binding it to another is an error.
    pub(super) fn bind_channel(&mut self, at: Address, bind: BindParams) -> Result<(), NvStatus> {
        let engine = self.engines.by_nv2080(bind.engineType.get()).copied();
        let engine = engine.ok_or(NvStatus::NV_ERR_INVALID_ARGUMENT)?;
        match self.channel_mut(at)?.id.runlist == engine.runlist {
            true => Ok(()),
            false => Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        }
    }

    pub(super) fn bind_group(&mut self, at: Address, bind: BindParams) -> Result<(), NvStatus> {
        let engine_type = bind.engineType.get();
        if self.engines.by_nv2080(engine_type).is_none() {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        let group = self.group_mut(at)?;
        if !group.may_run_on(engine_type) {
            return Err(NvStatus::NV_ERR_INVALID_STATE);
        }
        group.engine_type = engine_type;
        Ok(())
    }

    pub(super) fn schedule_channel(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        schedule: GpfifoScheduleParams,
    ) -> Result<(), NvStatus> {
        self.change_channel(env, at, |channel| channel.scheduled = schedule.bEnable != 0)
    }

    pub(super) fn schedule_group(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        schedule: GpfifoScheduleParams,
    ) -> Result<(), NvStatus> {
        self.group_mut(at)?;
        for channel in self.members(at) {
            self.schedule_channel(env, channel, schedule)?;
        }
        Ok(())
    }

    /// Takes a channel off its runlist: it is to be scheduled anew.
    pub(super) fn stop_channel(&mut self, env: &mut Env<'_>, at: Address) -> Result<(), NvStatus> {
        self.change_channel(env, at, |channel| channel.scheduled = false)
    }

    pub(super) fn disable_channels(
        &mut self,
        env: &mut Env<'_>,
        params: &NV2080_CTRL_FIFO_DISABLE_CHANNELS_PARAMS,
    ) -> Result<(), NvStatus> {
        let count = params.numChannels.get() as usize;
        if count > DISABLE_CHANNELS_MAX_ENTRIES {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        let handles = params.hClientList.iter().zip(&params.hChannelList);
        let handles: Vec<_> = handles
            .take(count)
            .map(|(c, h)| (c.get(), h.get()))
            .collect();
        // All are there, or nothing is done.
        for at in &handles {
            self.channel_mut(*at)?;
        }
        for at in handles {
            let disable = params.bDisable != 0;
            self.change_channel(env, at, |channel| channel.disabled = disable)?;
        }
        Ok(())
    }

    /// Changes a channel, and tells the host engine whether it runs now.
    fn change_channel(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        change: impl FnOnce(&mut Channel),
    ) -> Result<(), NvStatus> {
        let channel = self.channel_mut(at)?;
        let ran = channel.runs();
        change(channel);
        let (id, runs) = (channel.id, channel.runs());
        Env::host_result(match (ran, runs) {
            // Whichever control it was: a card that ignores one is reported to ignore them all.
            (true, false) => env.host.disable(id),
            (false, true) => env.host.schedule(id, true),
            _ => Ok(()),
        })
    }

    pub(super) fn set_timeslice(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        params: NVA06C_CTRL_TIMESLICE_PARAMS,
    ) -> Result<(), NvStatus> {
        let group = self.group_mut(at)?;
        if params.timesliceUs.get() == 0 {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        group.settings.timeslice_us = params.timesliceUs.get();
        env.host.set_group(group.id, group.settings);
        Ok(())
    }

    pub(super) fn timeslice(&mut self, at: Address) -> Result<u64, NvStatus> {
        Ok(self.group_mut(at)?.settings.timeslice_us)
    }

    pub(super) fn set_interleave(
        &mut self,
        env: &mut Env<'_>,
        at: Address,
        params: InterleaveLevelParams,
    ) -> Result<(), NvStatus> {
        let group = self.group_mut(at)?;
        group.settings.interleave = match params.level.get() {
            0 => Interleave::Low,
            1 => Interleave::Medium,
            INTERLEAVE_LEVEL_HIGH => Interleave::High,
            _ => return Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        };
        env.host.set_group(group.id, group.settings);
        Ok(())
    }

    pub(super) fn interleave(&mut self, at: Address) -> Result<u32, NvStatus> {
        Ok(self.group_mut(at)?.settings.interleave as u32)
    }

    /// Takes a group off its engine. It is off before the answer: the engine stops between two
    /// entries.
    pub(super) fn preempt(
        &mut self,
        env: &Env<'_>,
        at: Address,
        params: NVA06C_CTRL_PREEMPT_PARAMS,
    ) -> Result<(), NvStatus> {
        self.group_mut(at)?;
        let manual = params.bManualTimeout != 0;
        if manual && params.timeoutUs.get() > PREEMPT_MAX_MANUAL_TIMEOUT_US {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        env.host.quiesce();
        Ok(())
    }
}
