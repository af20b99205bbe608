// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One question, one answer.

use std::{
    io,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::io::Errno;
use zerocopy::IntoBytes;

use crate::vfio_user::{
    error::VfioUserError,
    message::{flag, Command, Header, HEADER},
    receiver::Receiver,
    socket,
};

// TIMEOUT: QEMU gives a server 5 s for a message as well. A register access takes microseconds
// and the longest DMA map milliseconds.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is sent and what of the answer is wanted.
pub(crate) struct Call<'a> {
    pub(crate) command: Command,
    /// The payload, in at most three parts.
    pub(crate) parts: &'a [&'a [u8]],
    pub(crate) fds: &'a [BorrowedFd<'a>],
}

/// The connection; calls of several threads take turns.
pub(crate) struct Connection {
    channel: Mutex<Channel>,
    timeout: Duration,
}

struct Channel {
    stream: UnixStream,
    receiver: Receiver,
    next_id: u16,
    /// Why the connection is of no more use.
    lost: Option<String>,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream, timeout: Duration) -> io::Result<Self> {
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let channel = Mutex::new(Channel {
            stream,
            receiver: Receiver::default(),
            next_id: 0,
            lost: None,
        });
        Ok(Self { channel, timeout })
    }

    /// Asks, and puts the answer's payload into `reply`; returns its length, which may be less
    /// than `reply` has, and the descriptors that came with it. A longer answer is nonsense.
    pub(crate) fn call(
        &self,
        call: &Call<'_>,
        reply: &mut [u8],
    ) -> Result<(usize, Vec<OwnedFd>), VfioUserError> {
        let mut channel = self.channel();
        if let Some(why) = &channel.lost {
            return Err(VfioUserError::Lost(why.clone()));
        }
        let result = self.exchange(&mut channel, call, reply);
        if let Err(error) = &result {
            if !matches!(error, VfioUserError::Refused { .. }) {
                channel.lost = Some(error.to_string());
            }
        }
        result
    }

    fn channel(&self) -> MutexGuard<'_, Channel> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exchange(
        &self,
        channel: &mut Channel,
        call: &Call<'_>,
        reply: &mut [u8],
    ) -> Result<(usize, Vec<OwnedFd>), VfioUserError> {
        let id = channel.next_id;
        channel.next_id = id.wrapping_add(1);
        let (stream, receiver) = (&channel.stream, &mut channel.receiver);
        let size = HEADER + call.parts.iter().map(|part| part.len()).sum::<usize>();
        let header = Header {
            id,
            command: call.command.0,
            size: size as u32,
            flags: 0,
            error: 0,
        };
        let mut parts: [&[u8]; 4] = [&[]; 4];
        parts[0] = header.as_bytes();
        parts[1..=call.parts.len()].copy_from_slice(call.parts);
        let broken = |error| self.broken(call.command, error);
        socket::send(stream, &parts, call.fds).map_err(broken)?;
        loop {
            let received = receiver.header(stream).map_err(broken)?;
            let Some((header, fds)) = received else {
                return Err(VfioUserError::Closed(call.command.to_string()));
            };
            let nonsense = |what: String| VfioUserError::nonsense(call.command, what);
            let payload = header
                .payload()
                .ok_or_else(|| nonsense(format!("a size of {}", header.size)))?;
            if !header.is_reply() {
                receiver.skip(stream, payload).map_err(broken)?;
                decline(stream, &header).map_err(broken)?;
                continue;
            }
            if (header.id, header.command()) != (id, call.command) {
                let (id, command) = (header.id, header.command());
                return Err(nonsense(format!("it is number {id}, {command}")));
            }
            if header.flags & flag::ERROR != 0 {
                receiver.skip(stream, payload).map_err(broken)?;
                return Err(VfioUserError::Refused {
                    command: call.command.to_string(),
                    errno: header.error.try_into().unwrap_or(0),
                });
            }
            let place = reply
                .get_mut(..payload)
                .ok_or_else(|| nonsense(format!("{payload} bytes")))?;
            receiver.exact(stream, place).map_err(broken)?;
            return Ok((payload, fds));
        }
    }

    fn broken(&self, command: Command, source: io::Error) -> VfioUserError {
        let command = command.to_string();
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => VfioUserError::TimedOut {
                command,
                timeout: self.timeout,
            },
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset => VfioUserError::Closed(command),
            _ => VfioUserError::Socket { command, source },
        }
    }
}

/// Answers a command of the server's, which may want its DMA done here: all memory is given to
/// it as files, so there is no need for that.
fn decline(stream: &UnixStream, command: &Header) -> io::Result<()> {
    if !command.wants_reply() {
        return Ok(());
    }
    let reply = Header {
        size: HEADER as u32,
        flags: flag::REPLY | flag::ERROR,
        error: Errno::OPNOTSUPP.raw_os_error() as u32,
        ..*command
    };
    socket::send(stream, &[reply.as_bytes()], &[])
}
