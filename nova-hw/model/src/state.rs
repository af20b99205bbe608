// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What of a card changes, behind its lock: configuration space, the chip, interrupts, and the
//! writes that are on their way.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use crate::{
    config::{ConfigSpace, Effect},
    deferred::{Deferred, Delays},
    fault::FaultPlan,
    gpu::{
        ce::{Transfer, Transferred},
        host::Counters,
        BarWindow, Gpu,
    },
    interrupt::Interrupts,
    trace::Trace,
};

/// How often something that could not happen yet is tried again.
const RETRY: Duration = Duration::from_millis(1);

/// What a BAR shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    Registers,
    Memory(BarWindow),
}

/// A write that the card does not have yet.
#[derive(Debug)]
struct Posted {
    window: Window,
    offset: u64,
    data: Vec<u8>,
}

/// All that changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) interrupts: Interrupts,
    pub(crate) config: ConfigSpace,
    gpu: Gpu,
    /// How late writes to BARs are; at once without.
    delays: Option<Delays>,
    posted: Deferred<Posted>,
    /// When the timer looks again by itself.
    timer_due: Option<Instant>,
    /// It does so without being woken, because channels have more to do.
    timer_works: bool,
}

impl State {
    pub(crate) fn new(config: ConfigSpace, gpu: Gpu) -> Self {
        Self {
            interrupts: Interrupts::default(),
            config,
            gpu,
            delays: None,
            posted: Deferred::default(),
            timer_due: None,
            timer_works: false,
        }
    }

    /// Writes are late from now on, in both directions, by at most `longest`.
    pub(crate) fn delay_writes(&mut self, seed: u64, longest: Duration) {
        self.delays = Some(Delays::new(seed, longest));
        self.gpu.dma.set_delays(Delays::new(!seed, longest));
    }

    /// Channels are late from now on, at each step by at most `longest`.
    pub(crate) fn delay_channels(&mut self, seed: u64, longest: Duration) {
        let delays = Delays::new(seed, longest);
        self.gpu.host.holds().set_delays(delays);
    }

    #[cfg(test)]
    pub(crate) fn gpu(&mut self) -> &mut Gpu {
        &mut self.gpu
    }

    /// What the copy engines have done.
    pub(crate) fn counters(&self) -> Counters {
        self.gpu.host.counters()
    }

    pub(crate) fn set_faults(&mut self, plan: &FaultPlan) {
        self.gpu.set_faults(plan);
    }

    pub(crate) fn set_trace(&mut self, trace: Option<Trace>) {
        self.gpu.set_trace(trace);
    }

    /// The whole card as after power-on. The platform may keep the BARs' addresses.
    pub(crate) fn reset(&mut self, keep_bars: bool) {
        match keep_bars {
            true => self.config.reset_keeping_bars(),
            false => self.config.reset(),
        }
        self.posted.clear();
        self.gpu.reset();
        self.config_changed();
    }

    /// Whether the card answers in its memory BARs.
    pub(crate) fn answers(&self) -> bool {
        self.config.decodes_memory() && !self.gpu.is_gone()
    }

    pub(crate) fn read_config(&mut self, offset: u16, data: &mut [u8]) {
        self.flush_posted();
        match self.gpu.is_gone() {
            true => data.fill(0xff),
            false => self.config.read(offset, data),
        }
    }

    pub(crate) fn write_config(&mut self, offset: u16, data: &[u8]) {
        self.flush_posted();
        if self.gpu.is_gone() {
            return;
        }
        match self.config.write(offset, data) {
            Effect::FunctionReset => self.reset(false),
            Effect::None => self.config_changed(),
        }
    }

    pub(crate) fn read_rom(&self, offset: u64, data: &mut [u8]) {
        let rom = self.gpu.rom();
        for (at, byte) in (offset as usize..).zip(data) {
            *byte = rom.get(at).copied().unwrap_or(0);
        }
    }

    /// Whether a BAR is VRAM as it is.
    pub(crate) fn is_direct(&self, window: Window) -> bool {
        match window {
            Window::Registers => false,
            Window::Memory(window) => self.gpu.bar_is_physical(window),
        }
    }

