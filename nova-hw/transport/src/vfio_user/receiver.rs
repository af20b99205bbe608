// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Receiving messages: a register access in one call, where the socket has it whole.

use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use rustix::{
    io::Errno,
    net::{recv, recvmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags},
};
use zerocopy::FromBytes;

use super::message::{Header, HEADER, MAX_FDS};

/// As much as is taken before a header is known: an answer with a register in it.
const AHEAD: usize = HEADER + 16 + 8;

/// What of the stream was received ahead of need.
///
/// # Invariants
/// `start <= end <= AHEAD`.
pub(crate) struct Receiver {
    buffer: [u8; AHEAD],
    start: usize,
    end: usize,
    /// Descriptors, and where in the buffer what they came with ends. They are those of the
    /// message that begins last before there: the kernel ends a call's data with the part that
    /// descriptors came with, and a part is of one message.
    fds: Vec<(usize, OwnedFd)>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            buffer: [0; AHEAD],
            start: 0,
            end: 0,
            fds: Vec::new(),
        }
    }
}

impl Receiver {
    /// Receives a header, and the descriptors of its message. `None` is the end of the
    /// connection between messages; within one it is [`io::ErrorKind::UnexpectedEof`].
    pub(crate) fn header(
        &mut self,
        stream: &UnixStream,
    ) -> io::Result<Option<(Header, Vec<OwnedFd>)>> {
        self.buffer.copy_within(self.start..self.end, 0);
        for (end, _) in &mut self.fds {
            *end = end.saturating_sub(self.start);
        }
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < HEADER {
            match (self.more(stream)?, self.end) {
                (0, 0) => return Ok(None),
                (0, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
        let (header, _) = Header::read_from_prefix(&self.buffer)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.start = HEADER;
        let size = header.size as usize;
        let (ours, next) = self.fds.drain(..).partition(|(end, _)| *end <= size);
        self.fds = next;
        let ours: Vec<_> = ours;
        let fds = ours.into_iter().map(|(_, fd)| fd).collect();
        Ok(Some((header, fds)))
    }

    /// Receives bytes behind a header.
    pub(crate) fn exact(&mut self, stream: &UnixStream, data: &mut [u8]) -> io::Result<()> {
        let ahead = data.len().min(self.end - self.start);
        let (first, mut rest) = data.split_at_mut(ahead);
        first.copy_from_slice(&self.buffer[self.start..self.start + ahead]);
        self.start += ahead;
        while !rest.is_empty() {
            match recv(stream, &mut *rest, RecvFlags::empty()) {
                Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((count, _)) => rest = rest.get_mut(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Receives and drops bytes behind a header.
    pub(crate) fn skip(&mut self, stream: &UnixStream, mut len: usize) -> io::Result<()> {
        let mut waste = [0; 4096];
        while len > 0 {
            let count = len.min(waste.len());
            self.exact(stream, waste.get_mut(..count).unwrap_or_default())?;
            len -= count;
        }
        Ok(())
    }

    /// Receives once, to the end of what is buffered.
    fn more(&mut self, stream: &UnixStream) -> io::Result<usize> {
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut slices = [IoSliceMut::new(&mut self.buffer[self.end..])];
            let flags = RecvFlags::CMSG_CLOEXEC;
            let received = recvmsg(stream, &mut slices, &mut control, flags);
            let count = match received {
                Ok(message) => message.bytes,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            self.end += count;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    self.fds.extend(rights.map(|fd| (self.end, fd)));
                }
            }
            if self.fds.len() > MAX_FDS {
                return Err(io::Error::other("more descriptors than a message may have"));
            }
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfio_user::socket::send;
    use std::os::fd::AsFd;
    use zerocopy::IntoBytes;

    fn message(id: u16, payload: usize) -> Vec<u8> {
        let header = Header {
            id,
            command: 1,
            size: (HEADER + payload) as u32,
            flags: 0,
            error: 0,
        };
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(HEADER + payload, id as u8);
        bytes
    }

    /// Messages of every size around the buffer's, with descriptors on some, all in the socket
    /// before the first is received.
    #[test]
    fn messages_and_their_descriptors_stay_apart() {
        let sizes = [
            0, 0, 1, 15, 16, 0, 23, 24, 25, 100, 0, 7, 8, 9, 0, 0, 16, 40,
        ];
        for pattern in 0..64u32 {
            let with_fd = |at: usize| pattern >> (at % 6) & 1 == 1;
            let (near, far) = UnixStream::pair().unwrap();
            for (at, size) in sizes.into_iter().enumerate() {
                let fds = [near.as_fd()];
                let fds = if with_fd(at) { &fds[..] } else { &[] };
                send(&near, &[&message(at as u16, size)], fds).unwrap();
            }
            drop(near);
            let mut receiver = Receiver::default();
            for (at, size) in sizes.into_iter().enumerate() {
                let (header, fds) = receiver.header(&far).unwrap().unwrap();
                assert_eq!(
                    (header.id, header.size),
                    (at as u16, (HEADER + size) as u32)
                );
                assert_eq!(
                    fds.len(),
                    usize::from(with_fd(at)),
                    "message {at} of {pattern:#b}"
                );
                let mut payload = vec![0xff; size];
                receiver.exact(&far, &mut payload).unwrap();
                assert_eq!(payload, vec![at as u8; size]);
            }
            assert!(receiver.header(&far).unwrap().is_none());
        }
    }

    #[test]
    fn an_end_within_a_message_is_an_error() {
        for len in 1..HEADER {
            let (near, far) = UnixStream::pair().unwrap();
            send(&near, &[&message(1, 4)[..len]], &[]).unwrap();
            drop(near);
            let error = Receiver::default().header(&far).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
