// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The control queue.
//!
//! A request belongs to the queue from submission until the device has used it, whoever waits
//! for it. A waiter that is killed detaches; the late answer then undoes what the request
//! created. Requests whose answer nobody waits for are *posted*. What a request keeps alive (pages, a
//! context) is let go in process context, by the reaper.

use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{
        code::{EBUSY, EFAULT, EINVAL, EIO, ENODEV, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP, EPROTO},
        Error, Result,
    },
    new_spinlock_irq,
    sync::{Arc, Completion, SpinLockIrq},
    virtio::{Fifo, Request, Virtqueue},
    virtio_nova::{self as wire, Hdr, Status, Wire},
    workqueue::WorkItem,
};
use pinned_init::{pin_data, pin_init, PinInit};

use crate::{context::Context, gem::Pages};

/// What takes back a request that succeeded after its waiter was killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    /// Nothing to take back.
    Nothing,
    /// `CTX_DESTROY` of the context that was created.
    DestroyContext,
    /// `GEM_CLOSE` of the handle that was created, in the request's context.
    CloseHandle,
}

/// What must stay alive until the device is done with a request.
#[derive(Default)]
#[allow(dead_code)] // only held
pub(crate) struct Keep {
    pub(crate) context: Option<Arc<Context>>,
    pub(crate) pages: Option<Arc<Pages>>,
}

/// The driver's part of a request.
pub(crate) struct Token {
    waiter: Option<Arc<Waiter>>,
    undo: Undo,
    /// Only held, until the device is done.
    keep: Keep,
    /// Bytes that the device wrote.
    used: usize,
}

enum Answer {
    Waiting,
    Detached,
    Here(KBox<Request<Token>>),
}

#[pin_data]
struct Waiter {
    #[pin]
    done: Completion,
    #[pin]
    answer: SpinLockIrq<Answer>,
}

impl Waiter {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            done <- Completion::new(),
            answer <- new_spinlock_irq!(Answer::Waiting, "Waiter::answer"),
        })
    }
}

struct Inner {
    /// None before the device is up and after it has stopped.
    queue: Option<Virtqueue<Token>>,
    /// Submitted while the ring was full.
    pending: Fifo<Token>,
    /// Answered, and nobody waits.
    answered: Fifo<Token>,
    lost: bool,
}

/// A request that is allocated before it is needed, so that posting it later cannot fail for want of
/// memory.
pub(crate) struct Prepared(KBox<Request<Token>>);

/// Bytes that a prepared request can send.
const PREPARED: usize = Hdr::LEN + wire::GemClose::LEN;

/// The control queue of one device.
#[pin_data]
pub(crate) struct Control {
    /// Memory entries that one request may name.
    max_entries: usize,
    #[pin]
    inner: SpinLockIrq<Inner>,
}

impl Control {
    pub(crate) fn new(queue: Virtqueue<Token>, max_entries: usize) -> impl PinInit<Self, Error> {
        pinned_init::try_pin_init!(Self {
            max_entries,
            inner <- new_spinlock_irq!(Inner {
                queue: Some(queue),
                pending: Fifo::new(),
                answered: Fifo::new(),
                lost: false,
            }, "Control::inner"),
        }? Error)
    }

    /// Sends a request and waits for its answer; returns what follows the header. Sleeps;
    /// `EINTR` when the task is killed, `ENODEV` when the device is gone or lost.
    pub(crate) fn call<B: Wire, R: Wire>(
        &self,
        command: u32,
        ctx_id: u32,
        body: &B,
        undo: Undo,
        keep: Keep,
    ) -> Result<R> {
        let message = encode(command, ctx_id, body, &[])?;
        let waiter = Arc::pin_init(Waiter::new(), GFP_KERNEL)?;
        let token = Token {
            waiter: Some(waiter.clone()),
            undo,
            keep,
            used: 0,
        };
        self.submit(Request::new(message, Hdr::LEN + R::LEN, token)?)?;
        let waited = waiter.done.wait_for_completion_killable();
        let mut answer = waiter.answer.lock();
        match core::mem::replace(&mut *answer, Answer::Detached) {
            Answer::Here(request) => {
                drop(answer);
                decode(&request)
            }
            // The device stopped, or the wait was ended by a kill.
            _ => Err(waited.err().unwrap_or(ENODEV)),
        }
    }

