// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! An answer, put together in one buffer that is used again.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::Arc,
};

use rustix::io::Errno;
use zerocopy::{Immutable, IntoBytes};

use crate::vfio_user::{
    message::{flag, Header, HEADER},
    socket,
};

#[derive(Default)]
pub(crate) struct Reply {
    payload: Vec<u8>,
    file: Option<Arc<File>>,
}

impl Reply {
    pub(crate) fn clear(&mut self) {
        self.payload.clear();
        self.file = None;
    }

    pub(crate) fn put<T: IntoBytes + Immutable>(&mut self, structure: &T) {
        self.put_bytes(structure.as_bytes());
    }

    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        self.payload.extend_from_slice(bytes);
    }

    /// Zeroed bytes to be filled in.
    pub(crate) fn room(&mut self, len: usize) -> &mut [u8] {
        let start = self.payload.len();
        self.payload.resize(start + len, 0);
        self.payload.get_mut(start..).unwrap_or_default()
    }

    /// Sends a descriptor along.
    pub(crate) fn attach(&mut self, file: Arc<File>) {
        self.file = Some(file);
    }

    /// Sends the answer, or in its place an error.
    pub(crate) fn send(
        &self,
        stream: &UnixStream,
        to: &Header,
        result: Result<(), Errno>,
    ) -> io::Result<()> {
        let (flags, error, payload) = match result {
            Ok(()) => (flag::REPLY, 0, self.payload.as_slice()),
            Err(errno) => (
                flag::REPLY | flag::ERROR,
                errno.raw_os_error() as u32,
                &[][..],
            ),
        };
        let header = Header {
            size: (HEADER + payload.len()) as u32,
            flags,
            error,
            ..*to
        };
        let parts = [header.as_bytes(), payload];
        match &self.file {
            Some(file) if result.is_ok() => socket::send(stream, &parts, &[file.as_fd()]),
            _ => socket::send(stream, &parts, &[]),
        }
    }
}
