// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Making an object of each class: which parents it may have, and what it is made with.

use nova_spec::rm::{
    alloc::{
        NV0000_ALLOC_PARAMETERS, NV0005_ALLOC_PARAMETERS, NV0080_ALLOC_PARAMETERS,
        NV2080_ALLOC_PARAMETERS, NVB0B5_ALLOCATION_PARAMETERS,
        NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS, NV_VASPACE_ALLOCATION_PARAMETERS,
    },
    event::{NOTIFY_INDEX_MASK, NV2080_NOTIFIERS_MAXCOUNT},
    object::GspRmAlloc,
    scheduling::NV_CTXSHARE_ALLOCATION_PARAMETERS,
    Class, NvStatus,
};

use super::{
    event::Event,
    params,
    scheduling::Group,
    tree::{Kind, Object},
    vaspace::VaSpace,
    Env, Objects,
};

/// The version of a copy engine's parameters in which the engine is an `NV2080_ENGINE_TYPE`.
const CE_VERSION: u32 = 1;
/// Bytes that a user-mode page may be made with: whether it is in BAR1, and privileged.
const USERMODE_PARAMS: usize = 2;

impl Objects {
    /// Makes an object; its parameters get what RM fills in.
    pub(super) fn alloc(
        &mut self,
        env: &mut Env<'_>,
        header: &GspRmAlloc,
        bytes: &mut [u8],
    ) -> Result<(), NvStatus> {
        let (client, handle) = (header.hClient.get(), header.hObject.get());
        let (parent, class) = (header.hParent.get(), Class(header.hClass.get()));
        if class == Class::NV01_ROOT {
            return self.alloc_client(client, handle, parent, bytes);
        }
        self.tree.check_new(client, handle, parent)?;
        let parents: fn(&Kind) -> bool = match class {
            Class::NV01_DEVICE_0 => |kind| matches!(kind, Kind::Client),
            Class::NV20_SUBDEVICE_0 | Class::FERMI_VASPACE_A | Class::KEPLER_CHANNEL_GROUP_A => {
                |kind| matches!(kind, Kind::Device)
            }
            Class::FERMI_CONTEXT_SHARE_A => |kind| matches!(kind, Kind::Group(_)),
            Class::AMPERE_CHANNEL_GPFIFO_A => |kind| matches!(kind, Kind::Device | Kind::Group(_)),
            Class::AMPERE_DMA_COPY_B => |kind| matches!(kind, Kind::Channel(_)),
            Class::TURING_USERMODE_A | Class::AMPERE_USERMODE_A => {
                |kind| matches!(kind, Kind::Subdevice)
            }
            Class::NV01_EVENT_KERNEL_CALLBACK_EX => |kind| !matches!(kind, Kind::Event(_)),
            _ => return Err(NvStatus::NV_ERR_INVALID_CLASS),
        };
        if !parents(&self.tree.get(client, parent)?.kind) {
            return Err(NvStatus::NV_ERR_INVALID_OBJECT_PARENT);
        }
        if class == Class::AMPERE_CHANNEL_GPFIFO_A {
            return self.alloc_channel(env, client, handle, parent, bytes);
        }
        let (kind, uses) = self.make(client, parent, class, bytes)?;
        let object = Object { parent, uses, kind };
        self.tree.add(client, handle, object)
    }

    /// A client names itself, in the header and in its parameters.
    fn alloc_client(
        &mut self,
        client: u32,
        handle: u32,
        parent: u32,
        bytes: &[u8],
    ) -> Result<(), NvStatus> {
        let named = params::read_optional::<NV0000_ALLOC_PARAMETERS>(bytes)?;
        let named = named.map_or(client, |named| named.hClient.get());
        if [handle, parent]
            .iter()
            .any(|name| ![0, client].contains(name))
            || named != client
        {
            return Err(NvStatus::NV_ERR_INVALID_CLIENT);
        }
        self.tree.add_client(client)
    }

