// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A ring as `vhost-user-backend` configures it.
//!
//! Wraps the crate's own type for these reasons. Its lock is not fair: a flooding guest could keep
//! the worker on the ring and the machine monitor's `GET_VRING_BASE` out. A broken ring must stay
//! untouched until it is set up anew. And it reads the kick eventfd each time it is kicked, which
//! costs a system call on the way of each request, and parks the worker when a monitor reads it
//! too. So the crate gets a *stand-in* for the kick eventfd, which tells the worker that a ring
//! starts, and the worker watches the monitor's own edge-triggered: like the kernel's vhost, it
//! never reads it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustix::event::EventfdFlags;
use rustix::io::ReadWriteFlags;
use vhost_user_backend::{VringMutex, VringState, VringStateGuard, VringStateMutGuard, VringT};
use virtio_queue::{Error as QueueError, QueueT};
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};

use crate::log_limit::LogLimit;

type Memory = GuestMemoryAtomic<GuestMemoryMmap>;

/// A ring, shared between the connection's thread and its worker.
#[derive(Clone)]
pub struct Vring {
    shared: Arc<Shared>,
}

struct Shared {
    /// Taken before `state`, always: parking_lot's mutex is eventually fair, the standard
    /// library's inside `state` is not.
    gate: Mutex<Gate>,
    state: VringMutex<Memory>,
    kick: Mutex<Kick>,
    /// A second descriptor of the eventfd, to be used without the lock.
    call: Mutex<Option<File>>,
    /// The ring was set up from its first entry on.
    fresh: AtomicBool,
}

#[derive(Default)]
struct Kick {
    /// The monitor's eventfd, until the worker watches it.
    new: Option<File>,
    /// The one that the worker watches.
    watched: Option<Watched>,
    /// What the crate has in its place: the ring's own, non-blocking.
    stand_in: Option<File>,
}

/// A kick eventfd that the worker watches. No longer when it is dropped.
struct Watched {
    kick: File,
    forget: Forget,
}

/// How the worker stops watching a descriptor.
pub type Forget = Box<dyn Fn(RawFd) + Send + Sync>;

impl Drop for Watched {
    fn drop(&mut self) {
        // Before it is closed: the monitor has it open, so the worker would go on watching it.
        (self.forget)(self.kick.as_raw_fd());
    }
}

#[derive(Default)]
struct Gate {
    broken: bool,
}

/// The ring's state while its lock is held.
pub struct StateGuard<'a> {
    // Unlocked in this order.
    state: std::sync::MutexGuard<'a, VringState<Memory>>,
    gate: MutexGuard<'a, Gate>,
}

impl StateGuard<'_> {
    /// Whether the worker may work on the ring: set up, enabled and not broken.
    pub fn is_live(&self) -> bool {
        self.state.is_enabled() && self.state.get_queue().ready() && !self.gate.broken
    }

    /// Leaves the ring alone until it is set up anew.
    pub fn set_broken(&mut self) {
        self.gate.broken = true;
    }
}

impl Deref for StateGuard<'_> {
    type Target = VringState<Memory>;
    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl DerefMut for StateGuard<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.state
    }
}

impl Vring {
    fn lock(&self) -> StateGuard<'_> {
        let gate = self.shared.gate.lock();
        let state = self.shared.state.get_mut();
        StateGuard { state, gate }
    }

    fn with_gate<R>(&self, change: impl FnOnce(&VringMutex<Memory>) -> R) -> R {
        let _gate = self.shared.gate.lock();
        change(&self.shared.state)
    }

    /// Has the worker watch a kick eventfd that the monitor has sent, if there is a new one.
    /// `watch` starts that and tells how it is ended.
    ///
    /// # Errors
    /// When the worker can not watch it.
    pub fn watch_kick(&self, watch: impl FnOnce(RawFd) -> io::Result<Forget>) -> io::Result<()> {
        let mut kick = self.shared.kick.lock();
        if let Some(new) = kick.new.take() {
            let forget = watch(new.as_raw_fd())?;
            kick.watched = Some(Watched { kick: new, forget });
        }
        Ok(())
    }

    /// True once after the ring was set up from its first entry on, as a driver does after a
    /// reset. A machine that goes on after a pause sets it up where it stopped. (A ring that
    /// stopped after a multiple of 65536 requests looks fresh too.)
    pub fn take_fresh(&self) -> bool {
        self.shared.fresh.load(Ordering::Acquire) && self.shared.fresh.swap(false, Ordering::AcqRel)
    }

    /// Makes the worker come back to this ring as if the driver had kicked.
    pub fn kick_again(&self) {
        if let Some(stand_in) = &self.shared.kick.lock().stand_in {
            // It does not wait; when it is full, it is readable, which is all.
            let _ = (&*stand_in).write(&1u64.to_ne_bytes());
        }
    }

    /// Frees a worker that waits in a write to a call eventfd whose counter its peer has
    /// saturated. Only for the end of a connection.
    pub fn unblock(&self) {
        if let Some(call) = &*self.shared.call.lock() {
            let _ = read_now(call);
        }
    }
}

