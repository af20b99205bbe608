// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Names of security contexts: of the peer of a socket.
//!
//! The binder hooks are questions that only a kernel may ask.

use super::{
    cred::last_error,
    std::{os::fd::AsRawFd, vec, vec::Vec},
};
use crate::error::Result;

/// Bytes that a first try has room for; the kernel says how many are needed.
const FIRST: usize = 256;

/// The name of a security context, as the security module writes it (`unconfined`, `system_u:system_r:…`).
#[derive(Debug)]
pub struct SecurityCtx {
    name: Vec<u8>,
}

impl SecurityCtx {
    /// That of the process at the other end of a Unix socket, as it was when it connected (`SO_PEERSEC`, unix(7)).
    /// Does not block.
    ///
    /// Errors: `ENOPROTOOPT` without a security module that has names; others of getsockopt(2).
    pub fn from_socket(socket: &impl AsRawFd) -> Result<Self> {
        let mut name = vec![0; FIRST];
        loop {
            let mut len = name.len() as libc::socklen_t;
            // SAFETY: `name` has room for `len` bytes.
            let result = unsafe {
                libc::getsockopt(
                    socket.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_PEERSEC,
                    name.as_mut_ptr().cast(),
                    &mut len,
                )
            };
            let len = len as usize;
            if result == 0 {
                name.truncate(len);
                // Some modules count the terminating zero, some do not.
                if name.last() == Some(&0) {
                    name.pop();
                }
                return Ok(Self { name });
            }
            let error = last_error();
            if error.to_errno() != -libc::ERANGE || len <= name.len() {
                return Err(error);
            }
            name.resize(len, 0);
        }
    }

    /// Whether the name has no bytes.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    /// The bytes of the name.
    pub fn len(&self) -> usize {
        self.name.len()
    }

    /// The name; text by custom, but nothing says so.
    pub fn as_bytes(&self) -> &[u8] {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::super::std::{
        fs, net::TcpListener, os::unix::net::UnixStream, process, string::String,
    };
    use super::*;
    use crate::{cred::Credential, error::Error};

    #[test]
    fn a_peer_is_known_by_its_socket() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = Credential::from_socket(&ours).unwrap();
        assert_eq!(peer.pid() as u32, process::id());
        assert_eq!(peer.euid(), crate::task::Kuid::current_euid());
        let again = peer.clone();
        drop(peer);
        assert_eq!(again.egid(), Credential::current().egid());
    }

    #[test]
    fn a_peer_s_context_is_what_proc_says_or_there_is_none() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let no_module = Error::from_errno(-libc::ENOPROTOOPT);
        match SecurityCtx::from_socket(&ours) {
            Ok(context) => {
                let own = fs::read_to_string("/proc/self/attr/current").unwrap();
                let name = String::from_utf8_lossy(context.as_bytes()).into_owned();
                assert_eq!(name, own.trim_end_matches(['\n', '\0']));
                assert!(!context.is_empty() && context.len() < 4096);
            }
            Err(error) => assert_eq!(error, no_module),
        }
    }

    #[test]
    fn what_is_no_socket_has_no_peer() {
        let file = fs::File::open("/proc/self/comm").unwrap();
        let error = Error::from_errno(-libc::ENOTSOCK);
        assert_eq!(Credential::from_socket(&file).err(), Some(error));
        assert_eq!(SecurityCtx::from_socket(&file).err(), Some(error));
        // Of another family: no peer that could be named.
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Credential::from_socket(&tcp).unwrap();
        assert_eq!((peer.pid(), peer.euid().into_raw()), (0, u32::MAX));
    }
}
