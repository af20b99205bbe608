// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channels, as RM makes them: checked parameters, an id in the runlist, the page directory in
//! the instance block.

use nova_spec::{
    host::{ramin, userd},
    rm::{
        channel::{
            ChannelFlags, ChannelInternalFlags, ADDR_FBMEM, ADDR_SYSMEM,
            ERROR_NOTIFIER_TYPE_MEMORY, NV_CHANNEL_ALLOC_PARAMS, NV_MEMORY_DESC_PARAMS,
        },
        NvStatus,
    },
};

use super::{
    params, tables,
    tree::{Kind, Object},
    vaspace::{write_page_directory, PageDirectory, VaSpace},
    Env, Objects,
};
use crate::gpu::{
    engines::{CopyEngine, CHANNELS},
    host::{ChannelId, ChannelParams, GroupId, Location},
    mmu::Aperture,
};

/// The first id that is for clients: RM has the others.
const FIRST_CHID: u32 = 1;
/// Bytes of where errors are noted.
const ERROR_NOTIFIER_SIZE: u64 = 16;
/// Most entries of a ring.
const MAX_GPFIFO_ENTRIES: u32 = 1 << 24;

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) id: ChannelId,
    /// The copy engine.
    pub(super) engine: u32,
    pub(super) params: NV_CHANNEL_ALLOC_PARAMS,
    /// Its address space.
    pub(super) vaspace: u32,
    /// Its group.
    pub(super) group: Option<u32>,
    pub(super) scheduled: bool,
    /// Stopped by a control, whatever its scheduling is.
    pub(super) disabled: bool,
}

impl Channel {
    /// Whether the host engine may run it.
    pub(super) fn runs(&self) -> bool {
        self.scheduled && !self.disabled
    }

    /// What the host engine is to know of it.
    fn host_params(&self, engine: &CopyEngine, group: GroupId, space: &VaSpace) -> ChannelParams {
        let flags = ChannelFlags::new_with_raw_value(self.params.flags.get());
        let internal = self.params.internalFlags.get();
        let internal = ChannelInternalFlags::new_with_raw_value(internal);
        let notes = internal.error_notifier_type() == ERROR_NOTIFIER_TYPE_MEMORY;
        ChannelParams {
            id: self.id,
            group,
            engine_type: engine.nv2080(),
            non_stall_vector: Some(engine.nonstall),
            gpfifo: self.params.gpFifoOffset.get(),
            gpfifo_entries: self.params.gpFifoEntries.get(),
            userd: location(&self.params.userdMem),
            instance: location(&self.params.instanceMem),
            page_directory: space.page_directory.map(PageDirectory::root),
            privileged: flags.privileged_channel(),
            deny_physical: flags.channel_deny_physical_mode_ce(),
            error_notifier: notes.then(|| location(&self.params.errorNotifierMem)),
        }
    }
}

