// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The operator's socket in the main loop.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};
use vmm_sys_util::timerfd::TimerFd;

use super::admission::Peer;
use super::client::{Client, Next};
use super::protocol::{Answer, Command, Status};
use crate::error::{Context, Error};
use crate::log_limit::LogLimit;
use crate::tenant::{Socket, SocketSpec};

/// Connections at once; more wait in the backlog.
const MAX_CLIENTS: usize = 8;
/// How long none is accepted after that failed, for want of descriptors or memory.
const PAUSE: Duration = Duration::from_secs(1);

/// Says what there is.
pub type Source = Box<dyn Fn() -> Status>;

/// The socket, and who is connected.
pub struct OperatorListener {
    socket: Socket<UnixListener>,
    source: Source,
    clients: Vec<Client>,
    /// Runs while nobody is accepted.
    pause: TimerFd,
    log_limit: LogLimit,
    closing: bool,
}

impl OperatorListener {
    /// Listens where `spec` says; `source` has the answers.
    ///
    /// # Errors
    /// See [`Socket::bind`].
    pub fn new(spec: &SocketSpec, source: Source) -> Result<Self, Error> {
        let mut socket = Socket::<UnixListener>::bind(spec)?;
        let listener = socket.listener();
        listener.set_nonblocking(true).context("control socket")?;
        Ok(Self {
            socket,
            source,
            clients: Vec::new(),
            pause: TimerFd::new().context("creating a timer")?,
            log_limit: LogLimit::new(),
            closing: false,
        })
    }

    /// Closes all connections and accepts no other.
    pub fn close(&mut self) {
        self.closing = true;
        self.clients.clear();
    }

    fn accept(&mut self, ops: &mut EventOps<'_>) {
        while self.clients.len() < MAX_CLIENTS {
            match self.socket.listener().accept() {
                Ok((stream, _)) if !self.closing => {
                    if let Err(error) = self.admit(stream, ops) {
                        self.warn(&format!("can not serve an operator: {error}"));
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.warn(&format!("can not accept an operator: {error}"));
                    let _ = self.pause.reset(PAUSE, None);
                    break;
                }
            }
        }
        self.listen(EventSet::empty(), ops);
    }

    fn admit(&mut self, stream: UnixStream, ops: &mut EventOps<'_>) -> io::Result<()> {
        let mut client = Client::new(stream)?;
        let peer = Peer::of(client.stream()).map_err(io::Error::other)?;
        let next = match peer.check() {
            Ok(()) => {
                tracing::debug!("an operator asks: {peer}");
                Next::Wait(EventSet::IN)
            }
            Err(why) => {
                self.warn(&why);
                client.answer(&Answer::Error(why));
                client.advance(|_| Answer::Error(String::new()))
            }
        };
        let Next::Wait(events) = next else {
            return Ok(());
        };
        let stream = Events::new_raw(client.stream_fd(), events);
        ops.add(stream).map_err(other)?;
        let limit = Events::new_raw(client.limit_fd(), EventSet::IN);
        if let Err(error) = ops.add(limit) {
            let _ = ops.remove(stream);
            return Err(other(error));
        }
        self.clients.push(client);
        Ok(())
    }

    /// Something happened on a descriptor of the client at `index`.
    fn serve(&mut self, index: usize, ops: &mut EventOps<'_>) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        let next = if client.is_late() {
            tracing::debug!("an operator's connection is closed: it took too long");
            Next::Close
        } else {
            let source = &self.source;
            client.advance(|request| match request.command {
                Command::Status => Answer::Status(source()),
            })
        };
        let watched = match next {
            Next::Wait(events) => ops.modify(Events::new_raw(client.stream_fd(), events)),
            Next::Close => {
                let _ = ops.remove(Events::new_raw(client.stream_fd(), EventSet::empty()));
                let _ = ops.remove(Events::new_raw(client.limit_fd(), EventSet::empty()));
                self.clients.swap_remove(index);
                self.listen(EventSet::IN, ops);
                return;
            }
        };
        if let Err(error) = watched {
            tracing::error!("watching an operator's connection: {error}");
        }
    }

    fn listen(&self, events: EventSet, ops: &mut EventOps<'_>) {
        if let Err(error) = ops.modify(Events::new(&self.socket, events)) {
            tracing::error!("watching the control socket: {error}");
        }
    }

    fn warn(&self, what: &str) {
        if let Some(suppressed) = self.log_limit.pass() {
            tracing::warn!(suppressed, "{what}");
        }
    }
}

fn other(error: event_manager::Error) -> io::Error {
    io::Error::other(error.to_string())
}

impl MutEventSubscriber for OperatorListener {
    fn init(&mut self, ops: &mut EventOps<'_>) {
        for fd in [self.socket.as_raw_fd(), self.pause.as_raw_fd()] {
            if let Err(error) = ops.add(Events::new_raw(fd, EventSet::IN)) {
                tracing::error!("watching the control socket: {error}");
            }
        }
    }

    fn process(&mut self, events: Events, ops: &mut EventOps<'_>) {
        let fd = events.fd();
        if fd == self.socket.as_raw_fd() {
            return self.accept(ops);
        }
        if fd == self.pause.as_raw_fd() {
            let _ = self.pause.wait();
            return self.listen(EventSet::IN, ops);
        }
        let has = |client: &Client| client.stream_fd() == fd || client.limit_fd() == fd;
        if let Some(index) = self.clients.iter().position(has) {
            self.serve(index, ops);
        }
    }
}