    /// Sends a request whose answer nobody waits for; the device handles it before any later
    /// one. Sleeps only for memory.
    pub(crate) fn post<B: Wire>(
        &self,
        command: u32,
        ctx_id: u32,
        body: &B,
        entries: &[wire::MemEntry],
        keep: Keep,
    ) -> Result {
        let token = Token {
            waiter: None,
            undo: Undo::Nothing,
            keep,
            used: 0,
        };
        let message = encode(command, ctx_id, body, entries)?;
        self.submit(Request::new(message, Hdr::LEN, token)?)
    }

    /// Memory entries that one request may name.
    pub(crate) fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// Allocates a request for [`Control::post_prepared`]. Sleeps.
    pub(crate) fn prepare() -> Result<Prepared> {
        let token = Token {
            waiter: None,
            undo: Undo::Nothing,
            keep: Keep::default(),
            used: 0,
        };
        let message = KVec::with_capacity(PREPARED, GFP_KERNEL)?;
        Ok(Prepared(Request::new(message, Hdr::LEN, token)?))
    }

    /// As [`Control::post`], but in memory that was allocated before: fails only when the device
    /// is gone, and then has nothing of what it would have given back.
    pub(crate) fn post_prepared<B: Wire>(
        &self,
        prepared: Prepared,
        command: u32,
        ctx_id: u32,
        body: &B,
        keep: Keep,
    ) {
        const { assert!(Hdr::LEN + B::LEN <= PREPARED) };
        let Prepared(mut request) = prepared;
        request.context.keep = keep;
        // There is room, so that this neither allocates nor fails.
        if encode_to(request.readable_mut(), command, ctx_id, body, &[]).is_ok() {
            let _ = self.submit(request);
        }
    }

    fn submit(&self, request: KBox<Request<Token>>) -> Result {
        let mut inner = self.inner.lock();
        if inner.lost || inner.queue.is_none() {
            drop(inner);
            // Dropped here, in process context.
            drop(request);
            return Err(ENODEV);
        }
        inner.pending.push(request);
        inner.fill();
        Ok(())
    }

    /// The queue has answers. Interrupt context. True when the reaper has something to do.
    pub(crate) fn interrupt(&self) -> bool {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        loop {
            let Some(queue) = &mut inner.queue else {
                return false;
            };
            queue.disable_interrupts();
            while let Some((mut request, used)) = queue.get() {
                request.context.used = used;
                deliver(request, &mut inner.answered);
            }
            if queue.enable_interrupts() {
                break;
            }
        }
        inner.fill();
        !inner.answered.is_empty()
    }

    /// From now on every request ends in `ENODEV`. Any context.
    pub(crate) fn mark_lost(&self) {
        self.inner.lock().lost = true;
    }

    /// The device has been reset: gives up the queue and ends everything that is under way. Sleeps.
    pub(crate) fn stop(&self) {
        let mut abandoned = Fifo::new();
        let mut inner = self.inner.lock();
        inner.lost = true;
        if let Some(mut queue) = inner.queue.take() {
            while let Some(request) = queue.detach_unused() {
                abandoned.push(request);
            }
        }
        while let Some(request) = inner.pending.pop() {
            abandoned.push(request);
        }
        while let Some(request) = inner.answered.pop() {
            abandoned.push(request);
        }
        drop(inner);
        while let Some(mut request) = abandoned.pop() {
            if let Some(waiter) = request.context.waiter.take() {
                waiter.done.complete();
            }
        }
    }
}

impl Inner {
    /// Moves submitted requests into the ring as far as there is room.
    fn fill(&mut self) {
        let Some(queue) = &mut self.queue else {
            return;
        };
        let mut added = false;
        while let Some(request) = self.pending.pop() {
            match queue.add(request) {
                Ok(()) => added = true,
                Err((request, _full)) => {
                    self.pending.push_front(request);
                    break;
                }
            }
        }
        if added {
            queue.kick();
        }
    }
}

/// Gives an answered request to its waiter, or to the reaper.
fn deliver(mut request: KBox<Request<Token>>, reaper: &mut Fifo<Token>) {
    let Some(waiter) = request.context.waiter.take() else {
        return reaper.push(request);
    };
    let mut answer = waiter.answer.lock();
    if let Answer::Detached = *answer {
        reaper.push(request);
    } else {
        *answer = Answer::Here(request);
        waiter.done.complete();
    }
}

