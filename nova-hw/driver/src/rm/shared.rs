// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP-RM, as all owners share it.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc, OnceLock,
};

use nova_pci::Pci;
use nova_spec::{rm::NvStatus, rpc::RpcFunction};
use parking_lot::{FairMutex, Mutex};

use super::RmError;
use crate::{
    card::Card,
    error::{Cause, During, Failed, Step},
    gsp::{EventSink, Rm},
};

/// GSP-RM behind a fair lock. Its queue is one for all, and an answer is told from another only by
/// its place in it, so one call is under way at a time. Who waits is served in the order in which
/// it came; as a client waits with one call only, clients take turns.
///
/// When GSP is silent, or says something that is not in order, no later answer could be trusted:
/// the card is lost then, for all and for good. Its bus mastering is turned off before anybody learns
/// of it, so that what was the card's memory may be used for something else.
pub(crate) struct SharedRm<P: Pci> {
    card: Arc<Card<P>>,
    rm: FairMutex<Rm<P>>,
    lost: OnceLock<Arc<Cause>>,
    on_loss: Mutex<Option<LossSink>>,
    /// Somebody wants RM's events looked at while the lock is another's.
    events_wanted: AtomicBool,
}

/// Who is told that the card is lost, and whether it is known to reach no memory any more.
pub(crate) type LossSink = Box<dyn FnOnce(bool) + Send + Sync>;

impl<P: Pci> SharedRm<P> {
    pub(crate) fn new(card: &Arc<Card<P>>, rm: Rm<P>) -> Self {
        Self {
            card: card.clone(),
            rm: FairMutex::new(rm),
            lost: OnceLock::new(),
            on_loss: Mutex::new(None),
            events_wanted: AtomicBool::new(false),
        }
    }

    /// Sends a command and waits for its answer: how RM says it went, and the answer's payload.
    pub(crate) fn call(
        &self,
        function: RpcFunction,
        request: &[u8],
    ) -> Result<(NvStatus, Vec<u8>), RmError> {
        let mut rm = self.rm.lock();
        self.check()?;
        if !rm.is_running() {
            return Err(RmError::Closed);
        }
        let answer = rm.call(function, request);
        drop(rm);
        self.serve_events();
        answer.map_err(|cause| self.lose(cause))
    }

    /// Takes care of the events that are there, without waiting; how many there were.
    pub(crate) fn handle_events(&self) -> Result<u32, RmError> {
        let mut rm = self.rm.lock();
        self.check()?;
        if !rm.is_running() {
            return Err(RmError::Closed);
        }
        let handled = rm.handle_events();
        drop(rm);
        handled.map_err(|cause| self.lose(cause))
    }

    /// Has the events that are there taken care of, by whoever has the lock if it is taken: does not
    /// wait for somebody else's call.
    pub(crate) fn poke_events(&self) {
        self.events_wanted.store(true, Ordering::SeqCst);
        self.serve_events();
    }

    fn serve_events(&self) {
        while self.events_wanted.load(Ordering::SeqCst) {
            // Who has it looks here once more after it was given back.
            let Some(mut rm) = self.rm.try_lock() else {
                return;
            };
            self.events_wanted.store(false, Ordering::SeqCst);
            if self.lost().is_some() || !rm.is_running() {
                return;
            }
            let handled = rm.handle_events();
            drop(rm);
            if let Err(cause) = handled {
                self.lose(cause);
            }
        }
    }

    /// As [`Self::handle_events`], for whom a message that is not in order is no loss: nobody
    /// waits for an answer.
    pub(crate) fn log_events(&self) -> Result<u32, Cause> {
        self.rm.lock().handle_events()
    }

    /// Who is told of events, and that the card is lost.
    pub(crate) fn set_sinks(&self, events: EventSink, on_loss: LossSink) {
        self.rm.lock().set_sink(Some(events));
        *self.on_loss.lock() = Some(on_loss);
    }

    /// Nobody is told any more.
    pub(crate) fn clear_sinks(&self) {
        self.rm.lock().set_sink(None);
        *self.on_loss.lock() = None;
    }

    /// Why the card is lost, if it is.
    pub(crate) fn lost(&self) -> Option<Arc<Cause>> {
        self.lost.get().cloned()
    }

    /// Fails when the card is lost.
    pub(crate) fn check(&self) -> Result<(), RmError> {
        self.lost()
            .map_or(Ok(()), |cause| Err(RmError::Lost(cause)))
    }

    /// Declares the card lost, because of `cause` unless it is lost already.
    pub(crate) fn lose(&self, cause: Cause) -> RmError {
        let mut cut_off = None;
        let cause = self.lost.get_or_init(|| {
            tracing::error!(error = %cause, "the GPU is lost");
            // Others wait here: memory is let go by whoever sees that the card is lost.
            cut_off = Some(self.card.cut_off());
            Arc::new(cause)
        });
        if let Some(is_cut_off) = cut_off {
            let on_loss = self.on_loss.lock().take();
            if let Some(on_loss) = on_loss {
                on_loss(is_cut_off);
            }
        }
        RmError::Lost(cause.clone())
    }

    /// Ends RM, once. On a card that is lost there is nobody to tell: the card is reset.
    pub(crate) fn unload(&self) -> Result<(), Failed> {
        let mut rm = self.rm.lock();
        let Some(cause) = self.lost() else {
            return rm.unload();
        };
        if rm.abandon() {
            self.card.silence();
            return Err(Cause::Lost(cause)).during(Step::UnloadRm);
        }
        Ok(())
    }
}
