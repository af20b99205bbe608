// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Whole messages, with descriptors, over a UNIX stream socket.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    io::Errno,
    net::{
        recv, recvmsg, sendmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags,
        SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    },
};
use zerocopy::{FromZeros, IntoBytes};

use super::message::{Header, HEADER, MAX_FDS};

/// Sends the parts as one message. Descriptors go with its first byte.
pub(crate) fn send(stream: &UnixStream, parts: &[&[u8]], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let mut sent = 0;
    while sent < total {
        let mut slices = [IoSlice::new(&[]); 4];
        let used = rest(parts, sent, &mut slices);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let first = sent == 0 && !fds.is_empty();
        if first && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let slices = slices.get(..used).unwrap_or_default();
        match sendmsg(stream, slices, &mut control, SendFlags::NOSIGNAL) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => sent += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// What is left of `parts` after `skip` bytes; returns how many of `slices` it takes.
fn rest<'a>(parts: &[&'a [u8]], mut skip: usize, slices: &mut [IoSlice<'a>]) -> usize {
    let mut used = 0;
    for part in parts {
        let (left, skipped) = (part.get(skip..), skip.min(part.len()));
        skip -= skipped;
        if let (Some(left), Some(slot)) =
            (left.filter(|left| !left.is_empty()), slices.get_mut(used))
        {
            *slot = IoSlice::new(left);
            used += 1;
        }
    }
    used
}

/// Receives a header, and the descriptors of its message. `None` is the end of the connection
/// between messages; within one it is [`io::ErrorKind::UnexpectedEof`].
pub(crate) fn recv_header(stream: &UnixStream) -> io::Result<Option<(Header, Vec<OwnedFd>)>> {
    let mut header = Header::new_zeroed();
    let mut fds = Vec::new();
    let mut got = 0;
    while got < HEADER {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let bytes = header.as_mut_bytes().get_mut(got..).unwrap_or_default();
        let received = recvmsg(
            stream,
            &mut [IoSliceMut::new(bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        match received {
            Ok(message) if message.bytes == 0 && got == 0 => return Ok(None),
            Ok(message) if message.bytes == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(message) => got += message.bytes,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if fds.len() > MAX_FDS {
            return Err(io::Error::other("more descriptors than a message may have"));
        }
    }
    Ok(Some((header, fds)))
}

/// Receives bytes behind a header.
pub(crate) fn recv_exact(stream: &UnixStream, data: &mut [u8]) -> io::Result<()> {
    let mut got = 0;
    while got < data.len() {
        let left = data.get_mut(got..).unwrap_or_default();
        match recv(stream, left, RecvFlags::empty()) {
            Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((count, _)) => got += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Receives and drops bytes behind a header.
pub(crate) fn skip(stream: &UnixStream, mut len: usize) -> io::Result<()> {
    let mut waste = [0; 4096];
    while len > 0 {
        let count = len.min(waste.len());
        recv_exact(stream, waste.get_mut(..count).unwrap_or_default())?;
        len -= count;
    }
    Ok(())
}