impl WorkItem for Control {
    /// The reaper: lets go of what answered requests kept, and undoes what nobody wanted any more.
    fn run(&self) {
        loop {
            let next = self.inner.lock().answered.pop();
            let Some(mut request) = next else {
                return;
            };
            if rewrite_as_undo(&mut request) {
                // A device that is gone has undone it already.
                let _ = self.submit(request);
            }
        }
    }
}

/// Makes the request that takes back what `request` created, in its own memory so that it cannot fail.
fn rewrite_as_undo(request: &mut KBox<Request<Token>>) -> bool {
    let undo = core::mem::replace(&mut request.context.undo, Undo::Nothing);
    let (command, ctx_id, handle) = match undo {
        Undo::Nothing => return false,
        Undo::DestroyContext => match decode::<wire::RespCtxCreate>(request) {
            Ok(created) => (wire::CMD_CTX_DESTROY, created.ctx_id, None),
            Err(_) => return false,
        },
        Undo::CloseHandle => match decode::<wire::RespGemCreate>(request) {
            Ok(created) => (
                wire::CMD_GEM_CLOSE,
                Hdr::decode(request.readable()).map_or(0, |hdr| hdr.ctx_id),
                Some(created.handle),
            ),
            Err(_) => return false,
        },
    };
    let hdr = header(command, ctx_id);
    let message = request.readable_mut();
    // Both undo messages are shorter than what they undo.
    match handle {
        None => message.truncate(Hdr::LEN),
        Some(_) => message.truncate(Hdr::LEN + wire::GemClose::LEN),
    }
    let rest = hdr.put(message);
    if let (Some(handle), Some(rest)) = (handle, rest) {
        let close = wire::GemClose { handle, padding: 0 };
        return close.put(rest).is_some();
    }
    true
}

fn header(command: u32, ctx_id: u32) -> Hdr {
    Hdr {
        type_: command,
        ctx_id,
        ..Hdr::default()
    }
}

fn encode<B: Wire>(
    command: u32,
    ctx_id: u32,
    body: &B,
    entries: &[wire::MemEntry],
) -> Result<KVec<u8>> {
    let mut message = KVec::new();
    encode_to(&mut message, command, ctx_id, body, entries)?;
    Ok(message)
}

fn encode_to<B: Wire>(
    message: &mut KVec<u8>,
    command: u32,
    ctx_id: u32,
    body: &B,
    entries: &[wire::MemEntry],
) -> Result {
    let len = Hdr::LEN + B::LEN + size_of_val(entries);
    message.resize(len, 0, GFP_KERNEL)?;
    let mut rest = header(command, ctx_id).put(message).ok_or(EINVAL)?;
    rest = body.put(rest).ok_or(EINVAL)?;
    for entry in entries {
        rest = entry.put(rest).ok_or(EINVAL)?;
    }
    Ok(())
}

/// What follows the header of a good answer, or the error that it carries.
fn decode<R: Wire>(request: &Request<Token>) -> Result<R> {
    let answer = request
        .writable()
        .get(..request.context.used)
        .unwrap_or_default();
    let (hdr, rest) = Hdr::take(answer).ok_or(EIO)?;
    match Status::from_raw(hdr.type_) {
        Some(Status::Ok) => R::decode(rest).ok_or(EIO),
        Some(status) => Err(errno(status)),
        None => Err(EIO),
    }
}

/// The errno of a status (docs/virtio-nova.md, section 6.2).
fn errno(status: Status) -> Error {
    match status {
        Status::ErrInvalidCommand => EOPNOTSUPP,
        Status::ErrInvalidParameter => EINVAL,
        Status::ErrInvalidContext | Status::ErrInvalidHandle => ENOENT,
        Status::ErrInvalidAddress => EFAULT,
        Status::ErrOutOfMemory => ENOMEM,
        Status::ErrLimit => ENOSPC,
        Status::ErrVersion | Status::ErrNotNegotiated => EPROTO,
        Status::ErrDeviceLost => ENODEV,
        Status::ErrBusy => EBUSY,
        Status::Ok | Status::ErrUnspec | Status::ErrInvalidChain | Status::ErrInvalidLength => EIO,
    }
}
