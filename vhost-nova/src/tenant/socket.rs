// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A tenant's socket file: made without a moment in which others may connect, replaced only when
//! it is stale, removed at the end when it is still the daemon's own.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{chown, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::sys::stat::{umask, Mode};
use nix::unistd::{Group, User};

use crate::error::{Context, Error};

/// `sun_path` has 108 bytes, one of them for the terminating zero.
const MAX_PATH: usize = 107;

/// A user and perhaps a group, by name or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    uid: u32,
    gid: Option<u32>,
}

impl FromStr for Owner {
    type Err = String;

    fn from_str(owner: &str) -> Result<Self, String> {
        let (user, group) = match owner.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (owner, None),
        };
        let uid = match user.parse() {
            Ok(uid) => uid,
            Err(_) => match User::from_name(user) {
                Ok(Some(user)) => user.uid.as_raw(),
                _ => return Err(format!("there is no user {user:?}")),
            },
        };
        let gid = match group {
            None => None,
            Some(group) => match (group.parse(), Group::from_name(group)) {
                (Ok(gid), _) => Some(gid),
                (_, Ok(Some(group))) => Some(group.gid.as_raw()),
                _ => return Err(format!("there is no group {group:?}")),
            },
        };
        Ok(Self { uid, gid })
    }
}

/// A socket file that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketSpec {
    /// Where.
    pub path: PathBuf,
    /// Who owns it; the daemon's user when not given.
    pub owner: Option<Owner>,
    /// Its permissions.
    pub mode: u32,
}

/// A listening socket and its file.
pub struct Socket<L> {
    listener: L,
    file: SocketFile,
}

/// A socket file of ours; removed when this is dropped.
struct SocketFile {
    path: PathBuf,
    /// Device and inode of the file that was made.
    id: (u64, u64),
}

impl<L: From<UnixListener>> Socket<L> {
    /// Makes the socket file and listens on it.
    ///
    /// # Errors
    /// A configuration error when the path can not be a socket's; a runtime error when somebody
    /// listens there already or the system refuses.
    pub fn bind(spec: &SocketSpec) -> Result<Self, Error> {
        let path = &spec.path;
        check_path(path)?;
        remove_stale(path)?;
        let doing = |what: &str| format!("{what} socket {}", path.display());
        // Nobody connects before owner and mode are as asked for. There is one thread yet.
        let old = umask(Mode::from_bits_truncate(0o777));
        let bound = UnixListener::bind(path);
        umask(old);
        let listener = bound.context(doing("binding"))?;
        let metadata = fs::symlink_metadata(path).context(doing("binding"))?;
        let socket = Self {
            listener: L::from(listener),
            file: SocketFile {
                path: path.clone(),
                id: (metadata.dev(), metadata.ino()),
            },
        };
        if let Some(owner) = spec.owner {
            let changed = chown(path, Some(owner.uid), owner.gid);
            changed.context(doing("setting the owner of"))?;
        }
        let changed = fs::set_permissions(path, Permissions::from_mode(spec.mode));
        changed.context(doing("setting the mode of"))?;
        Ok(socket)
    }
}

impl<L> Socket<L> {
    /// The listener.
    pub fn listener(&mut self) -> &mut L {
        &mut self.listener
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

impl<L: AsRawFd> AsRawFd for Socket<L> {
    fn as_raw_fd(&self) -> RawFd {
        self.listener.as_raw_fd()
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let own = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.id);
        if own {
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!("removing {}: {error}", self.path.display());
            }
        }
    }
}

fn check_path(path: &Path) -> Result<(), Error> {
    let shown = path.display();
    let len = path.as_os_str().as_bytes().len();
    if len > MAX_PATH {
        return Err(Error::config(format!(
            "socket path of {len} bytes is too long, at most {MAX_PATH}: {shown}"
        )));
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        let parent = parent.display();
        return Err(Error::config(format!(
            "socket {shown}: there is no directory {parent}"
        )));
    }
    Ok(())
}

/// Removes a socket file on which nobody listens.
fn remove_stale(path: &Path) -> Result<(), Error> {
    let shown = path.display();
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.context(format!("looking at {shown}"))?,
    };
    if !metadata.file_type().is_socket() {
        return Err(Error::config(format!(
            "{shown} exists and is not a socket; it is left alone"
        )));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            tracing::info!("replacing stale socket {shown}");
            fs::remove_file(path).context(format!("removing stale socket {shown}"))
        }
        Err(error) => Err(Error::runtime(format!("socket {shown}"), error)),
        Ok(_) => Err(Error::runtime(
            format!("socket {shown}"),
            io::Error::new(ErrorKind::AddrInUse, "somebody listens there already"),
        )),
    }
}
