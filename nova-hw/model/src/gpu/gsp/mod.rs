// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP-RM, the resource manager on GSP's RISC-V core, as far as a driver can see it: it reads
//! its arguments, waits for the two settings, has the driver run a sequence, says that it is
//! up, and answers calls until the driver goes.

mod bars;
mod env;
mod notify;
mod outgoing;
mod queue;
mod rm_objects;
mod rpc;
mod sequence;
mod static_info;

use std::time::Instant;

use fastrand::Rng;
use nova_spec::{chip::Chipset, gsp::wpr::GspFwWprMeta, rpc::RpcFunction};
use zerocopy::FromZeros;

use super::engines::Engines;
use crate::{
    deferred::Deferred,
    dma::Dma,
    fault::{Armed, FaultPlan, Kind, Place},
    register_file::RegisterFile,
};
use outgoing::Outgoing;
use queue::{Command, QueueError, Queues};
use rm_objects::Objects;
use sequence::Sequence;

pub(crate) use bars::BarTables;
pub(crate) use env::Env;

/// Messages that wait to be sent, past which no more commands are taken.
const MAX_OUTBOX: usize = 200;
/// Commands taken in one go. A driver that writes more rings again.
const MAX_COMMANDS: usize = 64;
/// Most elements that a seed's further events take, so that messages pass the ring's end.
const MAX_CHATTER: u32 = 90;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It does not run.
    Off,
    /// It waits for system information and registry.
    Settings,
    /// The driver runs the sequence and then starts it again.
    Sequence,
    /// It answers.
    Up,
    /// It has ended by itself.
    Suspended,
}

/// What running it had for consequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// A message was sent.
    pub(crate) sent: bool,
    /// It is up since just now, and BARs go through these.
    pub(crate) up: Option<BarTables>,
    /// It has ended.
    pub(crate) suspended: bool,
    /// A fault of the whole chip.
    pub(crate) fault: Option<Kind>,
}

/// GSP-RM.
#[derive(Debug)]
pub(crate) struct Rm {
    chipset: Chipset,
    engines: Engines,
    objects: Objects,
    bars: BarTables,
    /// It has just come up.
    came_up: bool,
    /// Draws what it may choose; without one it is the plain one.
    rng: Option<Rng>,
    phase: Phase,
    /// How often it was started, resets of the card or not.
    boots: u32,
    queues: Option<Queues>,
    libos: u64,
    meta: GspFwWprMeta,
    sequence: Sequence,
    has_system_info: bool,
    has_registry: bool,
    inbox: Deferred<Command>,
    outbox: Deferred<Outgoing>,
    command_faults: Armed,
    message_faults: Armed,
}

impl Rm {
    pub(crate) fn new(chipset: Chipset, engines: Engines, seed: Option<u64>) -> Self {
        Self {
            chipset,
            objects: Objects::new(engines.clone()),
            engines,
            bars: BarTables::default(),
            came_up: false,
            rng: seed.map(Rng::with_seed),
            phase: Phase::Off,
            boots: 0,
            queues: None,
            libos: 0,
            meta: GspFwWprMeta::new_zeroed(),
            sequence: Sequence::default(),
            has_system_info: false,
            has_registry: false,
            inbox: Deferred::default(),
            outbox: Deferred::default(),
            command_faults: Armed::default(),
            message_faults: Armed::default(),
        }
    }

