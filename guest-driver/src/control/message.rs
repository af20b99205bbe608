// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Requests and answers as bytes, and the request that takes another one back.

use super::token::{Token, Undo};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{
        code::{EBUSY, EFAULT, EINVAL, EIO, ENODEV, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP, EPROTO},
        Error, Result,
    },
    virtio::Request,
    virtio_nova::{self as wire, Hdr, Status, Wire},
};

/// Makes the request that takes back what `request` created, in its own memory so that it cannot fail.
pub(super) fn rewrite_as_undo(request: &mut KBox<Request<Token>>) -> bool {
    let undo = core::mem::replace(&mut request.context.undo, Undo::Nothing);
    let (command, ctx_id, handle) = match undo {
        Undo::Nothing => return false,
        Undo::DestroyVm | Undo::DestroyQueue => return rewrite_as_destroy(request, undo),
        Undo::DestroyContext => match decode::<wire::RespCtxCreate>(request) {
            Ok(created) => (wire::CMD_CTX_DESTROY, created.ctx_id, None),
            Err(_) => return false,
        },
        Undo::CloseHandle => match decode::<wire::RespGemCreate>(request) {
            Ok(created) => (
                wire::CMD_GEM_CLOSE,
                Hdr::decode(request.readable()).map_or(0, |hdr| hdr.ctx_id),
                Some(created.handle),
            ),
            Err(_) => return false,
        },
    };
    let hdr = header(command, ctx_id);
    let message = request.readable_mut();
    // Both undo messages are shorter than what they undo.
    match handle {
        None => message.truncate(Hdr::LEN),
        Some(_) => message.truncate(Hdr::LEN + wire::GemClose::LEN),
    }
    let rest = hdr.put(message);
    if let (Some(handle), Some(rest)) = (handle, rest) {
        let close = wire::GemClose { handle, padding: 0 };
        return close.put(rest).is_some();
    }
    true
}

/// As above, for what has a slot.
fn rewrite_as_destroy(request: &mut KBox<Request<Token>>, undo: Undo) -> bool {
    // Both answers, and both requests, have one layout.
    let Ok(created) = decode::<wire::RespVmCreate>(request) else {
        return false;
    };
    let Some(slot) = &mut request.context.keep.slot else {
        return false;
    };
    let destroy = wire::VmDestroy {
        vm: created.vm,
        padding: 0,
        seqno: slot.end(),
    };
    let command = match undo {
        Undo::DestroyQueue => wire::CMD_QUEUE_DESTROY,
        _ => wire::CMD_VM_DESTROY,
    };
    let ctx_id = Hdr::decode(request.readable()).map_or(0, |hdr| hdr.ctx_id);
    // There is room.
    encode_to(request.readable_mut(), command, ctx_id, &destroy, &[]).is_ok()
}

pub(super) fn header(command: u32, ctx_id: u32) -> Hdr {
    Hdr {
        type_: command,
        ctx_id,
        ..Hdr::default()
    }
}

pub(super) fn encode<B: Wire>(
    command: u32,
    ctx_id: u32,
    body: &B,
    entries: &[wire::MemEntry],
) -> Result<KVec<u8>> {
    // What takes it back may be longer, and is written in the same memory.
    let mut message = KVec::with_capacity(Hdr::LEN + wire::VmDestroy::LEN, GFP_KERNEL)?;
    encode_to(&mut message, command, ctx_id, body, entries)?;
    Ok(message)
}

pub(super) fn encode_to<B: Wire>(
    message: &mut KVec<u8>,
    command: u32,
    ctx_id: u32,
    body: &B,
    entries: &[wire::MemEntry],
) -> Result {
    let len = Hdr::LEN + B::LEN + size_of_val(entries);
    message.resize(len, 0, GFP_KERNEL)?;
    let mut rest = header(command, ctx_id).put(message).ok_or(EINVAL)?;
    rest = body.put(rest).ok_or(EINVAL)?;
    for entry in entries {
        rest = entry.put(rest).ok_or(EINVAL)?;
    }
    Ok(())
}

/// What follows the header of a good answer, or the error that it carries.
pub(super) fn decode<R: Wire>(request: &Request<Token>) -> Result<R> {
    let answer = request
        .writable()
        .get(..request.context.used)
        .unwrap_or_default();
    let (hdr, rest) = Hdr::take(answer).ok_or(EIO)?;
    match Status::from_raw(hdr.type_) {
        Some(Status::Ok) => R::decode(rest).ok_or(EIO),
        Some(status) => Err(errno(status)),
        None => Err(EIO),
    }
}

/// The errno of a status (docs/virtio-nova.md, section 6.2).
fn errno(status: Status) -> Error {
    match status {
        Status::ErrInvalidCommand => EOPNOTSUPP,
        Status::ErrInvalidParameter => EINVAL,
        Status::ErrInvalidContext | Status::ErrInvalidHandle => ENOENT,
        Status::ErrInvalidAddress => EFAULT,
        Status::ErrOutOfMemory => ENOMEM,
        Status::ErrLimit => ENOSPC,
        Status::ErrVersion | Status::ErrNotNegotiated => EPROTO,
        Status::ErrDeviceLost | Status::ErrLost => ENODEV,
        Status::ErrBusy => EBUSY,
        Status::Ok | Status::ErrUnspec | Status::ErrInvalidChain | Status::ErrInvalidLength => EIO,
    }
}