    pub(crate) fn wpr2(&self) -> Option<Range<u64>> {
        self.gpu.wpr2()
    }

    /// Whether writes are late.
    pub(crate) fn posts(&self) -> bool {
        self.delays.is_some()
    }

    /// Reads what is not VRAM as it is. The answer comes after everything that the card wrote
    /// before it.
    pub(crate) fn read(&mut self, window: Window, offset: u64, data: &mut [u8]) {
        match window {
            Window::Registers => self.gpu.read(&self.config, offset, data),
            Window::Memory(window) => self.gpu.read_bar(window, offset, data),
        }
        self.gpu.dma.flush();
        self.settle();
    }

    /// Writes, now or later.
    pub(crate) fn write(&mut self, window: Window, offset: u64, data: &[u8]) {
        match &mut self.delays {
            None => self.write_now(window, offset, data),
            Some(delays) => {
                let (delay, data) = (delays.draw(), data.to_vec());
                self.posted.push(
                    delay,
                    Posted {
                        window,
                        offset,
                        data,
                    },
                );
                self.advance_posted(Instant::now());
            }
        }
    }

    /// Lets every posted write arrive.
    pub(crate) fn flush_posted(&mut self) {
        while let Some(posted) = self.posted.pop() {
            self.write_now(posted.window, posted.offset, &posted.data);
        }
    }

    /// A turn of a channel, if one waits. What is left to be copied is to be copied without this
    /// lock; then [`Self::transferred`] tells of it.
    pub(crate) fn run_channels(&mut self) -> Option<Transfer> {
        let transfer = self.gpu.run_channels(Instant::now());
        self.settle();
        transfer
    }

    pub(crate) fn transferred(&mut self, done: Transferred) {
        self.gpu.transferred(done);
        self.settle();
    }

    /// Lets happen whatever is due; returns when there is something again.
    pub(crate) fn advance(&mut self) -> Option<Instant> {
        let now = Instant::now();
        self.advance_posted(now);
        self.gpu.advance(now);
        self.gpu.dma.advance(now);
        self.settle();
        let due = [self.posted.next_due(), self.gpu.next_due()];
        let due = due.into_iter().flatten().min();
        let due = due.map(|due| due.max(now + RETRY));
        self.timer_works = self.gpu.channels_are_ready();
        let channels = match self.timer_works {
            true => Some(now),
            false => self.gpu.channels_due(),
        };
        self.timer_due = [due, channels].into_iter().flatten().min();
        self.timer_due
    }

    /// Whether something waits that the timer does not know of.
    pub(crate) fn timer_is_needed(&self) -> bool {
        if self.gpu.channels_are_ready() && !self.timer_works {
            return true;
        }
        let posted = self.posted.next_due();
        let due = [posted, self.gpu.next_due()].into_iter().flatten().min();
        match (due, self.timer_due) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(due), Some(timer)) => due < timer && timer > Instant::now() + RETRY,
        }
    }

    fn advance_posted(&mut self, now: Instant) {
        while let Some(posted) = self.posted.pop_due(now) {
            self.write_now(posted.window, posted.offset, &posted.data);
        }
    }

    fn write_now(&mut self, window: Window, offset: u64, data: &[u8]) {
        if !self.answers() {
            return;
        }
        match window {
            Window::Registers => self.gpu.write(offset, data),
            Window::Memory(window) => self.gpu.write_bar(window, offset, data),
        }
        self.settle();
    }

    /// Follows what was written to configuration space.
    fn config_changed(&mut self) {
        self.gpu.dma.set_master(self.config.is_bus_master());
        // A card that is no bus master any more touches nothing.
        self.gpu.host.quiesce();
    }

    /// After an access: what it set off leaves the card.
    fn settle(&mut self) {
        if self.gpu.dma.take_abort() {
            self.config.set_master_abort();
        }
        if self.gpu.take_interrupt() {
            // An MSI does not pass what was written before it.
            self.gpu.dma.flush();
            self.interrupts.send(self.config.allows_intx());
        }
    }
}
