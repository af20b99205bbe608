// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The life of a connection, from accept to the last freed object.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use vhost::vhost_user::Listener;
use vhost_user_backend::VhostUserDaemon;
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

use super::backend::Backend;
use crate::device::{Device, Inspector, Limits};
use crate::error::{Context, Error};
use crate::gpu::Gpu;
use crate::tenant::{Tenant, WorkSpec};
use crate::work::Work;

/// The waiting thread joins, logs and frees; it needs little.
const WAITER_STACK: usize = 128 << 10;

/// How a connection ended.
#[derive(Debug)]
pub struct End {
    /// Objects that the guest left behind, freed now.
    pub objects: u64,
    /// Why, when it was not just closed.
    pub error: Option<String>,
}

/// A connection that is served.
pub struct Live {
    backend: Arc<Backend>,
    inspector: Inspector,
    waiter: JoinHandle<End>,
}

/// The crate's daemon, with a worker that ends when this is dropped.
struct Daemon {
    daemon: VhostUserDaemon<Arc<Backend>>,
    backend: Arc<Backend>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The crate joins the worker when its daemon is dropped, after this.
        self.backend.stop_worker();
    }
}

impl Live {
    /// Accepts the connection that waits on the listener and serves it. `ended` is written to
    /// when everything of the connection is gone.
    ///
    /// # Errors
    /// When there are not enough threads, descriptors or memory.
    pub fn start(
        tenant: &Arc<Tenant>,
        gpu: &Gpu,
        work: &WorkSpec,
        listener: &mut Listener,
        ended: EventFd,
    ) -> Result<Self, Error> {
        let limits = Limits::default();
        let share = gpu.share(&tenant.name, work, limits.max_total_entries)?;
        let work = Work::new(&tenant.name, share, work.limits);
        let work = work.context("starting a thread for work")?;
        let device = Device::new(&tenant.name, gpu.identity().clone(), limits, Some(work));
        let device = device.context("creating the device")?;
        let inspector = device.inspector();
        let backend = Backend::new(tenant.clone(), device).context("creating the backend")?;
        let mut daemon = Daemon::new(tenant, &backend)?;
        let started = daemon.daemon.start(listener);
        started.map_err(display).context("accepting a connection")?;
        if let Some(shutdown) = daemon.daemon.shutdown_handle() {
            backend.set_shutdown(shutdown);
        }
        let waiter = thread::Builder::new()
            .name(format!("{}-wait", tenant.name))
            .stack_size(WAITER_STACK)
            .spawn(move || {
                let end = daemon.wait();
                // Whoever waits for this event then joins this thread.
                let _ = ended.write(1);
                end
            })
            .context("starting a thread")?;
        Ok(Self {
            backend,
            inspector,
            waiter,
        })
    }

    /// For an operator who looks into the device.
    pub fn inspector(&self) -> &Inspector {
        &self.inspector
    }

    /// Closes the connection; its end is reported as usual.
    pub fn close(&self) {
        self.backend.close();
    }

    /// Waits for the end.
    pub fn join(self) -> End {
        self.waiter.join().unwrap_or_else(|_| End {
            objects: 0,
            error: Some("the waiting thread panicked".into()),
        })
    }
}

impl Daemon {
    fn new(tenant: &Tenant, backend: &Arc<Backend>) -> Result<Self, Error> {
        let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
        let daemon = VhostUserDaemon::new(tenant.name.clone(), backend.clone(), memory);
        let daemon = Self {
            daemon: daemon.map_err(display).context("starting a worker")?,
            backend: backend.clone(),
        };
        // One, for both rings.
        for event_loop in daemon.daemon.get_epoll_handlers() {
            let set = backend.set_event_loop(&event_loop);
            set.context("watching the worker's end")?;
        }
        Ok(daemon)
    }

    /// Waits for the connection's end and frees everything.
    fn wait(mut self) -> End {
        use vhost::vhost_user::Error::{Disconnected, PartialMessage};
        use vhost_user_backend::Error::HandleRequest;
        let error = match self.daemon.wait() {
            Ok(()) | Err(HandleRequest(Disconnected | PartialMessage)) => None,
            Err(error) => Some(error.to_string()),
        };
        let backend = self.backend.clone();
        drop(self);
        let objects = backend.release();
        End { objects, error }
    }
}

/// The crate's error is no `std::error::Error`.
fn display(error: vhost_user_backend::Error) -> io::Error {
    io::Error::other(error.to_string())
}
