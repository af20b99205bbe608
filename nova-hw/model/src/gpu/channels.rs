// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Turns of channels, and what they have for consequences outside of the host engine.

use std::time::Instant;

use super::{
    ce::{Transfer, Transferred},
    host::Environment,
    mmu::Memory,
    Gpu,
};

impl Gpu {
    /// Whether a channel waits for its turn, which is to come at once.
    pub(crate) fn channels_are_ready(&self) -> bool {
        self.works() && self.host.is_ready()
    }

    /// When a channel that waits looks again.
    pub(crate) fn channels_due(&self) -> Option<Instant> {
        self.host.next_due().filter(|_| self.works())
    }

    /// A turn, if somebody waits for one. What it leaves to be copied is the caller's to copy,
    /// without the card's lock, and to tell of.
    pub(crate) fn run_channels(&mut self, now: Instant) -> Option<Transfer> {
        if !self.works() {
            return None;
        }
        let transfer = self.with_host(now, |host, env| host.run(env));
        self.channels_did();
        transfer
    }

    /// What was left to be copied was.
    pub(crate) fn transferred(&mut self, done: Transferred) {
        self.with_host(Instant::now(), |host, env| host.transferred(done, env));
        self.channels_did();
    }

    fn with_host<T>(
        &mut self,
        now: Instant,
        run: impl FnOnce(&mut super::host::Host, &mut Environment<'_>) -> T,
    ) -> T {
        let wpr2 = self.wpr2();
        let mut env = Environment {
            memory: Memory {
                vram: &self.vram,
                dma: &mut self.dma,
                wpr2,
            },
            now,
            clock_ns: self.ptimer.now(),
        };
        run(&mut self.host, &mut env)
    }

    /// Raises vectors, and has GSP-RM tell of errors.
    fn channels_did(&mut self) {
        for vector in self.host.take_vectors() {
            self.vfn.raise(vector);
        }
        let mut told = false;
        while let Some(event) = self.host.take_rc_event() {
            let runlist = event.channel.runlist.into();
            let text = event.kind.to_string();
            self.rm.channel_error(runlist, &event.payload(), &text);
            told = true;
        }
        if told {
            self.run_rm();
        }
        if let Some(kind) = self.host.take_fault() {
            self.fail(kind);
        }
        self.dma_faults();
    }
}
