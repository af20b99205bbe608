// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What GSP-RM tells unasked while it is up: errors of channels, and events of objects.

use nova_spec::{
    rm::event::{
        OsErrorLog, RcTriggered, NV2080_NOTIFIERS_RC_ERROR, ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT,
    },
    rpc::RpcFunction,
};
use zerocopy::{FromZeros, IntoBytes};

use super::{outgoing::Outgoing, Phase, Rm};

impl Rm {
    /// A channel had an error and is off: says so, with a line of text for the host's log.
    pub(crate) fn channel_error(&mut self, runlist: u32, error: &RcTriggered, text: &str) {
        if self.phase != Phase::Up {
            return;
        }
        let mut log = OsErrorLog::new_zeroed();
        log.exceptType = error.exceptType;
        log.runlistId = runlist.into();
        log.chid = error.chid;
        // The last byte stays NUL.
        for (place, byte) in log.errString.iter_mut().zip(text.bytes().take(255)) {
            *place = byte;
        }
        // A fault is in the fault buffer first.
        if error.exceptType.get() == ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT {
            self.post(Outgoing::event(RpcFunction::MMU_FAULT_QUEUED, Vec::new()));
        }
        self.post(Outgoing::event(
            RpcFunction::OS_ERROR_LOG,
            log.as_bytes().to_vec(),
        ));
        let payload = error.as_bytes().to_vec();
        self.post(Outgoing::event(RpcFunction::RC_TRIGGERED, payload));
        let (info32, info16) = (error.exceptType.get(), error.chid.get() as u16);
        self.notify(NV2080_NOTIFIERS_RC_ERROR, info32, info16);
    }

    /// The GPU notifies of something: whoever has an event for it is told.
    fn notify(&mut self, index: u32, info32: u32, info16: u16) {
        for event in self.objects.notify(index, info32, info16) {
            self.post(Outgoing::event(RpcFunction::POST_EVENT, event.encode(&[])));
        }
    }
}
