// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Events: who is told of the GPU's notifications.

use nova_spec::rm::{
    control::NV2080_CTRL_EVENT_SET_NOTIFICATION_PARAMS,
    event::{PostEvent, NV2080_NOTIFIERS_MAXCOUNT},
    NvStatus,
};

use super::{tree::Kind, Objects};

/// An event object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// Which notification it is for.
    pub(super) index: u32,
    /// Comes back with it.
    pub(super) data: u64,
}

/// Actions of a control.
const ACTION_DISABLE: u32 = 0;
const ACTION_SINGLE: u32 = 1;
const ACTION_REPEAT: u32 = 2;

impl Objects {
    pub(super) fn set_notification(
        &mut self,
        params: &NV2080_CTRL_EVENT_SET_NOTIFICATION_PARAMS,
    ) -> Result<(), NvStatus> {
        let index = params.event.get();
        if index >= NV2080_NOTIFIERS_MAXCOUNT {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        match params.action.get() {
            ACTION_DISABLE => self.notifications.remove(&index),
            ACTION_SINGLE => self.notifications.insert(index, false),
            ACTION_REPEAT => self.notifications.insert(index, true),
            _ => return Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        };
        Ok(())
    }

    /// What is to be posted when the GPU notifies of something.
    pub(crate) fn notify(&mut self, index: u32, info32: u32, info16: u16) -> Vec<PostEvent> {
        match self.notifications.get(&index) {
            None => return Vec::new(),
            Some(true) => {}
            Some(false) => drop(self.notifications.remove(&index)),
        }
        let events = self
            .tree
            .iter()
            .filter_map(|(at, object)| match object.kind {
                Kind::Event(event) if event.index == index => Some((at, event)),
                _ => None,
            });
        events
            .map(|((client, handle), event)| PostEvent {
                hClient: client.into(),
                hEvent: handle.into(),
                notifyIndex: index.into(),
                data: match info32 {
                    0 => (event.data as u32).into(),
                    info32 => info32.into(),
                },
                info16: info16.into(),
                padding: 0.into(),
                status: 0.into(),
                eventDataSize: 0.into(),
                bNotifyList: 0,
            })
            .collect()
    }
}
