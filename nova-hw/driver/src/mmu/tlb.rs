// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Invalidating TLBs, and what waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use nova_pci::Pci;
use nova_spec::{
    register::FixedRegister,
    regs::{
        invalidate_pdb, INVALIDATE_ACK_GLOBALLY, NV_UFLUSH_FB_FLUSH,
        NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE,
    },
};

use crate::{card::Card, error::Cause, registers::poll, timeouts::Timeouts};

/// Whose translations are invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of the address space with its root here, which engines use.
    Space(u64),
    /// Those of a BAR with its root here, which only the hub's TLB has.
    Bar(u64),
}

/// Something that must live until no TLB leads to it.
trait Kept: Send {}
impl<T: Send> Kept for T {}

struct State {
    /// What could not be let go, because an invalidation failed.
    stale: Vec<Box<dyn Kept>>,
    /// What tables lead to that could not be changed.
    reached: Vec<Box<dyn Kept>>,
    open: bool,
}

/// The TLBs of one GPU.
pub(crate) struct Tlb<P: Pci> {
    card: Arc<Card<P>>,
    timeouts: Timeouts,
    /// Also the lock of the registers, which are written in a sequence.
    state: Mutex<State>,
}

impl<P: Pci> Tlb<P> {
    pub(crate) fn new(card: &Arc<Card<P>>, timeouts: &Timeouts) -> Self {
        let (stale, reached) = (Vec::new(), Vec::new());
        Self {
            card: card.clone(),
            timeouts: *timeouts,
            state: Mutex::new(State {
                stale,
                reached,
                open: true,
            }),
        }
    }

    /// Flushes the writes to page tables, invalidates, and waits for it. `kept` is what the old
    /// translations led to. It comes back when none is left; on an error it stays here until a
    /// later invalidation of everything succeeds, or the card is given up.
    pub(crate) fn invalidate<T: Send + 'static>(&self, scope: Scope, kept: T) -> Result<T, Cause> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.open {
            return Ok(kept);
        }
        let everything = !state.stale.is_empty();
        match self.flush_and_invalidate(scope, everything) {
            Ok(()) => {
                let stale = std::mem::take(&mut state.stale);
                drop(state);
                drop(stale);
                Ok(kept)
            }
            Err(cause) => {
                state.stale.push(Box::new(kept));
                Err(cause)
            }
        }
    }

    /// Keeps what tables of the card still lead to, until the card is given up.
    pub(crate) fn keep_for_good<T: Send + 'static>(&self, kept: T) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open {
            state.reached.push(Box::new(kept));
        }
    }

    /// The card has been given up: whatever it did, it does no more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open = false;
        let kept = (
            std::mem::take(&mut state.stale),
            std::mem::take(&mut state.reached),
        );
        drop(state);
        drop(kept);
    }

    /// An error once the card was given up.
    pub(crate) fn check_open(&self) -> Result<(), Cause> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.then_some(()).ok_or(Cause::Unloaded)
    }

    /// Waits until what the CPU wrote to VRAM is there.
    pub(crate) fn flush(&self) -> Result<(), Cause> {
        let registers = &self.card.registers;
        registers.write(NV_UFLUSH_FB_FLUSH::DEFAULT.with_pending(true))?;
        poll(
            registers,
            NV_UFLUSH_FB_FLUSH::LOCATION,
            "VRAM to be flushed",
            self.timeouts.fb_flush,
            |flush: NV_UFLUSH_FB_FLUSH| !flush.pending() && !flush.outstanding(),
        )
    }

    fn flush_and_invalidate(&self, scope: Scope, everything: bool) -> Result<(), Cause> {
        self.flush()?;
        let (Scope::Space(root) | Scope::Bar(root)) = scope;
        let registers = &self.card.registers;
        // One whose time was over may still be under way, and its end is not this one's.
        self.invalidated()?;
        let (low, high) = invalidate_pdb(root);
        registers.write(low)?;
        registers.write(high)?;
        // RM knows BARs by instance blocks of its own, so nouveau too names no root for them.
        let is_bar = matches!(scope, Scope::Bar(_));
        let invalidate = NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE::DEFAULT
            .with_all_va(true)
            .with_all_pdb(everything || is_bar)
            .with_hubtlb_only(is_bar && !everything)
            // What was translated by the old entries has arrived, too.
            .with_sys_membar(true)
            .with_ack(INVALIDATE_ACK_GLOBALLY)
            .with_trigger(true);
        registers.write(invalidate)?;
        self.invalidated()
    }

    /// Waits until no invalidation is under way.
    fn invalidated(&self) -> Result<(), Cause> {
        poll(
            &self.card.registers,
            NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE::LOCATION,
            "TLBs to be invalidated",
            self.timeouts.tlb_invalidate,
            |register: NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE| !register.trigger(),
        )
    }
}
