// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! RM's objects: what clients make, control and free. Handles, parents, classes and sizes are
//! checked as RM does, and numbers are bounded.
//!
//! | module | holds |
//! |---|---|
//! | `tree` | clients, handles, and what goes with what |
//! | `class` | making an object of each class |
//! | `control` | which control goes where |
//! | `tables` | what RM tells about engines and interrupts |
//! | `vaspace` | address spaces and their page directories |
//! | `channel` | channels: their parameters, ids, instance blocks |
//! | `scheduling` | groups, and when channels run |
//! | `event` | who is told of what |

mod channel;
mod class;
mod control;
mod event;
mod params;
mod scheduling;
mod tables;
mod tree;
mod vaspace;

use std::collections::BTreeMap;

use nova_spec::{
    rm::{
        memsys::{SetPageDirectory, UnsetPageDirectory},
        object::{Free, GspRmAlloc, GspRmControl},
        Class, Control, NvStatus,
    },
    rpc::RpcFunction,
};
use zerocopy::{FromBytes, IntoBytes};

use super::{static_info, Env};
use crate::gpu::{
    engines::Engines,
    host::{ChannelId, GroupId},
};
use tree::{Address, Kind, Object, Tree};

/// The objects, and what RM remembers beside them.
#[derive(Debug)]
pub(crate) struct Objects {
    engines: Engines,
    tree: Tree,
    /// Who has each channel id.
    channels: BTreeMap<ChannelId, Address>,
    /// The number of the next group.
    next_group: u32,
    /// Which notifications of the GPU are on, by index: once, or each time.
    notifications: BTreeMap<u32, bool>,
}

/// A call's answer: how it ended, and its payload.
pub(super) type Answer = (NvStatus, Vec<u8>);

impl Objects {
    pub(crate) fn new(engines: Engines) -> Self {
        let mut objects = Self {
            engines,
            tree: Tree::default(),
            channels: BTreeMap::new(),
            next_group: 0,
            notifications: BTreeMap::new(),
        };
        objects.add_internal();
        objects
    }

    /// RM's own client, through which drivers ask about the GPU.
    fn add_internal(&mut self) {
        let (client, device) = (static_info::INTERNAL_CLIENT, static_info::INTERNAL_DEVICE);
        let subdevice = static_info::INTERNAL_SUBDEVICE;
        let below = [
            (device, client, Kind::Device),
            (subdevice, device, Kind::Subdevice),
        ];
        // The tree is empty, so there is room, and nothing has these handles.
        let mut added = self.tree.add_client(client);
        for (handle, parent, kind) in below {
            let object = Object {
                parent,
                uses: None,
                kind,
            };
            added = added.and_then(|()| self.tree.add(client, handle, object));
        }
        debug_assert_eq!(added, Ok(()));
    }

    /// Answers a call about objects; none for a call about something else.
    pub(super) fn answer(
        &mut self,
        env: &mut Env<'_>,
        function: RpcFunction,
        payload: &[u8],
    ) -> Option<Answer> {
        Some(match function {
            RpcFunction::GSP_RM_ALLOC => self.answer_alloc(env, payload),
            RpcFunction::GSP_RM_CONTROL => self.answer_control(env, payload),
            RpcFunction::FREE => self.answer_free(env, payload),
            RpcFunction::SET_PAGE_DIRECTORY => {
                let status = match SetPageDirectory::read_from_bytes(payload) {
                    Ok(call) => {
                        let at = (call.hClient.get(), call.hDevice.get());
                        status(self.set_page_directory(env, at, &call.params))
                    }
                    Err(_) => NvStatus::NV_ERR_INVALID_PARAM_STRUCT,
                };
                (status, payload.to_vec())
            }
            RpcFunction::UNSET_PAGE_DIRECTORY => {
                let status = match UnsetPageDirectory::read_from_bytes(payload) {
                    Ok(call) => {
                        let at = (call.hClient.get(), call.hDevice.get());
                        status(self.unset_page_directory(env, at, &call.params))
                    }
                    Err(_) => NvStatus::NV_ERR_INVALID_PARAM_STRUCT,
                };
                (status, payload.to_vec())
            }
            _ => return None,
        })
    }

    /// The status is in the call; the call itself fails only when it cannot be read.
    fn answer_alloc(&mut self, env: &mut Env<'_>, payload: &[u8]) -> Answer {
        let Ok((header, params)) = GspRmAlloc::decode(payload) else {
            return (NvStatus::NV_ERR_INVALID_PARAM_STRUCT, Vec::new());
        };
        let (mut header, mut params) = (*header, params.to_vec());
        let result = self.alloc(env, &header, &mut params);
        trace_result(
            "alloc",
            header.hObject.get(),
            Class(header.hClass.get()),
            result,
        );
        header.status = status(result).0.into();
        (NvStatus::NV_OK, [header.as_bytes(), &params].concat())
    }

    fn answer_control(&mut self, env: &mut Env<'_>, payload: &[u8]) -> Answer {
        let Ok((header, params)) = GspRmControl::decode(payload) else {
            return (NvStatus::NV_ERR_INVALID_PARAM_STRUCT, Vec::new());
        };
        let (mut header, mut params) = (*header, params.to_vec());
        let at = (header.hClient.get(), header.hObject.get());
        let cmd = Control(header.cmd.get());
        let result = self.control(env, at, cmd, &mut params);
        trace_result("control", at.1, cmd, result);
        header.status = status(result).0.into();
        (NvStatus::NV_OK, [header.as_bytes(), &params].concat())
    }

    fn answer_free(&mut self, env: &mut Env<'_>, payload: &[u8]) -> Answer {
        let Ok(call) = Free::decode(payload) else {
            return (NvStatus::NV_ERR_INVALID_PARAM_STRUCT, Vec::new());
        };
        let mut call = *call;
        let at = (call.hRoot.get(), call.hObjectOld.get());
        let result = self.free(env, at);
        trace_result("free", at.1, Class(0), result);
        call.status = status(result).0.into();
        (NvStatus::NV_OK, call.as_bytes().to_vec())
    }

    /// Frees an object and what goes with it.
    fn free(&mut self, env: &mut Env<'_>, at: Address) -> Result<(), NvStatus> {
        if at.0 == static_info::INTERNAL_CLIENT {
            return Err(NvStatus::NV_ERR_INSUFFICIENT_PERMISSIONS);
        }
        for object in self.tree.remove(at.0, at.1)? {
            match object.kind {
                Kind::Channel(channel) => {
                    self.channels.remove(&channel.id);
                    Env::host_result(env.host.destroy(channel.id))?;
                }
                Kind::Group(group) => env.host.forget_group(group.id),
                _ => {}
            }
        }
        Ok(())
    }

    fn new_group_id(&mut self) -> GroupId {
        self.next_group = self.next_group.wrapping_add(1);
        GroupId(self.next_group)
    }
}

fn status(result: Result<(), NvStatus>) -> NvStatus {
    result.err().unwrap_or(NvStatus::NV_OK)
}

fn trace_result(
    what: &str,
    handle: u32,
    which: impl std::fmt::Display,
    result: Result<(), NvStatus>,
) {
    match result {
        Ok(()) => tracing::debug!("RM: {what} {handle:#x}, {which}"),
        Err(error) => tracing::warn!("RM: {what} {handle:#x}, {which}: {error}"),
    }
}

#[cfg(test)]
mod tests;
