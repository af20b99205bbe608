// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Other vhost-user devices that do something comparable: virtio-gpu backends.
//!
//! They want a display's socket before they start (`VHOST_USER_GPU_SET_SOCKET`, QEMU's
//! vhost-user-gpu document); the display here answers that it can do nothing.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};
use lab_frontend::{Options, Profile, Vmm};
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

use crate::pin;
use crate::target::Target;

const GPU_SET_SOCKET: u32 = 33;
/// Version 1 in the flags of a vhost-user message.
const VERSION: u32 = 1;
/// Messages of a display's socket that want an answer, with the answer's length.
const ANSWERED: [(u32, usize); 3] = [(1, 8), (3, 408), (11, 1056)];
const REPLY: u32 = 4;

/// Connects to a peer and pins it to the CPU.
pub fn connect(name: &str, socket: &Path, cpu: usize) -> Result<Target> {
    let stream = UnixStream::connect(socket);
    let stream = stream.with_context(|| format!("connecting to {name}"))?;
    let pid = nix::sys::socket::getsockopt(&stream, nix::sys::socket::sockopt::PeerCredentials)?;
    let raw = stream.try_clone()?;
    let mut vmm = Vmm::over(stream, Options::new(Profile::Qemu)).context(name.to_owned())?;
    let (ours, theirs) = UnixStream::pair()?;
    thread::spawn(move || display(ours));
    let message: Vec<u8> = [GPU_SET_SOCKET, VERSION, 0]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    raw.send_with_fd(&message[..], theirs.as_raw_fd())?;
    vmm.start().context(name.to_owned())?;
    pin::process(pid.pid().try_into()?, cpu)?;
    Target::virtio_gpu(name.to_owned(), vmm)
}

/// A display that shows nothing.
fn display(mut socket: UnixStream) -> Result<()> {
    let mut header = [0; 12];
    loop {
        socket.read_exact(&mut header)?;
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&header[at..at + 4]);
            u32::from_ne_bytes(word)
        };
        let (request, len) = (word(0), word(8) as usize);
        socket.read_exact(&mut vec![0; len])?;
        if let Some((_, len)) = ANSWERED.iter().find(|(answered, _)| *answered == request) {
            let words = [request, REPLY, *len as u32];
            let mut answer: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            answer.resize(answer.len() + len, 0);
            socket.write_all(&answer)?;
        }
    }
}
