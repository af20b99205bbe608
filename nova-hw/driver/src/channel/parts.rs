// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A channel and all that it needs.

use std::sync::Arc;

use nova_pci::{EventFd, Pci};
use nova_spec::host::ChramChannel;
use parking_lot::Mutex;

use super::{
    instance,
    live::Live,
    objects::{Layout, Objects},
    place::{check_ring, Userd},
};
use crate::{
    device::{OwnerParts, Shared, Space, WorkError},
    error::Cause,
    event::{ChannelState, FaultReason},
    mem::{Charge, Resource, SystemMemory, Usage, VideoMemory},
    rm::{CopyEngine, RmError},
};

/// What a channel is to be.
pub(crate) struct Wanted<'a, P: Pci> {
    pub(crate) space: &'a Arc<Space<P>>,
    /// Which copy engine.
    pub(crate) engine: u32,
    /// The ring's virtual address and entries.
    pub(crate) ring: (u64, u32),
    pub(crate) userd: Userd,
    pub(crate) is_privileged: bool,
}

/// A channel. It is off the GPU, for good, before any of its memory is let go.
///
/// # Invariants
/// While `objects` is there, RM may run the channel. What it then reaches comes after it.
pub(crate) struct ChannelParts<P: Pci> {
    // The lock is held while they are freed: who finds none knows that RM has none.
    objects: Mutex<Option<(Objects<P>, Live)>>,
    pub(crate) state: Arc<ChannelState>,
    pub(crate) engine: CopyEngine,
    pub(crate) owner: Arc<OwnerParts<P>>,
    token: u32,
    /// Where its register in channel RAM is, if that is to be believed.
    pub(super) chram: Option<u32>,
    _instance: Arc<VideoMemory>,
    _method_buffer: Arc<SystemMemory<P::Mapping>>,
    _userd: Userd,
    _space: Arc<Space<P>>,
    _charges: [Charge; 2],
}

/// The channel's place in the table of all channels, until this is dropped.
struct Registered<'a, P: Pci> {
    owner: &'a OwnerParts<P>,
    state: Arc<ChannelState>,
    is_kept: bool,
}

impl<P: Pci> Drop for Registered<'_, P> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.owner.device.channels.remove(&self.state);
        }
    }
}

impl<P: Pci> ChannelParts<P> {
    pub(crate) fn new(
        owner: &Arc<OwnerParts<P>>,
        wanted: &Wanted<'_, P>,
    ) -> Result<Arc<Self>, WorkError> {
        let device = &owner.device;
        let (space, (ring_va, ring_entries)) = (wanted.space, wanted.ring);
        if *space.owner() != owner.owner {
            return Err(WorkError::Foreign {
                space: space.owner().name().into(),
                owner: owner.owner.name().into(),
            });
        }
        check_ring(ring_va, ring_entries)?;
        let (engine, signal) = device.copy_engine(wanted.engine)?;
        let one = |resource| owner.owner.charge(resource, Usage::Count, 1);
        let charges = [one(Resource::ChannelGroups)?, one(Resource::Channels)?];
        let memory = &device.memory;
        let size = device.engines.method_buffer;
        let method_buffer = memory.alloc_system(&owner.owner, Usage::MethodBuffer, size)?;
        let instance = instance::new(memory, &owner.owner, space.page_directory())?;
        let state = device.channels.add(signal, &owner.events);
        let mut registered = Registered {
            owner,
            state: state.ok_or(WorkError::NoChannel)?,
            is_kept: false,
        };
        let layout = Layout {
            chid: registered.state.chid,
            engine,
            space: space.handle(),
            ring_va,
            ring_entries,
            instance: instance.address(),
            userd: wanted.userd.address,
            method_buffer: (method_buffer.bus_address(), size),
            is_privileged: wanted.is_privileged,
        };
        // From here on until RM has freed it, whoever stops the owner waits for this one.
        let live = owner.live.enter();
        let objects = Objects::new(owner, &layout)?;
        let chram = believable_chram(device, &engine, layout.chid)?;
        registered.is_kept = true;
        let channel = Arc::new(Self {
            token: objects.token,
            chram,
            objects: Mutex::new(Some((objects, live))),
            state: registered.state.clone(),
            engine,
            owner: owner.clone(),
            _instance: instance,
            _method_buffer: method_buffer,
            _userd: wanted.userd.clone(),
            _space: space.clone(),
            _charges: charges,
        });
        owner.channels.lock().push(Arc::downgrade(&channel));
        // A device that was closed meanwhile has not seen this channel.
        owner.device.rm.check()?;
        Ok(channel)
    }

