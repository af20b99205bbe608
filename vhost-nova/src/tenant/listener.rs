// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A tenant in the main loop: accepts one connection at a time.
//!
//! A monitor that restarts may connect a moment before the end of its old connection has been
//! noticed. So a second connection waits in the listener's backlog for [`GRACE`], and is closed
//! only when the first still lives then.

use std::sync::Arc;
use std::time::Duration;

use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};
use vhost::vhost_user::Listener;
use vmm_sys_util::eventfd::{EventFd, EFD_NONBLOCK};
use vmm_sys_util::timerfd::TimerFd;

use super::socket::Socket;
use super::spec::TenantSpec;
use super::work::WorkSpec;
use super::Tenant;
use crate::connection::Live;
use crate::error::{Context, Error};
use crate::gpu::Gpu;
use crate::limited;
use crate::operator::TenantStatus;

/// How long a second connection waits for the end of the first.
const GRACE: Duration = Duration::from_millis(250);

/// A tenant's listener and its connection.
pub struct TenantListener {
    tenant: Arc<Tenant>,
    gpu: Arc<Gpu>,
    work: WorkSpec,
    socket: Socket<Listener>,
    live: Option<Live>,
    /// Written when everything of `live` is gone.
    ended: EventFd,
    /// Runs while a second connection waits.
    grace: TimerFd,
    closing: bool,
}

impl TenantListener {
    /// Listens on the tenant's socket.
    ///
    /// # Errors
    /// See [`Socket::bind`].
    pub fn new(spec: &TenantSpec, gpu: Arc<Gpu>) -> Result<Self, Error> {
        Ok(Self {
            tenant: Arc::new(Tenant::new(&spec.name)),
            gpu,
            work: spec.work.clone(),
            socket: Socket::bind(&spec.socket)?,
            live: None,
            ended: EventFd::new(EFD_NONBLOCK).context("creating an eventfd")?,
            grace: TimerFd::new().context("creating a timer")?,
            closing: false,
        })
    }

    /// Closes the connection and accepts no other.
    pub fn close(&mut self) {
        self.closing = true;
        if let Some(live) = &self.live {
            live.close();
        }
    }

    /// Whether there is a connection whose end has not come.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// What an operator is told of the tenant.
    pub fn status(&self) -> TenantStatus {
        let live = self.live.as_ref().map(Live::inspector);
        TenantStatus::new(&self.tenant.name, self.socket.path(), live)
    }

    /// The tenant's name.
    pub fn name(&self) -> &str {
        &self.tenant.name
    }

    fn accept(&mut self) {
        let ended = match self.ended.try_clone() {
            Ok(ended) => ended,
            Err(error) => {
                limited!(error, self.tenant, "can not accept a connection: {error}");
                return self.refuse();
            }
        };
        let listener = self.socket.listener();
        match Live::start(&self.tenant, &self.gpu, &self.work, listener, ended) {
            Ok(live) => {
                limited!(info, self.tenant, "connected");
                self.live = Some(live);
            }
            Err(error) => {
                limited!(error, self.tenant, "can not serve a connection: {error}");
                self.refuse();
            }
        }
    }

    /// Closes the connection that waits.
    fn refuse(&mut self) {
        // Does not wait: called when there is one, and nobody else takes it.
        let _ = self.socket.listener().accept();
    }

    fn reap(&mut self) {
        let _ = self.ended.read();
        let Some(live) = self.live.take() else { return };
        let end = live.join();
        let suppressed = self.tenant.log_limit.take_suppressed();
        if suppressed > 0 {
            tracing::warn!(
                tenant = self.tenant.name,
                "{suppressed} messages about this tenant suppressed"
            );
        }
        if let Some(error) = end.error {
            limited!(warn, self.tenant, "connection failed: {error}");
        }
        limited!(
            info,
            self.tenant,
            "disconnected, {} objects freed",
            end.objects
        );
    }

    /// Looks at the listener again, which it did not while a second connection waited.
    fn resume(&mut self, ops: &mut EventOps<'_>) {
        let _ = self.grace.clear();
        let listen = Events::new(&self.socket, EventSet::IN);
        if let Err(error) = ops.modify(listen) {
            tracing::error!(tenant = self.tenant.name, "listening again: {error}");
        }
    }

    /// Leaves a second connection in the backlog for a while.
    fn hold(&mut self, ops: &mut EventOps<'_>) {
        let held = ops.modify(Events::new(&self.socket, EventSet::empty()));
        if held.is_err() || self.grace.reset(GRACE, None).is_err() {
            self.refuse();
            self.resume(ops);
        }
    }
}

impl MutEventSubscriber for TenantListener {
    fn init(&mut self, ops: &mut EventOps<'_>) {
        use std::os::fd::AsRawFd;
        for fd in [
            self.socket.as_raw_fd(),
            self.ended.as_raw_fd(),
            self.grace.as_raw_fd(),
        ] {
            if let Err(error) = ops.add(Events::new_raw(fd, EventSet::IN)) {
                tracing::error!(tenant = self.tenant.name, "watching a descriptor: {error}");
            }
        }
    }

    fn process(&mut self, events: Events, ops: &mut EventOps<'_>) {
        use std::os::fd::AsRawFd;
        let fd = events.fd();
        if fd == self.ended.as_raw_fd() {
            self.reap();
            self.resume(ops);
        } else if fd == self.grace.as_raw_fd() {
            let _ = self.grace.wait();
            limited!(
                warn,
                self.tenant,
                "a second connection was closed: the first is still there"
            );
            self.refuse();
            self.resume(ops);
        } else if self.closing {
            self.refuse();
        } else if self.live.is_some() {
            self.hold(ops);
        } else {
            self.accept();
        }
    }
}
