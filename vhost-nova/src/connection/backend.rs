// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What `vhost-user-backend` calls: messages of the machine monitor and kicks of the guest.
//!
//! Only what is implemented is advertised. The worker never ends by itself: a ring that makes no
//! sense is set aside, and a panic, which would be a defect of the daemon, closes this connection
//! alone.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use kernel_abi::virtio_nova::{Config, Wire, QUEUE_CONTROL, QUEUE_EVENT};
use parking_lot::Mutex;
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};
use vhost_user_backend::{ShutdownHandle, VhostUserBackend, VringEpollHandler};
use virtio_bindings::bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::bindings::virtio_ring::{
    VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC,
};
use vm_memory::{GuestAddressSpace, GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EventFd, EFD_NONBLOCK};

use super::guest::Guest;
use super::memory::Memory;
use super::session::Session;
use crate::device::Device;
use crate::limited;
use crate::queue::Vring;
use crate::sigbus::Watch;
use crate::tenant::Tenant;

const NUM_QUEUES: usize = 2;
const MAX_QUEUE_SIZE: usize = 1024;
const CONFIG_LEN: usize = Config::LEN;

/// Number of the worker's own event, which ends it. Those of the rings, and one of the crate's
/// own, come before it.
pub const EVENT_STOP: u64 = NUM_QUEUES as u64 + 1;
/// Number of the first ring's kick eventfd.
const EVENT_KICK: u64 = EVENT_STOP + 1;

/// The crate's event loop for a worker.
pub type EventLoop = VringEpollHandler<Arc<Backend>>;

/// One connection's backend.
pub struct Backend {
    tenant: Arc<Tenant>,
    config: [u8; CONFIG_LEN],
    session: Mutex<Session>,
    /// Ends the worker. The crate's own exit event leaks a descriptor a connection.
    stop: EventFd,
    stopping: AtomicBool,
    /// Where the worker's descriptors are watched.
    event_loop: OnceLock<Weak<EventLoop>>,
    /// Closes the connection; there once it is established.
    shutdown: OnceLock<ShutdownHandle>,
    /// The rings, there once the worker has seen them.
    vrings: OnceLock<Vec<Vring>>,
    this: Weak<Self>,
}

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// Lives as long as a worker's thread, to notice its end.
struct Worker(Weak<Backend>);

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(backend) = self.0.upgrade() {
            if !backend.stopping.load(Ordering::Acquire) {
                backend.fail("its worker ended");
            }
        }
    }
}

impl Backend {
    /// A backend for a device that nobody uses yet.
    ///
    /// # Errors
    /// When there are no more descriptors.
    pub fn new(tenant: Arc<Tenant>, device: Device) -> io::Result<Arc<Self>> {
        let stop = EventFd::new(EFD_NONBLOCK)?;
        let config = device.config();
        let session = Mutex::new(Session::new(Guest {
            tenant: tenant.clone(),
            device,
            features: 0,
            watch: Watch::default(),
        }));
        let backend = Arc::new_cyclic(|this: &Weak<Self>| Self {
            tenant,
            config,
            session,
            stop,
            stopping: AtomicBool::new(false),
            event_loop: OnceLock::new(),
            shutdown: OnceLock::new(),
            vrings: OnceLock::new(),
            this: this.clone(),
        });
        let this = backend.this.clone();
        let wake = move || {
            if let Some(backend) = this.upgrade() {
                backend.wake_events();
            }
        };
        backend.session.lock().guest.device.set_waker(wake);
        Ok(backend)
    }

    /// Has the worker look at the event queue: there is something for the driver.
    fn wake_events(&self) {
        let vrings = self.vrings.get();
        if let Some(event) = vrings.and_then(|vrings| vrings.get(QUEUE_EVENT as usize)) {
            event.kick_again();
        }
    }

    /// Says where the worker's descriptors are watched, and has its end watched there.
    ///
    /// # Errors
    /// When there are no more descriptors.
    pub fn set_event_loop(&self, event_loop: &Arc<EventLoop>) -> io::Result<()> {
        let _ = self.event_loop.set(Arc::downgrade(event_loop));
        event_loop.register_listener(self.stop.as_raw_fd(), EventSet::IN, EVENT_STOP)
    }

    /// Says how the connection is closed.
    pub fn set_shutdown(&self, shutdown: ShutdownHandle) {
        let _ = self.shutdown.set(shutdown);
    }

    /// Closes the connection.
    pub fn close(&self) {
        if let Some(shutdown) = self.shutdown.get() {
            shutdown.shutdown();
        }
    }

    /// Ends the worker, whatever it waits for.
    pub fn stop_worker(&self) {
        self.stopping.store(true, Ordering::Release);
        let _ = self.stop.write(1);
        for vring in self.vrings.get().into_iter().flatten() {
            vring.unblock();
        }
    }

    /// Frees everything and returns the number of objects that there were. To be called when the
    /// worker has ended.
    pub fn release(&self) -> u64 {
        self.session.lock().release()
    }

    fn fail(&self, why: &str) {
        tracing::error!(tenant = self.tenant.name, "closing the connection: {why}");
        self.stopping.store(true, Ordering::Release);
        self.close();
    }