    /// Puts a fault plan's messages and commands in place.
    pub(crate) fn set_faults(&mut self, plan: &FaultPlan) {
        self.command_faults = Armed::new(plan, |place| matches!(place, Place::Command(_)));
        self.message_faults = Armed::new(plan, |place| matches!(place, Place::Message(_)));
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// It starts, with the address of libos's list of regions.
    pub(crate) fn start(&mut self, dma: &mut Dma, libos: u64, meta: &GspFwWprMeta) {
        self.stop();
        (self.libos, self.meta) = (libos, *meta);
        match Queues::open(dma, libos) {
            Ok(queues) => {
                self.queues = Some(queues);
                self.phase = Phase::Settings;
                self.bars = BarTables::choose(meta, self.rng.as_mut());
                self.boots = self.boots.wrapping_add(1);
                self.sequence = match &mut self.rng {
                    None => Sequence::every_operation(self.boots),
                    Some(rng) => Sequence::draw(rng),
                };
                tracing::info!("GSP-RM runs");
            }
            Err(error) => tracing::warn!(%error, "GSP-RM has no queues"),
        }
    }

    /// It is gone.
    pub(crate) fn stop(&mut self) {
        self.phase = Phase::Off;
        self.queues = None;
        self.came_up = false;
        self.objects = Objects::new(self.engines.clone());
        self.inbox.clear();
        self.outbox.clear();
        (self.has_system_info, self.has_registry) = (false, false);
    }

    /// GSP was reset: it survives that only where it asked for it.
    pub(crate) fn engine_was_reset(&mut self) {
        if self.phase != Phase::Sequence {
            self.stop();
        }
    }

    /// The driver has run the sequence and starts it again, with the list of regions at
    /// `libos`. False when it does not go on.
    pub(crate) fn resume(&mut self, libos: u64, registers: &RegisterFile) -> bool {
        if libos != self.libos {
            tracing::warn!("GSP-RM is to go on with other arguments than it had");
            return false;
        }
        if !self.sequence.was_run(registers) {
            tracing::warn!("the driver has not run the sequence");
            return false;
        }
        self.init_done();
        true
    }

    /// Takes commands, acts, sends messages.
    pub(crate) fn run(&mut self, env: &mut Env<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        self.receive(env.dma, &mut outcome);
        let now = Instant::now();
        while let Some(command) = self.inbox.pop_due(now) {
            self.handle(env, &command);
        }
        if std::mem::take(&mut self.came_up) {
            self.bars.set_up(env);
            outcome.up = Some(self.bars);
        }
        self.send(env.dma, &mut outcome);
        outcome
    }

    /// Whether it has something to do without being asked, and when.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let due = [self.inbox.next_due(), self.outbox.next_due()];
        due.into_iter().flatten().min()
    }

    fn receive(&mut self, dma: &mut Dma, outcome: &mut Outcome) {
        let Some(queues) = &mut self.queues else {
            return;
        };
        for _ in 0..MAX_COMMANDS {
            if self.outbox.len() >= MAX_OUTBOX || self.inbox.len() >= MAX_OUTBOX {
                break;
            }
            let command = match queues.receive(dma) {
                Ok(Some(command)) => command,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "GSP-RM cannot read its commands");
                    break;
                }
            };
            let fault = self.command_faults.hit(|place| match place {
                Place::Command(which) => which.is_none_or(|which| which == command.function.0),
                _ => false,
            });
            match fault {
                None => self.inbox.push_now(command),
                Some(Kind::Delay(delay)) => self.inbox.push(delay, command),
                Some(Kind::Drop | Kind::Corrupt(_)) => {}
                Some(kind @ (Kind::Hang | Kind::AllOnes)) => outcome.fault = Some(kind),
            }
        }
    }

    fn send(&mut self, dma: &mut Dma, outcome: &mut Outcome) {
        let now = Instant::now();
        let Some(queues) = &mut self.queues else {
            return;
        };
        while let Some(message) = self.outbox.front_due(now) {
            let bytes = message.encode(queues.seq_num());
            match bytes.map_or(Ok(()), |bytes| queues.send(dma, &bytes)) {
                Ok(()) => outcome.sent = true,
                Err(QueueError::Full) => break,
                Err(error) => tracing::warn!(%error, "GSP-RM cannot send a message"),
            }
            let last =
                message.function == RpcFunction::UNLOADING_GUEST_DRIVER && message.rpc_result == 0;
            self.outbox.pop();
            if last {
                outcome.suspended = true;
                break;
            }
        }
        if outcome.suspended {
            self.stop();
            self.phase = Phase::Suspended;
        }
    }

    /// Has a message sent, or whatever a fault makes of it.
    fn post(&mut self, mut message: Outgoing) {
        let fault = self.message_faults.hit(|place| match place {
            Place::Message(which) => which.is_none_or(|which| which == message.function.0),
            _ => false,
        });
        match fault {
            Some(Kind::Delay(delay)) => return self.outbox.push(delay, message),
            Some(kind) => message.fault = Some(kind),
            None => {}
        }
        self.outbox.push_now(message);
    }
}
