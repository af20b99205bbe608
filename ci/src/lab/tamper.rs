// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Stands between a monitor and the daemon and changes what the device says of itself, so that the
//! guest meets devices that the daemon would never be.
//!
//! The messages are those of QEMU's vhost-user document: a header of three numbers (request, flags, length of
//! the rest), the rest, and file descriptors beside the header.

use super::cleanup::TempDir;
use anyhow::{ensure, Context, Result};
use rustix::net::{
    recvmsg, sendmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use std::{
    io::{ErrorKind, IoSlice, IoSliceMut, Read},
    mem::MaybeUninit,
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

const HEADER: usize = 12;
/// More than any message has; what is longer is not one.
const LONGEST: usize = 1 << 16;
/// At most 8 go with a message.
const FDS: usize = 8;

const GET_FEATURES: u32 = 1;
const SET_FEATURES: u32 = 2;
const GET_PROTOCOL_FEATURES: u32 = 15;
const SET_PROTOCOL_FEATURES: u32 = 16;
const SET_BACKEND_REQ_FD: u32 = 21;
const GET_CONFIG: u32 = 24;

/// Header flags: this is an answer of version 1; one is wanted.
const ANSWER: u32 = 5;
const NEED_REPLY: u32 = 1 << 3;
/// `VIRTIO_F_ACCESS_PLATFORM`, and a protocol feature that QEMU wants of a device that has it.
const ACCESS_PLATFORM: u64 = 1 << 33;
const BACKEND_REQ: u64 = 1 << 5;
/// What precedes the bytes of the configuration space: offset, length, flags.
const CONFIG_HEADER: usize = 12;

/// What the guest is told instead of the truth.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lie {
    /// The device wants addresses of an IOMMU. The daemon never hears that this was accepted.
    pub(crate) access_platform: bool,
    /// Bytes of the configuration space, from an offset on.
    pub(crate) config: Option<(usize, [u8; 4])>,
}

/// A socket that stands for another one.
pub(crate) struct Tamper {
    dir: TempDir,
    lie: Arc<Mutex<Lie>>,
}

impl Tamper {
    /// Listens for one monitor, which is led to the daemon's socket.
    pub(crate) fn start(daemon: &Path, lie: Lie) -> Result<Self> {
        let tamper = Self {
            dir: TempDir::new()?,
            lie: Arc::new(Mutex::new(lie)),
        };
        let listener = UnixListener::bind(tamper.socket())?;
        let (daemon, lie) = (daemon.to_owned(), tamper.lie.clone());
        thread::spawn(move || {
            let result = serve(&listener, &daemon, &lie);
            if let Err(error) = result {
                eprintln!("xtask: between monitor and daemon: {error:#}");
            }
        });
        Ok(tamper)
    }

    /// What the monitor connects to.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("tampered.sock")
    }

    /// Says something else from now on. Monitors ask for the configuration at each read, and for the features
    /// once.
    pub(crate) fn tell(&self, lie: Lie) {
        *self.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie;
    }
}

fn serve(listener: &UnixListener, daemon: &Path, lie: &Mutex<Lie>) -> Result<()> {
    let (monitor, _) = listener.accept()?;
    let daemon = UnixStream::connect(daemon).context("the daemon's socket")?;
    thread::scope(|scope| {
        let requests = scope.spawn(|| {
            pump(&monitor, &daemon, |message| {
                match own_answer(message, lie) {
                    Some(answer) => Next::Answer(answer),
                    None => {
                        hide(message, lie);
                        Next::HandOn
                    }
                }
            })
        });
        let answers = pump(&daemon, &monitor, |message| {
            tamper(message, lie);
            Next::HandOn
        });
        let requests = requests
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")));
        answers.and(requests)
    })
}

