// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Who may ask: root, and the user that the daemon runs as.
//!
//! The socket's owner and mode say who can connect; this is what holds when they are wider than meant.

use std::fmt::{self, Display, Formatter};
use std::os::unix::net::UnixStream;

use kernel_abi::cred::Credential;
use kernel_abi::error::Result;
use kernel_abi::security::SecurityCtx;
use kernel_abi::task::{Kuid, Pid};

/// Who is at the other end of a connection, as the kernel says of the moment when it was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pid: Pid,
    euid: Kuid,
    /// What the security module calls it, escaped; nothing where there is none.
    label: Option<String>,
}

impl Peer {
    pub(super) fn of(stream: &UnixStream) -> Result<Self> {
        let credential = Credential::from_socket(stream)?;
        let label = SecurityCtx::from_socket(stream).ok();
        Ok(Self {
            pid: credential.pid(),
            euid: credential.euid(),
            label: label.map(|label| label.as_bytes().escape_ascii().to_string()),
        })
    }

    /// Whether it may ask; why not, for the log and for the one who asks.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        if may_ask(self.euid, Kuid::current_euid()) {
            return Ok(());
        }
        Err(format!(
            "{self} may not ask: only root and the daemon's own user may"
        ))
    }
}

impl Display for Peer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}, user {}", self.pid, self.euid.into_raw())?;
        match &self.label {
            Some(label) => write!(f, ", label {label}"),
            None => Ok(()),
        }
    }
}

fn may_ask(euid: Kuid, own: Kuid) -> bool {
    euid == Kuid::from_raw(0) || euid == own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(uid: u32, own: u32) -> bool {
        may_ask(Kuid::from_raw(uid), Kuid::from_raw(own))
    }

    #[test]
    fn root_and_the_daemons_user_may_ask() {
        assert!(may(0, 0) && may(0, 1000) && may(1000, 1000));
        assert!(!may(1000, 0) && !may(1001, 1000) && !may(u32::MAX, 0));
    }

    #[test]
    fn who_asks_is_what_the_kernel_says() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.pid as u32, std::process::id());
        assert_eq!(peer.euid, Kuid::current_euid());
        assert_eq!(peer.check(), Ok(()));
        assert_eq!(peer.label.is_some(), SecurityCtx::from_socket(&one).is_ok());
    }

    #[test]
    fn a_label_is_shown() {
        let mut peer = Peer {
            pid: 7,
            euid: Kuid::from_raw(1000),
            label: None,
        };
        assert_eq!(peer.to_string(), "pid 7, user 1000");
        peer.label = Some("system_u:system_r".into());
        assert_eq!(
            peer.to_string(),
            "pid 7, user 1000, label system_u:system_r"
        );
    }
}