impl Objects {
    /// Makes a channel; `params` get its id.
    pub(super) fn alloc_channel(
        &mut self,
        env: &mut Env<'_>,
        client: u32,
        handle: u32,
        parent: u32,
        bytes: &mut [u8],
    ) -> Result<(), NvStatus> {
        let wanted: NV_CHANNEL_ALLOC_PARAMS = params::read(bytes)?;
        let group = match self.tree.get(client, parent)?.kind {
            Kind::Group(group) => Some((parent, group)),
            _ => None,
        };
        let engine_type = match (wanted.engineType.get(), group) {
            (0, Some((_, group))) => group.engine_type,
            (engine_type, _) => engine_type,
        };
        let engine = self.engines.by_nv2080(engine_type).copied();
        let engine = engine.ok_or(NvStatus::NV_ERR_INVALID_ARGUMENT)?;
        if group.is_some_and(|(_, group)| !group.may_run_on(engine.nv2080())) {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        let vaspace = self.channel_vaspace(client, &wanted, group.and_then(|(_, g)| g.vaspace))?;
        check_memory(env, &wanted)?;
        let Kind::VaSpace(space) = self.tree.get(client, vaspace)?.kind else {
            return Err(NvStatus::NV_ERR_INVALID_OBJECT);
        };
        let id = self.free_id(engine.runlist, wanted.flags.get())?;
        let channel = Channel {
            id,
            engine: engine.index,
            params: wanted,
            vaspace,
            group: group.map(|(handle, _)| handle),
            scheduled: false,
            disabled: false,
        };
        let group = match group {
            Some((_, group)) => group.id,
            None => self.new_group_id(),
        };
        let for_host = channel.host_params(&engine, group, &space);
        Env::host_result(env.host.create(for_host))?;
        if space.page_directory.is_some() {
            write_page_directory(env, &wanted.instanceMem, space.page_directory);
        }
        let object = Object {
            parent,
            uses: Some(vaspace),
            kind: Kind::Channel(Box::new(channel)),
        };
        self.tree.add(client, handle, object)?;
        self.channels.insert(id, (client, handle));
        params::answer(bytes, |params: &mut NV_CHANNEL_ALLOC_PARAMS| {
            params.cid = u32::from(id.chid).into();
            Ok(())
        })
    }

    /// The address space: its own, or that of its context share or group.
    fn channel_vaspace(
        &self,
        client: u32,
        wanted: &NV_CHANNEL_ALLOC_PARAMS,
        group: Option<u32>,
    ) -> Result<u32, NvStatus> {
        let (own, share) = (wanted.hVASpace.get(), wanted.hContextShare.get());
        let vaspace = match (own, share, group) {
            (0, 0, group) => group.ok_or(NvStatus::NV_ERR_INVALID_ARGUMENT)?,
            (own, 0, None) => own,
            (own, 0, Some(group)) if own == group => own,
            (0, share, _) => match self.tree.get(client, share)? {
                Object {
                    kind: Kind::ContextShare,
                    uses: Some(vaspace),
                    ..
                } => *vaspace,
                _ => return Err(NvStatus::NV_ERR_INVALID_OBJECT),
            },
            _ => return Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        };
        Ok(vaspace)
    }

    /// The id asked for, or the lowest that is free.
    fn free_id(&self, runlist: u16, flags: u32) -> Result<ChannelId, NvStatus> {
        let free = |chid: u32| {
            let id = ChannelId {
                runlist,
                chid: u16::try_from(chid).ok()?,
            };
            let taken = self.channels.contains_key(&id) || chid < FIRST_CHID;
            (!taken && chid < CHANNELS).then_some(id)
        };
        let full = NvStatus::NV_ERR_INSUFFICIENT_RESOURCES;
        match ChannelFlags::new_with_raw_value(flags).chid() {
            Some(chid) => free(chid).ok_or(NvStatus::NV_ERR_IN_USE),
            None => (FIRST_CHID..CHANNELS).find_map(free).ok_or(full),
        }
    }
}

/// Where the host engine finds a part, whose memory was checked.
fn location(memory: &NV_MEMORY_DESC_PARAMS) -> Location {
    let aperture = match memory.addressSpace.get() {
        ADDR_FBMEM => Aperture::Vram,
        _ => Aperture::System,
    };
    let address = memory.base.get();
    Location { aperture, address }
}

/// Checks where a channel's parts are to be.
fn check_memory(env: &Env<'_>, wanted: &NV_CHANNEL_ALLOC_PARAMS) -> Result<(), NvStatus> {
    let entries = wanted.gpFifoEntries.get();
    if !entries.is_power_of_two() || entries > MAX_GPFIFO_ENTRIES {
        return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
    }
    if wanted.gpFifoOffset.get() % 8 != 0 {
        return Err(NvStatus::NV_ERR_INVALID_ADDRESS);
    }
    for (memory, size, align) in [
        (&wanted.instanceMem, ramin::SIZE, 4096),
        (&wanted.userdMem, userd::SIZE, userd::SIZE),
        (&wanted.ramfcMem, ramin::RAMFC_SIZE, userd::SIZE),
        (
            &wanted.mthdbufMem,
            u64::from(tables::METHOD_BUFFER_SIZE),
            4096,
        ),
    ] {
        check_part(env, memory, size, align)?;
    }
    let internal = ChannelInternalFlags::new_with_raw_value(wanted.internalFlags.get());
    match internal.error_notifier_type() == ERROR_NOTIFIER_TYPE_MEMORY {
        true => check_part(env, &wanted.errorNotifierMem, ERROR_NOTIFIER_SIZE, 16),
        false => Ok(()),
    }
}

fn check_part(
    env: &Env<'_>,
    memory: &NV_MEMORY_DESC_PARAMS,
    size: u64,
    align: u64,
) -> Result<(), NvStatus> {
    let base = memory.base.get();
    if memory.size.get() < size {
        return Err(NvStatus::NV_ERR_INVALID_LIMIT);
    }
    let fits = match memory.addressSpace.get() {
        ADDR_FBMEM => env.has_vram(base, size),
        ADDR_SYSMEM => base.checked_add(size).is_some(),
        _ => return Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
    };
    match fits && base % align == 0 {
        true => Ok(()),
        false => Err(NvStatus::NV_ERR_INVALID_ADDRESS),
    }
}
