// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Credentials: of this process, and of the peer of a socket.

use super::{
    kuid::Kuid,
    std::{boxed::Box, os::fd::AsRawFd},
    task::Pid,
};
use crate::{
    error::{Error, Result},
    types::{ARef, AlwaysRefCounted},
};
use core::{
    ptr::NonNull,
    sync::atomic::{fence, AtomicUsize, Ordering},
};

/// Who somebody was when the value was made.
///
/// # Invariants
///
/// It is on the heap, in a box of its own, and `refs` says how many references there are.
#[derive(Debug)]
pub struct Credential {
    refs: AtomicUsize,
    pid: Pid,
    euid: Kuid,
    egid: u32,
}

impl Credential {
    fn new(pid: Pid, euid: u32, egid: u32) -> ARef<Self> {
        let cred = Box::new(Self {
            refs: AtomicUsize::new(1),
            pid,
            euid: Kuid::from_raw(euid),
            egid,
        });
        // SAFETY: the one count that it was made with.
        unsafe { ARef::from_raw(NonNull::from(Box::leak(cred))) }
    }

    /// This process's.
    pub fn current() -> ARef<Self> {
        // SAFETY: none of them can fail.
        let (pid, euid, egid) = unsafe { (libc::getpid(), libc::geteuid(), libc::getegid()) };
        Self::new(pid, euid, egid)
    }

    /// Those of the process at the other end of a Unix stream socket, as they were when it connected
    /// (`SO_PEERCRED`, unix(7)). Does not block.
    ///
    /// Errors: those of getsockopt(2); a socket of another family has pid 0 and ids of all ones.
    ///
    /// ```
    /// use kernel_abi::cred::Credential;
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (ours, _theirs) = UnixStream::pair().unwrap();
    /// let peer = Credential::from_socket(&ours).unwrap();
    /// assert_eq!(peer.euid(), kernel_abi::task::Kuid::current_euid());
    /// ```
    pub fn from_socket(socket: &impl AsRawFd) -> Result<ARef<Self>> {
        let mut peer = libc::ucred {
            pid: 0,
            uid: 0,
            gid: 0,
        };
        let mut len = size_of::<libc::ucred>() as libc::socklen_t;
        // SAFETY: `peer` has room for `len` bytes, and any bytes make one.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut peer).cast(),
                &mut len,
            )
        };
        if result != 0 {
            return Err(last_error());
        }
        Ok(Self::new(peer.pid, peer.uid, peer.gid))
    }

    /// The process's id.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The effective user id.
    pub const fn euid(&self) -> Kuid {
        self.euid
    }

    /// The effective group id.
    pub const fn egid(&self) -> u32 {
        self.egid
    }
}

// SAFETY: the box lives until the last count is given up.
unsafe impl AlwaysRefCounted for Credential {
    fn inc_ref(&self) {
        self.refs.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller's count keeps it alive.
        let refs = unsafe { &this.as_ref().refs };
        if refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: by the type invariant, and that was the last count.
            drop(unsafe { Box::from_raw(this.as_ptr()) });
        }
    }
}

/// The errno of the C call that has just failed.
pub(super) fn last_error() -> Error {
    let errno = super::std::io::Error::last_os_error().raw_os_error();
    Error::from_errno(-errno.unwrap_or(libc::EINVAL))
}