/// Reads an eventfd without waiting, whatever its flags: they are shared with the peer.
fn read_now(eventfd: &File) -> io::Result<()> {
    let mut count = [0; 8];
    let mut buffers = [io::IoSliceMut::new(&mut count)];
    // An offset of -1 reads at the current position.
    rustix::io::preadv2(eventfd, &mut buffers, u64::MAX, ReadWriteFlags::NOWAIT)?;
    Ok(())
}

thread_local! {
    /// A ring does not know its tenant, but each connection has its own thread.
    static LIMIT: LogLimit = LogLimit::new();
}

/// The descriptor when it is an eventfd. Any other could make the worker spin or wait.
fn eventfd(file: Option<File>, what: &str) -> Option<File> {
    let file = file?;
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let is_eventfd = std::fs::read_link(link)
        .is_ok_and(|target| target.as_os_str().as_encoded_bytes() == b"anon_inode:[eventfd]");
    if !is_eventfd {
        // The thread of a connection has its tenant's name.
        let thread = std::thread::current();
        let tenant = thread.name().unwrap_or_default();
        if LIMIT.with(LogLimit::pass).is_some() {
            tracing::warn!(tenant, "a {what} descriptor that is no eventfd is ignored");
        }
    }
    is_eventfd.then_some(file)
}

fn stand_in() -> io::Result<(File, File)> {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let stand_in = File::from(rustix::event::eventfd(0, flags)?);
    Ok((stand_in.try_clone()?, stand_in))
}

impl<'a> VringStateGuard<'a, Memory> for Vring {
    type G = StateGuard<'a>;
}

impl<'a> VringStateMutGuard<'a, Memory> for Vring {
    type G = StateGuard<'a>;
}

impl VringT<Memory> for Vring {
    fn new(mem: Memory, max_queue_size: u16) -> Result<Self, QueueError> {
        let shared = Arc::new(Shared {
            gate: Mutex::default(),
            state: VringMutex::new(mem, max_queue_size)?,
            kick: Mutex::default(),
            call: Mutex::default(),
            fresh: AtomicBool::new(false),
        });
        Ok(Self { shared })
    }

    fn get_ref(&self) -> StateGuard<'_> {
        self.lock()
    }

    fn get_mut(&self) -> StateGuard<'_> {
        self.lock()
    }

    fn add_used(&self, desc_index: u16, len: u32) -> Result<(), QueueError> {
        self.lock().add_used(desc_index, len)
    }

    fn signal_used_queue(&self) -> io::Result<()> {
        self.lock().signal_used_queue()
    }

    fn enable_notification(&self) -> Result<bool, QueueError> {
        self.lock().enable_notification()
    }

    fn disable_notification(&self) -> Result<(), QueueError> {
        self.lock().disable_notification()
    }

    fn needs_notification(&self) -> Result<bool, QueueError> {
        self.lock().needs_notification()
    }

    fn set_enabled(&self, enabled: bool) {
        self.lock().set_enabled(enabled);
    }

    fn set_queue_info(&self, desc: u64, avail: u64, used: u64) -> Result<(), QueueError> {
        self.lock().set_queue_info(desc, avail, used)
    }

    fn queue_next_avail(&self) -> u16 {
        self.with_gate(VringT::queue_next_avail)
    }

    fn set_queue_next_avail(&self, base: u16) {
        self.with_gate(|state| state.set_queue_next_avail(base));
        self.shared.fresh.store(base == 0, Ordering::Release);
    }

    fn set_queue_next_used(&self, idx: u16) {
        self.with_gate(|state| state.set_queue_next_used(idx));
    }

    fn queue_used_idx(&self) -> Result<u16, QueueError> {
        self.with_gate(VringT::queue_used_idx)
    }

    fn set_queue_size(&self, num: u16) {
        self.with_gate(|state| state.set_queue_size(num));
    }

    fn set_queue_event_idx(&self, enabled: bool) {
        self.with_gate(|state| state.set_queue_event_idx(enabled));
    }

    fn set_queue_ready(&self, ready: bool) {
        let mut gate = self.shared.gate.lock();
        gate.broken = false;
        self.shared.state.set_queue_ready(ready);
    }

    fn set_kick(&self, file: Option<File>) {
        let new = eventfd(file, "kick");
        let mut kick = Kick::default();
        let mut for_crate = None;
        if new.is_some() {
            match stand_in() {
                Ok((first, second)) => {
                    for_crate = Some(first);
                    kick.stand_in = Some(second);
                    kick.new = new;
                }
                Err(error) => tracing::error!("no eventfd, a ring is not started: {error}"),
            }
        }
        *self.shared.kick.lock() = kick;
        self.with_gate(|state| state.set_kick(for_crate));
    }

    fn read_kick(&self) -> io::Result<bool> {
        if let Some(stand_in) = &self.shared.kick.lock().stand_in {
            let _ = (&*stand_in).read(&mut [0; 8]);
        }
        // An error would end the worker. Whether the ring is enabled is checked with its lock.
        Ok(true)
    }

    fn set_call(&self, file: Option<File>) {
        let file = eventfd(file, "call");
        let second = file.as_ref().and_then(|call| call.try_clone().ok());
        *self.shared.call.lock() = second;
        self.with_gate(|state| state.set_call(file));
    }

    fn set_err(&self, file: Option<File>) {
        self.with_gate(|state| state.set_err(file));
    }
}