    /// What an object is, and which other it uses.
    fn make(
        &mut self,
        client: u32,
        parent: u32,
        class: Class,
        bytes: &mut [u8],
    ) -> Result<(Kind, Option<u32>), NvStatus> {
        Ok(match class {
            Class::NV01_DEVICE_0 => {
                let wanted = params::read_optional::<NV0080_ALLOC_PARAMETERS>(bytes)?;
                if wanted.is_some_and(|wanted| wanted.deviceId.get() != 0) {
                    return Err(NvStatus::NV_ERR_INVALID_DEVICE);
                }
                (Kind::Device, None)
            }
            Class::NV20_SUBDEVICE_0 => {
                let wanted = params::read_optional::<NV2080_ALLOC_PARAMETERS>(bytes)?;
                if wanted.is_some_and(|wanted| wanted.subDeviceId.get() != 0) {
                    return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
                }
                (Kind::Subdevice, None)
            }
            Class::FERMI_VASPACE_A => {
                let wanted: NV_VASPACE_ALLOCATION_PARAMETERS = params::read(bytes)?;
                // There is no address space that RM shares.
                if wanted.index.get() != 0 {
                    return Err(NvStatus::NV_ERR_NOT_SUPPORTED);
                }
                (Kind::VaSpace(VaSpace::default()), None)
            }
            Class::KEPLER_CHANNEL_GROUP_A => {
                let wanted: NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS = params::read(bytes)?;
                let engine_type = wanted.engineType.get();
                if engine_type != 0 && self.engines.by_nv2080(engine_type).is_none() {
                    return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
                }
                let vaspace = self.optional_vaspace(client, wanted.hVASpace.get())?;
                let id = self.new_group_id();
                (Kind::Group(Group::new(id, engine_type, vaspace)), vaspace)
            }
            Class::FERMI_CONTEXT_SHARE_A => {
                let wanted: NV_CTXSHARE_ALLOCATION_PARAMETERS = params::read(bytes)?;
                let vaspace = self.optional_vaspace(client, wanted.hVASpace.get())?;
                let vaspace = vaspace.ok_or(NvStatus::NV_ERR_INVALID_ARGUMENT)?;
                let subcontext = self.shares(client, parent)?;
                params::answer(bytes, |params: &mut NV_CTXSHARE_ALLOCATION_PARAMETERS| {
                    params.subctxId = subcontext.into();
                    Ok(())
                })?;
                (Kind::ContextShare, Some(vaspace))
            }
            Class::AMPERE_DMA_COPY_B => {
                self.check_copy_engine(client, parent, params::read(bytes)?)?;
                (Kind::CopyEngine, None)
            }
            Class::NV01_EVENT_KERNEL_CALLBACK_EX => {
                let event = self.make_event(client, parent, params::read(bytes)?)?;
                (Kind::Event(event), None)
            }
            _ => {
                params::read_optional::<[u8; USERMODE_PARAMS]>(bytes)?;
                (Kind::Usermode, None)
            }
        })
    }

    fn optional_vaspace(&self, client: u32, handle: u32) -> Result<Option<u32>, NvStatus> {
        if handle == 0 {
            return Ok(None);
        }
        match self.tree.get(client, handle)?.kind {
            Kind::VaSpace(_) => Ok(Some(handle)),
            _ => Err(NvStatus::NV_ERR_INVALID_OBJECT),
        }
    }

    /// How many context shares a group has.
    fn shares(&self, client: u32, group: u32) -> Result<u32, NvStatus> {
        let objects = self.tree.objects(client)?.values();
        let shares = objects
            .filter(|object| object.parent == group && matches!(object.kind, Kind::ContextShare));
        Ok(shares.count() as u32)
    }

    /// The engine must be the one that the channel is on.
    fn check_copy_engine(
        &mut self,
        client: u32,
        channel: u32,
        wanted: NVB0B5_ALLOCATION_PARAMETERS,
    ) -> Result<(), NvStatus> {
        let engine = self.engines.by_nv2080(wanted.engineType.get()).copied();
        let index = self.channel_mut((client, channel))?.engine;
        let same = engine.is_some_and(|engine| engine.index == index);
        match wanted.version.get() == CE_VERSION && same {
            true => Ok(()),
            false => Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        }
    }

    fn make_event(
        &self,
        client: u32,
        parent: u32,
        wanted: NV0005_ALLOC_PARAMETERS,
    ) -> Result<Event, NvStatus> {
        let source = match wanted.hSrcResource.get() {
            0 => parent,
            source => source,
        };
        self.tree.get(client, source)?;
        let index = wanted.notifyIndex.get() & NOTIFY_INDEX_MASK;
        if index >= NV2080_NOTIFIERS_MAXCOUNT {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        Ok(Event {
            index,
            data: wanted.data.get(),
        })
    }
}
