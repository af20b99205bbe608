// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Owners: tenants, and the daemon itself.

use std::{
    ops::Range,
    sync::{Arc, Weak},
    time::Duration,
};

use nova_pci::{EventFd, Pci};
use parking_lot::Mutex;

use super::{budget::Share, Shared, Space, WorkError};
use crate::{
    channel::{self, Channel, ChannelParts, LiveChannels, RingPlace},
    error::Cause,
    event::{ChannelFault, OwnerEvents},
    mem::{Owner, SystemMemory, Usage, VideoMemory, VramError, VramRequest},
    queue::CopyQueue,
    rm::{Client, RmError},
};

/// What an owner has of the driver's.
pub(crate) struct OwnerParts<P: Pci> {
    pub(crate) client: Arc<Client<P>>,
    pub(crate) device: Arc<Shared<P>>,
    pub(crate) owner: Owner,
    pub(crate) events: Arc<OwnerEvents>,
    pub(crate) channels: Mutex<Vec<Weak<ChannelParts<P>>>>,
    pub(crate) live: Arc<LiveChannels>,
    _share: Share,
}

impl<P: Pci> OwnerParts<P> {
    /// A new owner, with an RM client of its own.
    pub(super) fn new(
        device: &Arc<Shared<P>>,
        owner: Owner,
        share: Share,
    ) -> Result<Arc<Self>, WorkError> {
        let client = Client::new(&device.rm, share.number(), owner.name())?;
        Self::with_client(device, owner, share, client)
    }

    /// The same, with a client that there is.
    pub(super) fn with_client(
        device: &Arc<Shared<P>>,
        owner: Owner,
        share: Share,
        client: Arc<Client<P>>,
    ) -> Result<Arc<Self>, WorkError> {
        let events = OwnerEvents::new().map_err(|error| Cause::Pci(error.into()))?;
        let parts = Arc::new(Self {
            client,
            device: device.clone(),
            owner,
            events: Arc::new(events),
            channels: Mutex::default(),
            live: Arc::default(),
            _share: share,
        });
        let mut owners = device.owners.lock();
        owners.retain(|owner| owner.strong_count() > 0);
        owners.push(Arc::downgrade(&parts));
        Ok(parts)
    }

    /// The channels that there are.
    pub(crate) fn live_channels(&self) -> Vec<Arc<ChannelParts<P>>> {
        let mut channels = self.channels.lock();
        channels.retain(|channel| channel.strong_count() > 0);
        channels.iter().filter_map(Weak::upgrade).collect()
    }
}

/// An owner: whoever memory, address spaces and channels are made for. Another owner reaches none
/// of it.
///
/// What was made for it lives as long as itself, whether this was dropped or not; the owner is gone
/// when all of that is.
pub struct OwnerHandle<P: Pci> {
    parts: Arc<OwnerParts<P>>,
}

impl<P: Pci> OwnerHandle<P> {
    pub(super) fn new(parts: Arc<OwnerParts<P>>) -> Self {
        Self { parts }
    }

    /// Who pays: limits and charges.
    pub fn owner(&self) -> &Owner {
        &self.parts.owner
    }

    /// VRAM, which reads as zeros. Where there is none, or the owner may not have more, what was
    /// given back is scrubbed first.
    ///
    /// # Errors
    /// When the owner may not have it, or it is not there.
    pub fn alloc_vram(&self, request: &VramRequest) -> Result<Arc<VideoMemory>, WorkError> {
        let (device, owner) = (&self.parts.device, &self.parts.owner);
        match device.memory.vram().alloc(owner, request) {
            Err(VramError::Exhausted { dirty, .. }) if dirty > 0 => {
                device.scrub()?;
                Ok(device.memory.vram().alloc(owner, request)?)
            }
            // What was given back is paid for until it is scrubbed.
            Err(error @ VramError::Quota(_)) => match device.scrub()? {
                0 => Err(error.into()),
                _ => Ok(device.memory.vram().alloc(owner, request)?),
            },
            result => Ok(result?),
        }
    }

    /// System memory of this process, zeroed, which the GPU reaches once it is mapped.
    ///
    /// # Errors
    /// When the owner may not have it, or it is not there.
    pub fn alloc_system(&self, len: u64) -> Result<Arc<SystemMemory<P::Mapping>>, WorkError> {
        let memory = &self.parts.device.memory;
        Ok(memory.alloc_system(&self.parts.owner, Usage::Buffer, len)?)
    }

    /// An empty address space in which the addresses of `range` can be mapped.
    ///
    /// # Errors
    /// When the owner may not have it, there is no VRAM for its tables, or RM says no.
    pub fn address_space(&self, range: Range<u64>) -> Result<Arc<Space<P>>, WorkError> {
        Ok(Arc::new(Space::new(&self.parts, range)?))
    }

    /// A channel of the copy engine `COPY{engine}`, with a ring in memory of the owner's that
    /// somebody else fills.
    ///
    /// # Errors
    /// When the owner may not have it, the ring is where none can be, or RM says no.
    pub fn channel(
        &self,
        space: &Arc<Space<P>>,
        engine: u32,
        ring: &RingPlace,
    ) -> Result<Channel<P>, WorkError> {
        let userd = ring.userd(&self.parts.owner)?;
        let wanted = channel::Wanted {
            space,
            engine,
            ring: (ring.va, ring.entries),
            userd,
            is_privileged: false,
        };
        Channel::new(&self.parts, &wanted)
    }

    /// A channel of the copy engine `COPY{engine}`, with a ring of its own, mapped in
    /// [`CopyQueue::LEN`] bytes at `va`.
    ///
    /// # Errors
    /// As of [`Self::channel`].
    pub fn copy_queue(
        &self,
        space: &Arc<Space<P>>,
        engine: u32,
        va: u64,
    ) -> Result<CopyQueue<P>, WorkError> {
        CopyQueue::new(&self.parts, space, engine, va, false)
    }

    /// Takes all channels of the owner off the GPU, for good, within `timeout` and the time that
    /// RM takes: those that are not off by then are destroyed. When this returns without an error,
    /// they touch no memory any more, and their fences have ended.
    ///
    /// # Errors
    /// When the card is lost. Then it touches no memory either.
    pub fn stop(&self, timeout: Duration) -> Result<(), RmError> {
        channel::stop(&self.parts, timeout)
    }

    /// Takes all channels of the owner off the GPU until [`Self::resume`]. Those that are not off
    /// within `timeout` are destroyed, as by [`Self::stop`].
    ///
    /// # Errors
    /// As of [`Self::stop`].
    pub fn pause(&self, timeout: Duration) -> Result<(), RmError> {
        channel::pause(&self.parts, timeout)
    }

    /// Lets the channels run again that [`Self::pause`] has taken off.
    ///
    /// # Errors
    /// When RM says no, or the card is lost.
    pub fn resume(&self) -> Result<(), RmError> {
        channel::resume(&self.parts.live_channels())
    }

    /// The channels that have ended since this was last asked, and why.
    pub fn take_faults(&self) -> Vec<ChannelFault> {
        self.parts.events.take()
    }

    /// Readable while [`Self::take_faults`] has something to tell.
    pub fn fault_event(&self) -> &EventFd {
        self.parts.events.event()
    }
}
