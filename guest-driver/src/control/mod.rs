// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The control queue.
//!
//! A request belongs to the queue from submission until the device has used it, whoever waits
//! for it. A waiter that is killed, or that has waited too long, detaches; the late answer then undoes what the request
//! created. Requests whose answer nobody waits for are *posted*. What a request keeps alive (pages, a
//! context) is let go in process context, by the reaper.

mod job;
mod message;
mod token;

use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{code::ENODEV, Error, Result},
    new_spinlock_irq,
    sync::{Arc, SetOnce, SpinLockIrq},
    virtio::{Fifo, Request, Virtqueue},
    virtio_nova::{
        self as wire, Hdr, Negotiate, RespNegotiate, Wire, CMD_NEGOTIATE, VERSION_MAJOR,
        VERSION_MINOR,
    },
    workqueue::WorkItem,
};
use pinned_init::{pin_data, PinInit};

use self::token::{deliver, Waiter};
pub(crate) use self::{
    job::Body,
    token::{limit, Keep, Token, Undo},
};

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
    /// What the host has said of the GPU and itself.
    info: SetOnce<RespNegotiate>,
    #[pin]
    inner: SpinLockIrq<Inner>,
}

/// What there is to do after an interrupt.
#[derive(Clone, Copy, Default)]
pub(crate) struct Interrupt {
    /// The reaper has something to do.
    pub(crate) reap: bool,
    /// Jobs were answered.
    pub(crate) jobs: bool,
}

/// A request under way.
#[must_use = "who does not wait gets no answer"]
pub(crate) struct Call {
    waiter: Arc<Waiter>,
}

/// Why a request was not sent, and what it would have kept.
pub(crate) struct Unsent {
    error: Error,
    #[allow(dead_code)] // to be dropped where no lock is held
    keep: Keep,
}

impl From<Unsent> for Error {
    fn from(unsent: Unsent) -> Self {
        unsent.error
    }
}

/// A good answer, and with it what the request has kept.
pub(crate) struct Answered<R> {
    pub(crate) value: R,
    request: KBox<Request<Token>>,
}

impl Control {
    pub(crate) fn new(queue: Virtqueue<Token>, max_entries: usize) -> impl PinInit<Self, Error> {
        pinned_init::try_pin_init!(Self {
            max_entries,
            info: SetOnce::new(),
            inner <- new_spinlock_irq!(Inner {
                queue: Some(queue),
                pending: Fifo::new(),
                answered: Fifo::new(),
                lost: false,
            }, "Control::inner"),
        }? Error)
    }

    /// Agrees with the host on a version, once and before anything else. Sleeps; killable.
    pub(crate) fn negotiate(&self) -> Result<&RespNegotiate> {
        let request = Negotiate {
            version_major: VERSION_MAJOR,
            version_minor: VERSION_MINOR,
            padding: 0,
        };
        let info = self.call(CMD_NEGOTIATE, 0, &request, Undo::Nothing, Keep::default())?;
        self.info.populate(info);
        self.info()
    }

    /// What was negotiated; `ENODEV` before.
    pub(crate) fn info(&self) -> Result<&RespNegotiate> {
        self.info.as_ref().ok_or(ENODEV)
    }

    /// Sends a request and waits for its answer; returns what follows the header. Sleeps;
    /// errors as [`Call::wait`].
    pub(crate) fn call<B: Wire, R: Wire>(
        &self,
        command: u32,
        ctx_id: u32,
        body: &B,
        undo: Undo,
        keep: Keep,
    ) -> Result<R> {
        let call = self.start::<B, R>(command, ctx_id, body, undo, keep)?;
        Ok(call.wait::<R>()?.value)
    }

    /// Sends a request, which the host handles before any that is sent later. Sleeps for memory. On an error (`ENOMEM`,
    /// or `ENODEV` when the device is gone or lost) what was to be kept comes back.
    pub(crate) fn start<B: Wire, R: Wire>(
        &self,
        command: u32,
        ctx_id: u32,
        body: &B,
        undo: Undo,
        keep: Keep,
    ) -> Result<Call, Unsent> {
        let make = || -> Result<_> {
            let message = message::encode(command, ctx_id, body, &[])?;
            let waiter = Arc::pin_init(Waiter::new(), GFP_KERNEL)?;
            let token = Token::new(Some(waiter.clone()), undo);
            let request = Request::new(message, Hdr::LEN + R::LEN, token)?;
            Ok((waiter, request))
        };
        let (waiter, mut request) = match make() {
            Ok(made) => made,
            Err(error) => return Err(Unsent { error, keep }),
        };
        request.context.keep = keep;
        match self.submit(request) {
            Ok(()) => Ok(Call { waiter }),
            Err(mut request) => Err(Unsent {
                error: ENODEV,
                keep: core::mem::take(&mut request.context.keep),
            }),
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
        let message = message::encode(command, ctx_id, body, entries)?;
        let mut request = Request::new(message, Hdr::LEN, Token::new(None, Undo::Nothing))?;
        request.context.keep = keep;
        self.submit(request).map_err(|_| ENODEV)
    }

    /// Memory entries that one request may name.
    pub(crate) fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// Allocates a request for [`Control::post_prepared`]. Sleeps.
    pub(crate) fn prepare() -> Result<Prepared> {
        let message = KVec::with_capacity(PREPARED, GFP_KERNEL)?;
        let token = Token::new(None, Undo::Nothing);
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
        if message::encode_to(request.readable_mut(), command, ctx_id, body, &[]).is_ok() {
            let _ = self.submit(request);
        }
    }

    /// Gives the request back when the device is gone or lost; it is dropped in process context. Any context.
    fn submit(&self, request: KBox<Request<Token>>) -> Result<(), KBox<Request<Token>>> {
        let mut inner = self.inner.lock();
        if inner.lost || inner.queue.is_none() {
            return Err(request);
        }
        inner.pending.push(request);
        inner.fill();
        Ok(())
    }

    /// The queue has answers. Interrupt context.
    pub(crate) fn interrupt(&self) -> Interrupt {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let mut found = Interrupt::default();
        loop {
            let Some(queue) = &mut inner.queue else {
                return found;
            };
            queue.disable_interrupts();
            while let Some((mut request, used)) = queue.get() {
                request.context.used = used;
                found.jobs |= request.context.job.is_some();
                deliver(request, &mut inner.answered);
            }
            if queue.enable_interrupts() {
                break;
            }
        }
        inner.fill();
        found.reap = !inner.answered.is_empty();
        found
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
            request.context.abandon();
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

impl Call {
    /// Waits for the answer. Sleeps, killable. `EINTR` when the task is killed, `ETIMEDOUT` when the host says nothing for
    /// a long time, `ENODEV` when the device is gone or lost, and the host's error.
    ///
    /// After the first two the request is still under way; what it creates is taken back.
    pub(crate) fn wait<R: Wire>(self) -> Result<Answered<R>> {
        let request = self.waiter.wait()?;
        let value = message::decode(&request)?;
        Ok(Answered { value, request })
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
            if message::rewrite_as_undo(&mut request) {
                // A device that is gone has undone it already.
                let _ = self.submit(request);
            }
        }
    }
}
