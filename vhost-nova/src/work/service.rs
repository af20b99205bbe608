// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The thread of a tenant's work.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use kernel_abi::virtio_nova::Status;
use parking_lot::{Condvar, Mutex, MutexGuard};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::{EventFd, EFD_NONBLOCK};

use super::limits::WorkLimits;
use super::request::Waits;
use super::share::{Queue, Segment, Share, ShareError, Space};
use super::table::Table;

type Waker = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Control {
    /// A step is being carried out.
    is_busy: bool,
    is_ending: bool,
    /// Until when the thread sleeps, whatever happens.
    sleeps_until: Option<Instant>,
}

struct Inner {
    table: Table,
    control: Control,
}

/// A tenant's tables, and the thread that works on them.
pub(super) struct Service {
    pub(super) share: Arc<dyn Share>,
    inner: Mutex<Inner>,
    /// Told when a step is over.
    idle: Condvar,
    event: EventFd,
    epoll: Epoll,
    waker: Mutex<Option<Waker>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Service {
    pub(super) fn start(
        tenant: &str,
        share: Arc<dyn Share>,
        limits: WorkLimits,
    ) -> io::Result<Arc<Self>> {
        let service = Self::without_thread(share, limits)?;
        let it = service.clone();
        let thread = thread::Builder::new().name(format!("{tenant}-gpu"));
        let thread = thread.spawn(move || it.run())?;
        *service.thread.lock() = Some(thread);
        Ok(service)
    }

    /// For tests that take the steps themselves.
    pub(super) fn without_thread(
        share: Arc<dyn Share>,
        limits: WorkLimits,
    ) -> io::Result<Arc<Self>> {
        let event = EventFd::new(EFD_NONBLOCK)?;
        let epoll = Epoll::new()?;
        let wanted = EpollEvent::new(EventSet::IN, 0);
        epoll.ctl(ControlOperation::Add, event.as_raw_fd(), wanted)?;
        Ok(Arc::new(Self {
            share,
            inner: Mutex::new(Inner {
                table: Table::new(limits),
                control: Control::default(),
            }),
            idle: Condvar::new(),
            event,
            epoll,
            waker: Mutex::new(None),
            thread: Mutex::new(None),
        }))
    }

    pub(super) fn table(&self) -> parking_lot::MappedMutexGuard<'_, Table> {
        MutexGuard::map(self.inner.lock(), |inner| &mut inner.table)
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        *self.waker.lock() = Some(waker);
    }

    pub(super) fn queue(
        &self,
        space: &Arc<dyn Space>,
        priority: u32,
    ) -> Result<Box<dyn Queue>, ShareError> {
        self.share.queue(space, priority, &self.event)
    }

    /// Accepts a submission, and begins it here and now where it can: that takes no time.
    pub(super) fn exec(
        &self,
        ctx: u32,
        queue: u32,
        seqno: u64,
        waits: Waits<'_>,
        segments: Vec<Segment>,
    ) -> Result<(), Status> {
        let is_told = self.share.has_interrupts();
        let mut inner = self.inner.lock();
        inner.table.exec(ctx, queue, seqno, waits, segments)?;
        let now = Instant::now();
        inner.table.look(now);
        inner.table.show();
        let wanted = inner.table.deadline(now, is_told);
        let is_early = match (wanted, inner.control.sleeps_until) {
            (None, _) => true,
            (Some(wanted), Some(until)) => until <= wanted,
            (Some(_), None) => false,
        };
        drop(inner);
        if !is_early {
            self.wake();
        }
        Ok(())
    }

    /// Has the thread look.
    pub(super) fn wake(&self) {
        // It fails only when 2^64 - 2 of them wait.
        let _ = self.event.write(1);
    }

    /// Takes everything off the GPU, and leaves the guest's memory alone.
    pub(super) fn pause(&self) {
        self.hold();
        self.share.pause();
    }

    /// No step is begun any more, and none is under way.
    fn hold(&self) {
        let mut inner = self.inner.lock();
        inner.table.is_paused = true;
        while inner.control.is_busy {
            self.idle.wait(&mut inner);
        }
    }

    /// Goes on where it was paused.
    pub(super) fn resume(&self) {
        self.share.resume();
        let mut inner = self.inner.lock();
        inner.table.is_paused = false;
        inner.table.restart_clocks(Instant::now());
        drop(inner);
        self.wake();
    }

    /// Ends everything.
    pub(super) fn reset(&self) {
        self.hold();
        self.share.stop();
        let mut lines = self.table().reset();
        // Queues go before the address spaces that they are in.
        lines.retain(|line| line.queue().is_none());
        drop(lines);
        self.share.scrub();
        self.table().is_paused = false;
    }

    /// Ends everything, and the thread.
    pub(super) fn end(&self) {
        self.inner.lock().control.is_ending = true;
        self.wake();
        let thread = self.thread.lock().take();
        let other = thread.filter(|it| it.thread().id() != thread::current().id());
        if let Some(Err(_)) = other.map(JoinHandle::join) {
            tracing::error!("a tenant's thread for work has panicked");
        }
        self.reset();
        *self.waker.lock() = None;
    }

    fn run(&self) {
        loop {
            self.take_steps();
            let until = {
                let mut inner = self.inner.lock();
                if inner.control.is_ending {
                    return;
                }
                let until = inner
                    .table
                    .deadline(Instant::now(), self.share.has_interrupts());
                inner.control.sleeps_until = until;
                until
            };
            self.sleep(until);
        }
    }

    /// Does what there is to be done.
    pub(super) fn take_steps(&self) {
        loop {
            let mut inner = self.inner.lock();
            inner.table.look(Instant::now());
            inner.table.show();
            let is_heard = !inner.table.has_event() && !inner.table.is_gone;
            let step = match inner.control.is_ending {
                true => None,
                false => inner.table.next_step(),
            };
            inner.control.is_busy = step.is_some();
            drop(inner);
            if !is_heard || self.share.is_lost() {
                self.tell();
            }
            let Some(step) = step else { return };
            let done = step.run();
            let mut inner = self.inner.lock();
            inner.control.is_busy = false;
            inner.table.done(done);
            drop(inner);
            self.idle.notify_all();
            self.share.scrub();
        }
    }

    fn tell(&self) {
        // It may be the last to hold what owns this: without the lock, which that takes.
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    fn sleep(&self, until: Option<Instant>) {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // A millisecond too late and never too early: that would be a look for nothing.
        let left = left.map_or(-1, |left| {
            i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX)
        });
        match self.epoll.wait(left, &mut [EpollEvent::default()]) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => tracing::error!(%error, "waiting for work"),
        }
        let _ = self.event.read();
    }
}
