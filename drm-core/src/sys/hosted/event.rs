// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Events of a file: room that is reserved, a queue, and reads of whole events.

use super::{
    file::File,
    std::{
        self,
        collections::VecDeque,
        os::fd::{AsFd, BorrowedFd, OwnedFd},
        sync::{Condvar, Mutex, MutexGuard, PoisonError},
    },
};
use crate::{
    event::{Event, HEADER, SPACE},
    file::DriverFile,
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KVec},
    error::{
        code::{EAGAIN, EINVAL, EMFILE, ENOMEM},
        Result,
    },
    sync::Arc,
};
use rustix::event::{eventfd, EventfdFlags};

struct State {
    /// Bytes that events may still take.
    space: usize,
    /// Events that were reserved and not sent.
    pending: usize,
    /// Sent, the oldest first. There is room for those that are pending.
    ready: VecDeque<KVec<u8>>,
    /// False once the file is closed: nobody reads any more.
    is_open: bool,
    /// Readable while there is an event; there once somebody has asked for it.
    fd: Option<std::sync::Arc<OwnedFd>>,
}

/// The events of one file.
pub(super) struct EventQueue {
    state: Mutex<State>,
    sent: Condvar,
}

impl EventQueue {
    pub(super) fn new() -> Result<Arc<Self>> {
        let queue = Self {
            state: Mutex::new(State {
                space: SPACE,
                pending: 0,
                ready: VecDeque::new(),
                is_open: true,
                fd: None,
            }),
            sent: Condvar::new(),
        };
        Ok(Arc::new(queue, GFP_KERNEL)?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file is closed: what is pending is disarmed.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_open = false;
        state.ready.clear();
    }
}

impl State {
    /// Makes the descriptor readable, or not, as there are events.
    fn update_fd(&self) {
        let Some(fd) = &self.fd else { return };
        let mut count = [0; 8];
        let _ = rustix::io::read(fd, &mut count);
        if !self.ready.is_empty() {
            let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
        }
    }
}

/// An event with room in its file's queue, not sent yet (`struct drm_pending_event`).
///
/// Dropping it gives the room back (`drm_event_cancel_free()`). It may outlive its file.
pub struct PendingEvent<F: DriverFile> {
    queue: Arc<EventQueue>,
    /// Taken when it is sent.
    bytes: Option<KVec<u8>>,
    _file: core::marker::PhantomData<fn() -> F>,
}

impl<F: DriverFile> PendingEvent<F> {
    /// Reserves room in the queue of `file` (`drm_event_reserve_init()`). Sleeps for memory; `ENOMEM` when there is
    /// none, or no room: a file has [`SPACE`] bytes for what is pending and what was not read.
    pub fn reserve<E: Event>(file: &File<F>, event: &E) -> Result<Self> {
        let payload = event.to_bytes();
        let payload = payload.as_ref();
        let len = HEADER.checked_add(payload.len()).ok_or(ENOMEM)?;
        let length = u32::try_from(len).map_err(|_| ENOMEM)?;
        let mut bytes = KVec::with_capacity(len, GFP_KERNEL)?;
        bytes.extend_from_slice(&E::TYPE.to_ne_bytes(), GFP_KERNEL)?;
        bytes.extend_from_slice(&length.to_ne_bytes(), GFP_KERNEL)?;
        bytes.extend_from_slice(payload, GFP_KERNEL)?;
        let mut state = file.events.state();
        let space = state.space.checked_sub(len).ok_or(ENOMEM)?;
        let room = state.pending + 1;
        // So that sending never allocates.
        state.ready.try_reserve(room).map_err(|_| ENOMEM)?;
        state.space = space;
        state.pending = room;
        drop(state);
        Ok(Self {
            queue: file.events.clone(),
            bytes: Some(bytes),
            _file: core::marker::PhantomData,
        })
    }

    /// Says something else of the same kind and length, before it is sent; `EINVAL` when it is another. Any context.
    pub fn update<E: Event>(&mut self, event: &E) -> Result {
        let payload = event.to_bytes();
        let payload = payload.as_ref();
        let bytes = self.bytes.as_mut().ok_or(EINVAL)?;
        let is_kind = bytes.get(..4) == Some(&E::TYPE.to_ne_bytes()[..]);
        let place = bytes.get_mut(HEADER..).ok_or(EINVAL)?;
        if !is_kind || place.len() != payload.len() {
            return Err(EINVAL);
        }
        place.copy_from_slice(payload);
        Ok(())
    }

    /// Sends it (`drm_send_event()`): the file becomes readable. Nothing happens when the file is closed. Any context.
    pub fn send(mut self) {
        let Some(bytes) = self.bytes.take() else {
            return;
        };
        let mut state = self.queue.state();
        state.pending -= 1;
        if state.is_open {
            state.ready.push_back(bytes);
            state.update_fd();
            self.queue.sent.notify_all();
        }
    }
}

impl<F: DriverFile> Drop for PendingEvent<F> {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            let mut state = self.queue.state();
            state.pending -= 1;
            state.space += bytes.len();
        }
    }
}

impl<F: DriverFile> File<F> {
    /// Whether an event can be read: `EPOLLIN` of poll(2).
    pub fn is_readable(&self) -> bool {
        !self.events.state().ready.is_empty()
    }

    /// A descriptor that is readable while an event is, to be watched by poll(2) and its kin, not to be read. `EMFILE` when
    /// there are no more descriptors.
    pub fn poll_fd(&self) -> Result<impl AsFd> {
        let mut state = self.events.state();
        if state.fd.is_none() {
            let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
            let fd = eventfd(0, flags).map_err(|_| EMFILE)?;
            state.fd = Some(std::sync::Arc::new(fd));
            state.update_fd();
        }
        state.fd.clone().map(PollFd).ok_or(EMFILE)
    }

    /// Reads as many whole events as fit in `to`, and returns their bytes, as read(2) does (`drm_read()`).
    ///
    /// Waits for the first one, or ends in `EAGAIN` when `nonblocking`. 0 when the first one does not fit: it stays.
    pub fn read(&self, to: &mut [u8], nonblocking: bool) -> Result<usize> {
        let mut state = self.events.state();
        while state.ready.is_empty() {
            if nonblocking {
                return Err(EAGAIN);
            }
            let waited = self.events.sent.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let mut read = 0;
        while let Some(event) = state.ready.front() {
            let Some(place) = to.get_mut(read..read + event.len()) else {
                break;
            };
            place.copy_from_slice(event);
            read += event.len();
            state.space += event.len();
            state.ready.pop_front();
        }
        state.update_fd();
        Ok(read)
    }
}

struct PollFd(std::sync::Arc<OwnedFd>);

impl AsFd for PollFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