    /// Tells the host engine that there is something in the ring.
    pub(crate) fn ring_doorbell(&self) -> Result<(), Cause> {
        self.owner.device.ring_doorbell(self.token)
    }

    /// Does something with RM's objects, unless they are gone.
    pub(super) fn with_objects<T>(
        &self,
        what: impl FnOnce(&Objects<P>) -> Result<T, RmError>,
    ) -> Option<Result<T, RmError>> {
        self.objects
            .lock()
            .as_ref()
            .map(|(objects, _)| what(objects))
    }

    /// Whether RM may run it.
    pub(super) fn is_live(&self) -> bool {
        self.objects.lock().is_some()
    }

    /// Frees the channel: it is off the GPU then. Where RM does not say so, nobody knows what the
    /// channel still does, and the card is lost.
    pub(crate) fn destroy(&self, reason: FaultReason) -> Result<(), RmError> {
        let mut slot = self.objects.lock();
        let Some((objects, _)) = slot.as_mut() else {
            return Ok(());
        };
        let freed = match objects.free() {
            Err(RmError::Closed) => Ok(()),
            Err(error @ (RmError::Status { .. } | RmError::Answer { .. })) => {
                Err(self.owner.device.rm.lose(Cause::Rm(Box::new(error))))
            }
            result => result,
        };
        self.state.end(reason);
        *slot = None;
        freed
    }
}

/// Where a channel that was just scheduled has its register, if it reads as that: only then does it
/// say something that the channel does not run.
fn believable_chram<P: Pci>(
    device: &Shared<P>,
    engine: &CopyEngine,
    chid: u32,
) -> Result<Option<u32>, Cause> {
    let Some(offset) = engine.chram(chid) else {
        return Ok(None);
    };
    let registers = &device.card.registers;
    let value = registers.believe(offset, registers.read_offset(offset)?)?;
    Ok((ChramChannel::new_with_raw_value(value).enable() && !is_refusal(value)).then_some(offset))
}

/// What the bus between GPU and registers answers in place of one that may not be read.
fn is_refusal(value: u32) -> bool {
    value >> 16 == 0xbadf
}

impl<P: Pci> Drop for ChannelParts<P> {
    fn drop(&mut self) {
        // That the card is lost was logged.
        let _ = self.destroy(FaultReason::Stopped);
        self.owner.device.channels.remove(&self.state);
    }
}

/// A channel whose ring somebody else fills: a guest, which writes entries and `GP_PUT` itself.
/// Dropping it takes it off the GPU.
pub struct Channel<P: Pci> {
    parts: Arc<ChannelParts<P>>,
}

impl<P: Pci> Channel<P> {
    pub(crate) fn new(
        owner: &Arc<OwnerParts<P>>,
        wanted: &Wanted<'_, P>,
    ) -> Result<Self, WorkError> {
        let parts = ChannelParts::new(owner, wanted)?;
        Ok(Self { parts })
    }

    /// Its id on the card, which [`ChannelFault`](crate::ChannelFault) names.
    pub fn chid(&self) -> u32 {
        self.parts.state.chid
    }

    /// What has to be written to the doorbell (`NV_VIRTUAL_FUNCTION_DOORBELL`) when `GP_PUT` was
    /// changed.
    pub fn work_submit_token(&self) -> u32 {
        self.parts.token
    }

    /// Rings the doorbell: for whom nobody has given the page with the doorbell to. One too many
    /// does no harm.
    ///
    /// # Errors
    /// When the card cannot be reached.
    pub fn ring_doorbell(&self) -> Result<(), Cause> {
        self.parts.ring_doorbell()
    }

    /// `event` is told of each notification (`NON_STALL_INTERRUPT`) of the channel's *engine*, by
    /// whichever channel, and of the channel's end. One too many does no harm here either: whoever
    /// is woken looks at its own semaphores.
    pub fn set_notify(&self, event: Option<EventFd>) {
        self.parts.state.set_notify(event);
    }

    /// Why it has ended, if it has.
    pub fn fault(&self) -> Option<FaultReason> {
        self.parts.state.fault()
    }
}
