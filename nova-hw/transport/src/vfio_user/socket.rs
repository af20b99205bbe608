// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Sending whole messages, with descriptors, over a UNIX stream socket.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::{fd::BorrowedFd, unix::net::UnixStream},
};

use rustix::{
    io::Errno,
    net::{sendmsg, SendAncillaryBuffer, SendAncillaryMessage, SendFlags},
};

use super::message::MAX_FDS;

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
