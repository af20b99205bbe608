// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Encoding of answers.

use kernel_abi::virtio_nova::{
    Hdr, RespCtxCreate, RespGemChecksum, RespGemCreate, RespGetInfo, RespNegotiate,
    RespQueueCreate, RespVmCreate, Status, Wire,
};

/// Bytes of the longest answer.
pub const MAX_ANSWER: usize = Hdr::LEN + RespGetInfo::LEN;

/// What follows the header of a good answer.
pub(super) enum Reply {
    Nothing,
    Negotiate(RespNegotiate),
    CtxCreate(RespCtxCreate),
    GemCreate(RespGemCreate),
    GemChecksum(RespGemChecksum),
    GetInfo(RespGetInfo),
    VmCreate(RespVmCreate),
    QueueCreate(RespQueueCreate),
}

/// A whole answer.
pub(super) struct Answer {
    ctx_id: u32,
    reply: Result<Reply, Status>,
}

impl Answer {
    pub(super) fn new(ctx_id: u32, reply: Result<Reply, Status>) -> Self {
        Self { ctx_id, reply }
    }

    /// Encodes the answer and returns its length.
    pub(super) fn write(&self, to: &mut [u8; MAX_ANSWER]) -> usize {
        let status = match &self.reply {
            Ok(_) => Status::Ok,
            Err(status) => *status,
        };
        let hdr = Hdr {
            type_: status as u32,
            ctx_id: self.ctx_id,
            ..Hdr::default()
        };
        let room = to.len();
        // There is room for every answer, by the definition of MAX_ANSWER.
        let left = hdr.put(to).and_then(|rest| match &self.reply {
            Err(_) | Ok(Reply::Nothing) => Some(rest),
            Ok(Reply::Negotiate(body)) => body.put(rest),
            Ok(Reply::CtxCreate(body)) => body.put(rest),
            Ok(Reply::GemCreate(body)) => body.put(rest),
            Ok(Reply::GemChecksum(body)) => body.put(rest),
            Ok(Reply::GetInfo(body)) => body.put(rest),
            Ok(Reply::VmCreate(body)) => body.put(rest),
            Ok(Reply::QueueCreate(body)) => body.put(rest),
        });
        room - left.map_or(0, |left| left.len())
    }
}
