// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Taking channels off the GPU. RM is asked, and then the hardware is looked at: firmware is
//! reported that accepts to stop a channel and does not. Where nothing says that a channel is off,
//! it is destroyed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nova_pci::Pci;
use nova_spec::host::ChramChannel;

use super::ChannelParts;
use crate::{device::OwnerParts, event::FaultReason, rm::RmError, wait};

/// Takes an owner's channels off for good: those that are there, being made, and being freed.
pub(crate) fn stop<P: Pci>(owner: &OwnerParts<P>, timeout: Duration) -> Result<(), RmError> {
    let end = Instant::now() + timeout;
    loop {
        let channels = owner.live_channels();
        take_off(&channels, end)?;
        for channel in &channels {
            channel.destroy(FaultReason::Stopped)?;
        }
        if owner.live.at_most(0) {
            return Ok(());
        }
        owner.device.rm.check()?;
    }
}

/// Takes an owner's channels off. Those that do not go in time are destroyed.
pub(crate) fn pause<P: Pci>(owner: &OwnerParts<P>, timeout: Duration) -> Result<(), RmError> {
    let end = Instant::now() + timeout;
    loop {
        let channels = owner.live_channels();
        take_off(&channels, end)?;
        let paused = channels.iter().filter(|channel| channel.is_live()).count();
        // Others are being made, and are listed then, or freed.
        if owner.live.at_most(paused) {
            return Ok(());
        }
        owner.device.rm.check()?;
    }
}

fn take_off<P: Pci>(channels: &[Arc<ChannelParts<P>>], end: Instant) -> Result<(), RmError> {
    // All at once, so that they do not wait for each other.
    for channel in channels {
        let disabled = channel.with_objects(|objects| objects.schedule(false));
        unless_refused(disabled)?;
    }
    for channel in channels {
        if !is_off(channel, end)? {
            tracing::warn!(
                chid = channel.state.chid,
                "a channel does not stop and is destroyed"
            );
            channel.destroy(FaultReason::Stopped)?;
        }
    }
    Ok(())
}

/// Lets channels run again. One that RM does not let is destroyed.
pub(crate) fn resume<P: Pci>(channels: &[Arc<ChannelParts<P>>]) -> Result<(), RmError> {
    for channel in channels {
        if channel.state.fault().is_some() {
            continue;
        }
        let enabled = channel.with_objects(|objects| objects.schedule(true));
        if !unless_refused(enabled)? {
            channel.destroy(FaultReason::Stopped)?;
            continue;
        }
        // For what came meanwhile.
        if let Err(cause) = channel.ring_doorbell() {
            return Err(channel.owner.device.rm.lose(cause));
        }
    }
    Ok(())
}

/// Whether the channel gets off the GPU by then.
fn is_off<P: Pci>(channel: &ChannelParts<P>, end: Instant) -> Result<bool, RmError> {
    let left = end.saturating_duration_since(Instant::now());
    let preempted = channel.with_objects(|objects| objects.preempt(left));
    if preempted.is_none() {
        // It has been destroyed.
        return Ok(true);
    }
    let is_accepted = unless_refused(preempted)?;
    let Some(offset) = channel.chram else {
        return Ok(false);
    };
    let device = &channel.owner.device;
    let registers = &device.card.registers;
    // RM had its time; without it, this is a look and no wait.
    let left = match is_accepted {
        true => end.saturating_duration_since(Instant::now()),
        false => Duration::ZERO,
    };
    let off = wait::until(left, || {
        let value = registers.read_offset(offset)?;
        let value = registers.believe(offset, value)?;
        let register = ChramChannel::new_with_raw_value(value);
        Ok((!register.is_on()).then_some(()))
    });
    off.map(|off| off.is_some())
        .map_err(|cause| device.rm.lose(cause))
}

/// Whether RM did what it was asked. A card that is lost is an error.
fn unless_refused(result: Option<Result<(), RmError>>) -> Result<bool, RmError> {
    match result {
        Some(Err(RmError::Status { .. } | RmError::Answer { .. })) => Ok(false),
        Some(Err(RmError::Closed)) | None => Ok(true),
        Some(result) => result.map(|()| true),
    }
}
