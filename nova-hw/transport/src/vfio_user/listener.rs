// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The socket's file: replaced only when it is stale, removed at the end when it is still ours.

use std::{
    fs::{self, Permissions},
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{
            ffi::OsStrExt,
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
};

/// `sun_path` has 108 bytes, one of them for the terminating zero.
const MAX_PATH: usize = 107;

/// Why nobody can listen at a path.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The path is too long for a socket.
    #[error("a socket path of {0} bytes is too long, at most {MAX_PATH}")]
    TooLong(usize),
    /// The folder is not there.
    #[error("there is no directory {0}")]
    NoDirectory(PathBuf),
    /// Something else is at the path.
    #[error("{0} exists and is not a socket; it is left alone")]
    NotASocket(PathBuf),
    /// Another process serves there.
    #[error("somebody listens on {0} already")]
    InUse(PathBuf),
    /// The system refused.
    #[error("cannot listen on {path}")]
    System {
        /// The socket's path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A socket file that accepts connections, of this user only.
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file that was made.
    file: (u64, u64),
}

impl Listener {
    /// Makes the socket file and listens. A file on which nobody listens is replaced.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let system = |source| BindError::System {
            path: path.into(),
            source,
        };
        check_path(path)?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(system)?;
        let metadata = fs::symlink_metadata(path).map_err(system)?;
        let listener = Self {
            listener,
            path: path.into(),
            file: (metadata.dev(), metadata.ino()),
        };
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(system)?;
        Ok(listener)
    }

    /// Waits for a peer.
    ///
    /// # Errors
    /// What `accept` says.
    pub fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept()?.0)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let own = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.file);
        if own {
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!("removing {}: {error}", self.path.display());
            }
        }
    }
}

fn check_path(path: &Path) -> Result<(), BindError> {
    let len = path.as_os_str().as_bytes().len();
    if len > MAX_PATH {
        return Err(BindError::TooLong(len));
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        return Err(BindError::NoDirectory(parent.into()));
    }
    Ok(())
}

/// Removes a socket file on which nobody listens.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let system = |source| BindError::System {
        path: path.into(),
        source,
    };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(system)?,
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket(path.into()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            tracing::info!("replacing stale socket {}", path.display());
            fs::remove_file(path).map_err(system)
        }
        Err(error) => Err(system(error)),
        Ok(_) => Err(BindError::InUse(path.into())),
    }
}
