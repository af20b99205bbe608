// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Who may ask: root, and the user that the daemon runs as.
//!
//! The socket's owner and mode say who can connect; this is what holds when they are wider than meant.

use std::io;
use std::os::unix::net::UnixStream;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

/// Who asks, for the log; or why it may not, for the log and the one who asks.
pub(super) fn check(stream: &UnixStream) -> io::Result<Result<String, String>> {
    let peer = socket_peercred(stream)?;
    let uid = peer.uid.as_raw();
    let who = format!("pid {}, user {uid}", peer.pid.as_raw_nonzero());
    Ok(match may_ask(uid, geteuid().as_raw()) {
        true => Ok(who),
        false => Err(format!(
            "{who} may not ask: only root and the daemon's own user may"
        )),
    })
}

fn may_ask(uid: u32, own: u32) -> bool {
    uid == 0 || uid == own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_daemons_user_may_ask() {
        assert!(may_ask(0, 0) && may_ask(0, 1000) && may_ask(1000, 1000));
        assert!(!may_ask(1000, 0) && !may_ask(1001, 1000) && !may_ask(u32::MAX, 0));
    }

    #[test]
    fn who_asks_is_what_the_kernel_says() {
        let (one, _other) = UnixStream::pair().unwrap();
        let who = check(&one).unwrap().unwrap();
        let (pid, uid) = (std::process::id(), geteuid().as_raw());
        assert_eq!(who, format!("pid {pid}, user {uid}"));
    }
}
