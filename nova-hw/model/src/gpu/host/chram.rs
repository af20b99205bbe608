// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channel RAM, as the registers of runlists show it: which channels can run, and which are at
//! it.

use nova_spec::host::ChramChannel;

use super::{ChannelId, Host};

impl Host {
    /// What the register of a channel reads; 0 where there is no channel.
    pub(crate) fn chram(&self, id: ChannelId) -> ChramChannel {
        let Some(channel) = self.channels.get(&id) else {
            return ChramChannel::DEFAULT;
        };
        let has_error = channel.error.is_some();
        ChramChannel::DEFAULT
            .with_enable(channel.scheduled && !has_error)
            .with_busy(channel.pending && !has_error)
            .with_eng_faulted(has_error)
            .with_on_eng(channel.in_flight)
            .with_pending(channel.pending)
    }
}