fn current(lie: &Mutex<Lie>) -> Lie {
    *lie.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Changes an answer on its way to the monitor.
fn tamper(message: &mut [u8], lie: &Mutex<Lie>) {
    let lie = current(lie);
    match request(message) {
        Some(GET_FEATURES) if lie.access_platform => {
            change_features(message, |bits| bits | ACCESS_PLATFORM);
        }
        Some(GET_PROTOCOL_FEATURES) if lie.access_platform => {
            change_features(message, |bits| bits | BACKEND_REQ);
        }
        Some(GET_CONFIG) => change_config(message, lie),
        _ => {}
    }
}

/// Changes a request on its way to the daemon.
fn hide(message: &mut [u8], lie: &Mutex<Lie>) {
    match request(message) {
        Some(SET_FEATURES) if current(lie).access_platform => {
            change_features(message, |bits| bits & !ACCESS_PLATFORM);
        }
        Some(SET_PROTOCOL_FEATURES) if current(lie).access_platform => {
            change_features(message, |bits| bits & !BACKEND_REQ);
        }
        _ => {}
    }
}

/// The answer to a request that the daemon must not see, as it never offered that.
fn own_answer(message: &[u8], lie: &Mutex<Lie>) -> Option<Vec<u8>> {
    let hidden = current(lie).access_platform && request(message)? == SET_BACKEND_REQ_FD;
    let wanted = number(message, 4)? & NEED_REPLY != 0;
    hidden.then(|| match wanted {
        true => [SET_BACKEND_REQ_FD, ANSWER, 8, 0, 0]
            .map(u32::to_le_bytes)
            .concat(),
        false => Vec::new(),
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn request(message: &[u8]) -> Option<u32> {
    number(message, 0)
}

fn change_features(message: &mut [u8], change: impl FnOnce(u64) -> u64) {
    if let Some(bytes) = message[HEADER..].first_chunk_mut::<8>() {
        *bytes = change(u64::from_le_bytes(*bytes)).to_le_bytes();
    }
}

fn change_config(message: &mut [u8], lie: Lie) {
    let (Some(offset), Some((at, lie))) = (number(message, HEADER), lie.config) else {
        return;
    };
    let first = offset as usize;
    for (index, byte) in message[HEADER..].iter_mut().skip(CONFIG_HEADER).enumerate() {
        if let Some(instead) = (first + index).checked_sub(at).and_then(|at| lie.get(at)) {
            *byte = *instead;
        }
    }
}

/// What becomes of a message.
enum Next {
    HandOn,
    /// It ends here, and this goes back.
    Answer(Vec<u8>),
}

/// Hands messages on until one side ends; then both have ended.
fn pump(from: &UnixStream, to: &UnixStream, change: impl Fn(&mut [u8]) -> Next) -> Result<()> {
    let result = loop {
        match receive(from) {
            Ok(Some((mut message, fds))) => {
                let sent = match change(&mut message) {
                    Next::HandOn => send(to, &message, &fds),
                    Next::Answer(answer) => send(from, &answer, &[]),
                };
                if let Err(error) = sent {
                    break Err(error);
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    // The other direction sees the end of its stream.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
    match result {
        Err(error) if is_end(&error) => Ok(()),
        result => result,
    }
}

/// A machine that is killed ends its connection anywhere.
fn is_end(error: &anyhow::Error) -> bool {
    let kind = error
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    matches!(
        kind,
        Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof)
    )
}

/// The next message with its descriptors, or nothing at the end of the stream.
fn receive(from: &UnixStream) -> Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut message = vec![0; HEADER];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(
        from,
        &mut [IoSliceMut::new(&mut message)],
        &mut beside,
        flags,
    )
    .map_err(std::io::Error::from)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut fds = Vec::new();
    for part in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = part {
            fds.extend(rights);
        }
    }
    let mut from = from;
    from.read_exact(&mut message[received.bytes..])?;
    let len = number(&message, 8).context("no length")? as usize;
    ensure!(len <= LONGEST, "a message of {len} bytes");
    message.resize(HEADER + len, 0);
    from.read_exact(&mut message[HEADER..])?;
    Ok(Some((message, fds)))
}

fn send(to: &UnixStream, message: &[u8], fds: &[OwnedFd]) -> Result<()> {
    let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    let mut rest = message;
    let mut first = true;
    while !rest.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if first && !fds.is_empty() {
            let fits = beside.push(SendAncillaryMessage::ScmRights(&fds));
            ensure!(fits, "{} descriptors in a message", fds.len());
        }
        let sent = sendmsg(to, &[IoSlice::new(rest)], &mut beside, SendFlags::NOSIGNAL)
            .map_err(std::io::Error::from)?;
        rest = &rest[sent..];
        first = false;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(request: u32, body: &[u8]) -> Vec<u8> {
        let len = body.len() as u32;
        let header = [request, 5, len].map(u32::to_le_bytes).concat();
        [&header, body].concat()
    }

    #[test]
    fn bytes_of_the_configuration_are_changed_wherever_the_read_begins() {
        let lie = Lie {
            config: Some((4, [1, 2, 3, 4])),
            ..Lie::default()
        };
        for (offset, expected) in [
            (0_u32, [0, 0, 0, 0, 1, 2]),
            (3, [0, 1, 2, 3, 4, 0]),
            (6, [3, 4, 0, 0, 0, 0]),
            (u32::MAX, [0; 6]),
        ] {
            let header = [offset, 6, 0].map(u32::to_le_bytes).concat();
            let mut message = message(GET_CONFIG, &[&header[..], &[0; 6]].concat());
            tamper(&mut message, &Mutex::new(lie));
            assert_eq!(message[HEADER + CONFIG_HEADER..], expected, "{offset}");
        }
    }

    #[test]
    fn features_that_are_made_up_stay_on_this_side() {
        let lie = Mutex::new(Lie {
            access_platform: true,
            ..Lie::default()
        });
        let offered = (1_u64 << 32).to_le_bytes();
        let mut answer = message(GET_FEATURES, &offered);
        tamper(&mut answer, &lie);
        assert_eq!(answer[HEADER..], (3_u64 << 32).to_le_bytes());
        let mut request = message(SET_FEATURES, &answer[HEADER..]);
        hide(&mut request, &lie);
        assert_eq!(request[HEADER..], offered);
        let mut asks = message(SET_BACKEND_REQ_FD, &[]);
        assert_eq!(own_answer(&asks, &lie), Some(Vec::new()));
        asks[4] |= 8;
        assert_eq!(own_answer(&asks, &lie).map(|answer| answer.len()), Some(20));
        assert_eq!(own_answer(&request, &lie), None);
    }

    #[test]
    fn messages_and_descriptors_stay_together() {
        let (near, far) = UnixStream::pair().unwrap();
        let (in_, out) = UnixStream::pair().unwrap();
        let fds = [near.try_clone().unwrap().into()];
        send(&near, &message(7, b"none"), &[]).unwrap();
        send(&near, &message(8, b"one"), &fds).unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        pump(&far, &in_, |_| Next::HandOn).unwrap();
        let (first, without) = receive(&out).unwrap().unwrap();
        let (second, with) = receive(&out).unwrap().unwrap();
        assert_eq!((first, without.len()), (message(7, b"none"), 0));
        assert_eq!((second, with.len()), (message(8, b"one"), 1));
        assert!(receive(&out).unwrap().is_none());
    }
}
