// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the driver keeps beside a request: who waits, what must live, how it is taken back.

use super::message;
use crate::{
    context::Context,
    gem::{Opening, Pages},
    work::{JobFence, QueueOf, Slot},
};
use drm_core::fence::DriverFence;
use kernel_abi::{
    alloc::KBox,
    error::{
        code::{EINTR, ENODEV, ETIMEDOUT},
        Result,
    },
    new_condvar, new_spinlock_irq,
    sync::{Arc, CondVar, CondVarTimeoutResult, SpinLockIrq},
    time::{msecs_to_jiffies, Jiffies},
    types::ARef,
    virtio::{Fifo, Request},
};
use pinned_init::{pin_data, pin_init, PinInit};

/// What takes back a request that succeeded after its waiter was gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    /// Nothing to take back.
    Nothing,
    /// `CTX_DESTROY` of the context that was created.
    DestroyContext,
    /// `GEM_CLOSE` of the handle that was created, in the request's context.
    CloseHandle,
    /// `VM_DESTROY` of the address space that was created, in the kept slot.
    DestroyVm,
    /// `QUEUE_DESTROY` of the queue that was created, in the kept slot.
    DestroyQueue,
}

/// What must stay alive until the device is done with a request, and with what takes it back.
#[derive(Default)]
#[allow(dead_code)] // only held
pub(crate) struct Keep {
    pub(crate) context: Option<Arc<Context>>,
    pub(crate) pages: Option<Arc<Pages>>,
    pub(crate) opening: Option<Opening>,
    /// Of a queue or an address space that is being made.
    pub(crate) slot: Option<Slot>,
    /// Of a queue that is being made: its address space is not ended before the queue is, which the host would refuse.
    pub(crate) queue_of: Option<QueueOf>,
}

/// The driver's part of a request.
pub(crate) struct Token {
    waiter: Option<Arc<Waiter>>,
    pub(super) undo: Undo,
    /// Is told what the host answers.
    pub(super) job: Option<ARef<DriverFence<JobFence>>>,
    /// Only held, until the device is done.
    pub(super) keep: Keep,
    /// Bytes that the device wrote.
    pub(super) used: usize,
}

impl Token {
    pub(super) fn new(waiter: Option<Arc<Waiter>>, undo: Undo) -> Self {
        Self {
            waiter,
            undo,
            job: None,
            keep: Keep::default(),
            used: 0,
        }
    }

    /// The device has stopped: nobody will answer.
    pub(super) fn abandon(&mut self) {
        if let Some(job) = &self.job {
            job.answered(Err(ENODEV));
        }
        if let Some(waiter) = self.waiter.take() {
            let mut answer = waiter.answer.lock();
            if let Answer::Waiting = *answer {
                *answer = Answer::None;
            }
            drop(answer);
            waiter.answered.notify_all();
        }
    }
}

enum Answer {
    Waiting,
    /// Whoever waited does no longer.
    Detached,
    /// There will be none.
    None,
    Here(KBox<Request<Token>>),
}

/// Somebody who waits for an answer.
#[pin_data]
pub(super) struct Waiter {
    #[pin]
    answer: SpinLockIrq<Answer>,
    #[pin]
    answered: CondVar,
}

impl Waiter {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            answer <- new_spinlock_irq!(Answer::Waiting, "Waiter::answer"),
            answered <- new_condvar!("Waiter::answered"),
        })
    }

    /// Nobody waits.
    pub(super) fn detach(&self) {
        // An answer that is there already is dropped without the lock.
        let before = core::mem::replace(&mut *self.answer.lock(), Answer::Detached);
        drop(before);
    }

    /// Waits for the answer. Sleeps, killable; errors as [`Call::wait`](super::Call::wait).
    pub(super) fn wait(&self) -> Result<KBox<Request<Token>>> {
        let mut left = limit();
        let mut answer = self.answer.lock();
        let mut ended = ENODEV;
        while let Answer::Waiting = *answer {
            match self.answered.wait_killable_timeout(&mut answer, left) {
                CondVarTimeoutResult::Woken { jiffies } => left = jiffies,
                CondVarTimeoutResult::Signal { .. } => {
                    ended = EINTR;
                    break;
                }
                CondVarTimeoutResult::Timeout => {
                    ended = ETIMEDOUT;
                    break;
                }
            }
        }
        match core::mem::replace(&mut *answer, Answer::Detached) {
            Answer::Here(request) => Ok(request),
            Answer::Waiting | Answer::Detached | Answer::None => Err(ended),
        }
    }
}

/// Jiffies that a host may take for an answer.
pub(crate) fn limit() -> Jiffies {
    msecs_to_jiffies(crate::module_parameters::timeout_ms.value())
}

/// Gives an answered request to its waiter, or to the reaper. Any context.
pub(super) fn deliver(mut request: KBox<Request<Token>>, reaper: &mut Fifo<Token>) {
    if let Some(job) = &request.context.job {
        job.answered(message::decode::<[u8; 0]>(&request).map(|_| ()));
    }
    let Some(waiter) = request.context.waiter.take() else {
        return reaper.push(request);
    };
    let mut answer = waiter.answer.lock();
    if let Answer::Waiting = *answer {
        *answer = Answer::Here(request);
        drop(answer);
        waiter.answered.notify_all();
    } else {
        reaper.push(request);
    }
}
