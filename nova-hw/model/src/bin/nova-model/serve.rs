// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The main loop: one peer at a time, until SIGINT or SIGTERM.

use std::{
    io,
    net::Shutdown,
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use nova_model::Model;
use nova_pci::PciError;
use nova_transport::{
    vfio_user::{BindError, Listener},
    Server,
};
use rustix::{
    event::{poll, PollFd, PollFlags},
    io::Errno,
};

/// Why serving ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the GPU model failed: {0}")]
    Device(#[from] PciError),
    #[error("{context}: {source}")]
    System {
        context: &'static str,
        source: io::Error,
    },
}

impl ServeError {
    /// The process's exit code, as `--help` documents it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Bind(BindError::InUse(_) | BindError::System { .. }) => 1,
            Self::Bind(_) | Self::Usage(_) => 2,
            Self::Device(_) | Self::System { .. } => 1,
        }
    }
}

pub(crate) fn at<E: Into<io::Error>>(context: &'static str) -> impl Fn(E) -> ServeError {
    move |source| ServeError::System {
        context,
        source: source.into(),
    }
}

/// A connection, and the thread that serves it.
struct Peer {
    stream: UnixStream,
    /// Hangs up when the thread has ended.
    ended: UnixStream,
    thread: JoinHandle<()>,
}

/// Serves the device on a socket at `path`.
pub(crate) fn serve(path: &Path, server: Server<Model>) -> Result<(), ServeError> {
    // Before any other thread, which inherits the mask.
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    signals.thread_block().map_err(at("blocking signals"))?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC);
    let signals = signals.map_err(at("creating a signalfd"))?;
    let listener = Listener::bind(path)?;
    let server = Arc::new(server);
    tracing::info!("serving on {}", path.display());
    let mut peer: Option<Peer> = None;
    loop {
        let waited = match &peer {
            Some(peer) => peer.ended.as_fd(),
            // The next peer waits in the backlog while there is one.
            None => listener.as_fd(),
        };
        let mut fds = [
            PollFd::new(&signals, PollFlags::IN),
            PollFd::from_borrowed_fd(waited, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(at("waiting for events")(errno)),
        }
        let [signal, event] = fds.map(|fd| !fd.revents().is_empty());
        if signal {
            break;
        }
        if event {
            peer = match peer.take() {
                Some(ended) => {
                    end(ended);
                    None
                }
                None => Some(begin(&listener, &server)?),
            };
        }
    }
    tracing::info!("stopping");
    if let Some(peer) = peer {
        // A peer that is gone already is no error.
        let _ = peer.stream.shutdown(Shutdown::Both);
        end(peer);
    }
    Ok(())
}

fn begin(listener: &Listener, server: &Arc<Server<Model>>) -> Result<Peer, ServeError> {
    let stream = listener.accept().map_err(at("accepting a connection"))?;
    let (ended, end) = UnixStream::pair().map_err(at("creating a socket pair"))?;
    let served = stream.try_clone().map_err(at("duplicating a socket"))?;
    let server = server.clone();
    let thread = thread::Builder::new().name("peer".into()).spawn(move || {
        tracing::info!("a peer connected");
        match server.serve(&served) {
            Ok(()) => tracing::info!("the peer left"),
            Err(error) => tracing::warn!("the peer's connection ended: {error}"),
        }
        drop(end);
    });
    Ok(Peer {
        stream,
        ended,
        thread: thread.map_err(at("starting a thread"))?,
    })
}

fn end(peer: Peer) {
    if peer.thread.join().is_err() {
        tracing::error!("serving a peer panicked");
    }
}
