// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One connection of an operator: a request is read, an answer written, and that is it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use event_manager::EventSet;
use vmm_sys_util::timerfd::TimerFd;

use super::protocol::{Answer, Request, MAX_REQUEST};

/// How long a connection may last.
// TIMEOUT: a program sends its question at once and takes the answer as it comes; who needs longer keeps others out.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

enum State {
    /// What came of the request.
    Reading(Vec<u8>),
    /// What is left of the answer.
    Writing { line: Vec<u8>, sent: usize },
}

/// What a connection has to say.
enum Incoming {
    Request(Request),
    /// Why it is none.
    Nonsense(String),
    /// Nothing more: the answer is on its way.
    Answered,
}

/// What a connection waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait(EventSet),
    Close,
}

/// A connection and its time limit.
pub(super) struct Client {
    stream: UnixStream,
    limit: TimerFd,
    deadline: Instant,
    state: State,
}

impl Client {
    /// Takes over a connection; its time runs from now on.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let mut limit = TimerFd::new().map_err(io::Error::from)?;
        limit.reset(TIMEOUT, None).map_err(io::Error::from)?;
        Ok(Self {
            stream,
            limit,
            deadline: Instant::now() + TIMEOUT,
            state: State::Reading(Vec::new()),
        })
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    pub(super) fn stream_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Readable when the time is over.
    pub(super) fn limit_fd(&self) -> RawFd {
        self.limit.as_raw_fd()
    }

    /// Whether the time is over.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Answers whatever it may ask.
    pub(super) fn answer(&mut self, answer: &Answer) {
        self.state = State::Writing {
            line: answer.to_line(),
            sent: 0,
        };
    }

    /// Reads and writes as far as it goes without waiting. `ask` has the answers.
    pub(super) fn advance(&mut self, ask: impl FnOnce(Request) -> Answer) -> Next {
        let moved = match self.read() {
            Ok(None) => Ok(Next::Wait(EventSet::IN)),
            Ok(Some(Incoming::Answered)) => self.write(),
            Ok(Some(Incoming::Request(request))) => {
                self.answer(&ask(request));
                self.write()
            }
            Ok(Some(Incoming::Nonsense(why))) => {
                self.answer(&Answer::Error(why));
                self.write()
            }
            Err(error) => Err(error),
        };
        // Who goes away has no use for the rest.
        moved.unwrap_or(Next::Close)
    }

    /// None while the request is incomplete.
    fn read(&mut self) -> io::Result<Option<Incoming>> {
        let State::Reading(bytes) = &mut self.state else {
            return Ok(Some(Incoming::Answered));
        };
        let mut chunk = [0; 512];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => bytes.extend_from_slice(chunk.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
            if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(parse(bytes.get(..end).unwrap_or_default())));
            }
            if bytes.len() >= MAX_REQUEST {
                let error = format!("a request has at most {MAX_REQUEST} bytes");
                return Ok(Some(Incoming::Nonsense(error)));
            }
        }
    }

    fn write(&mut self) -> io::Result<Next> {
        let State::Writing { line, sent } = &mut self.state else {
            return Ok(Next::Wait(EventSet::IN));
        };
        while let Some(rest) = line.get(*sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(len) => *sent += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Next::Wait(EventSet::OUT))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Next::Close)
    }
}

fn parse(line: &[u8]) -> Incoming {
    match serde_json::from_slice(line) {
        Ok(request) => Incoming::Request(request),
        Err(error) => Incoming::Nonsense(format!("no request: {error}")),
    }
}