    fn work(&self, queue: u32, vrings: &[Vring]) {
        if self.stopping.load(Ordering::Acquire) {
            return;
        }
        let [control, event] = vrings else { return };
        let mut session = self.session.lock();
        if session.guest.features & (1 << VIRTIO_F_VERSION_1) == 0 {
            drop(session);
            limited!(warn, self.tenant, "kicked by a driver without VERSION_1");
            return;
        }
        match queue {
            QUEUE_CONTROL => session.run(control, event),
            QUEUE_EVENT => session.run_events(event),
            _ => {}
        }
    }

    /// On the worker's first event.
    fn adopt_worker(&self, vrings: &[Vring]) {
        if self.vrings.get().is_none() {
            let _ = self.vrings.set(vrings.to_vec());
            WORKER.with_borrow_mut(|worker| *worker = Some(Worker(self.this.clone())));
        }
    }

    /// A ring starts, or is to be looked at again.
    fn start_ring(&self, queue: usize, vrings: &[Vring]) {
        self.adopt_worker(vrings);
        let (Some(vring), Some(event_loop)) = (vrings.get(queue), self.event_loop.get()) else {
            return;
        };
        let number = EVENT_KICK + queue as u64;
        let edges = EventSet::IN | EventSet::EDGE_TRIGGERED;
        let watched = vring.watch_kick(|kick| {
            let upgraded = event_loop.upgrade().ok_or(io::ErrorKind::NotConnected)?;
            upgraded.register_listener(kick, edges, number)?;
            let event_loop = event_loop.clone();
            Ok(Box::new(move |kick| {
                if let Some(event_loop) = event_loop.upgrade() {
                    let _ = event_loop.unregister_listener(kick, edges, number);
                }
            }))
        });
        if let Err(error) = watched {
            limited!(error, self.tenant, "watching a kick eventfd: {error}");
        }
    }
}

impl VhostUserBackend for Backend {
    type Bitmap = ();
    type Vring = Vring;

    fn num_queues(&self) -> usize {
        NUM_QUEUES
    }

    fn max_queue_size(&self) -> usize {
        MAX_QUEUE_SIZE
    }

    fn features(&self) -> u64 {
        (1 << VIRTIO_F_VERSION_1)
            | (1 << VIRTIO_RING_F_INDIRECT_DESC)
            | (1 << VIRTIO_RING_F_EVENT_IDX)
            | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        // No RESET_DEVICE: the crate forgets the features then, and refuses the messages that
        // stop the rings. The monitors reset a device by stopping its rings.
        VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::REPLY_ACK
    }

    fn acked_features(&self, features: u64) {
        let before = std::mem::replace(&mut self.session.lock().guest.features, features);
        if before != features {
            limited!(info, self.tenant, "negotiated features {features:#x}");
        }
    }

    fn set_event_idx(&self, _enabled: bool) {
        // The rings know.
    }

    fn get_config(&self, offset: u32, size: u32) -> Vec<u8> {
        // The crate has checked that size is at most 4096.
        let byte = |at: usize| self.config.get(at).copied().unwrap_or(0);
        let offset = offset as usize;
        (0..size as usize).map(|at| byte(offset + at)).collect()
    }

    fn set_config(&self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        let len = bytes.len();
        limited!(
            warn,
            self.tenant,
            "write of {len} bytes to the configuration at {offset} ignored"
        );
        Ok(())
    }

    fn update_memory(&self, mem: GuestMemoryAtomic<GuestMemoryMmap>) -> io::Result<()> {
        let regions = GuestMemoryMmap::clone(&mem.memory());
        match Memory::new(regions) {
            Ok(memory) => self.session.lock().set_memory(memory).map_err(|error| {
                limited!(error, self.tenant, "connection refused: {error:#}");
                io::Error::other(error)
            }),
            Err(error) => {
                limited!(error, self.tenant, "connection refused: {error}");
                Err(io::Error::other(error))
            }
        }
    }

    fn queues_per_thread(&self) -> Vec<u64> {
        vec![(1 << NUM_QUEUES) - 1]
    }

    fn stop_vring(&self, queue: u32) -> io::Result<()> {
        match queue {
            // With the lock, the worker is done with guest memory.
            QUEUE_CONTROL => self.session.lock().stop(),
            _ => drop(self.session.lock()),
        }
        Ok(())
    }

    fn handle_event(
        &self,
        event: u16,
        _events: EventSet,
        vrings: &[Vring],
        _thread: usize,
    ) -> io::Result<()> {
        let queue = match u64::from(event) {
            // An error is how a worker is ended.
            EVENT_STOP => return Err(io::ErrorKind::Interrupted.into()),
            kick @ EVENT_KICK.. => kick - EVENT_KICK,
            started => {
                self.start_ring(event.into(), vrings);
                started
            }
        };
        let work = AssertUnwindSafe(|| self.work(queue as u32, vrings));
        if catch_unwind(work).is_err() {
            self.fail("its worker panicked");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_window_has_the_protocol_feature_bit_that_monitors_know() {
        // Crate vhost 0.16 had another.
        assert_eq!(VhostUserProtocolFeatures::SHMEM.bits(), 1 << 22);
    }
}
