// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Talking to GSP-RM: what it is told when it starts, the events that it sends, and its end.

use std::{sync::Arc, time::Duration};

use nova_pci::{Pci, PciError};
use nova_spec::{
    falcon::FalconEngine,
    pci::header,
    register::RelativeRegister,
    regs::NV_PFALCON_FALCON_MAILBOX0,
    rm::{event::RcTriggered, NvStatus},
    rpc::{
        registry,
        static_info::GspStaticConfigInfo,
        system_info::{GspSystemInfo, SystemInfo},
        unload::{UnloadingGuestDriver, LIBOS_SUSPENDED},
        RpcFunction,
    },
    FormatError,
};
use zerocopy::IntoBytes;

use super::{
    memory::GspMemory,
    queue::{Queues, Received},
    sequencer::Sequencer,
    static_info::StaticInfo,
    MessageError,
};
use crate::{
    card::Card,
    error::{Cause, During, Failed, Step},
    falcon::Falcon,
    info::PciIds,
    timeouts::Timeouts,
    wait,
};

/// How many other messages may come before the one that is waited for.
const MAX_OTHERS: u32 = 1024;

/// How far RM is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It may run or not; its sequences are carried out.
    Starting,
    /// It runs.
    Running,
    /// It was told to end.
    Ended,
}

/// GSP-RM. It is told to end, at the latest when this is dropped.
pub(crate) struct Rm<P: Pci> {
    card: Arc<Card<P>>,
    memory: Arc<GspMemory<P::Mapping>>,
    timeouts: Timeouts,
    queues: Queues<P>,
    app_version: u32,
    state: State,
    sink: Option<EventSink>,
}

/// Who is told of events about channels.
pub(crate) type EventSink = Box<dyn Fn(RmEvent) + Send>;

/// An event about channels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RmEvent {
    /// A channel had an error, and is off.
    Rc(RcTriggered),
    /// There is a fault in RM's fault buffer. RM looks at it and tells of the channel.
    MmuFaultQueued,
}

impl RmEvent {
    fn decode(function: RpcFunction, payload: &[u8]) -> Result<Self, FormatError> {
        match function {
            RpcFunction::RC_TRIGGERED => RcTriggered::decode(payload).copied().map(Self::Rc),
            _ => Ok(Self::MmuFaultQueued),
        }
    }
}

impl<P: Pci> Rm<P> {
    /// RM with this memory, which is about to be started.
    pub(crate) fn new(
        card: &Arc<Card<P>>,
        timeouts: &Timeouts,
        memory: &Arc<GspMemory<P::Mapping>>,
        app_version: u32,
    ) -> Self {
        Self {
            card: card.clone(),
            memory: memory.clone(),
            timeouts: *timeouts,
            queues: Queues::new(card, memory),
            app_version,
            state: State::Starting,
            sink: None,
        }
    }

    /// An RM that has started, for tests that play GSP.
    #[cfg(test)]
    pub(crate) fn running(
        card: &Arc<Card<P>>,
        timeouts: &Timeouts,
        memory: &Arc<GspMemory<P::Mapping>>,
    ) -> Self {
        let mut rm = Self::new(card, timeouts, memory, 0);
        rm.state = State::Running;
        rm
    }

    /// From a running core to an RM that has told what it found.
    pub(crate) fn start(&mut self, ids: &PciIds, bdf: u16) -> Result<StaticInfo, Failed> {
        let info = self.system_info(ids, bdf).during(Step::SetSystemInfo)?;
        self.send(RpcFunction::GSP_SET_SYSTEM_INFO, info.as_bytes())
            .during(Step::SetSystemInfo)?;
        let registry = registry::encode(&registry::DEFAULT_ENTRIES);
        self.send(RpcFunction::SET_REGISTRY, &registry)
            .during(Step::SetRegistry)?;
        self.wait_for(RpcFunction::GSP_INIT_DONE)
            .during(Step::WaitForRm)?;
        self.state = State::Running;
        self.static_info().during(Step::GetStaticInfo)
    }

    fn system_info(&self, ids: &PciIds, bdf: u16) -> Result<GspSystemInfo, PciError> {
        let pci = self.card.pci();
        let memory_bar = |offset: u16| -> Result<u64, PciError> {
            let low = u64::from(pci.config_read32(offset)? & nova_spec::pci::bar::ADDRESS);
            let high = u64::from(pci.config_read32(offset + 4)?);
            Ok(high << 32 | low)
        };
        let bar0 = pci.config_read32(header::BAR0)? & nova_spec::pci::bar::ADDRESS;
        Ok(GspSystemInfo::new(&SystemInfo {
            bar0: bar0.into(),
            // Both are of 64 bits: BAR1 is in the two dwords after BAR0, BAR3 in the next two.
            bar1: memory_bar(header::BAR0 + 4)?,
            bar3: memory_bar(header::BAR0 + 12)?,
            bdf,
            vendor: ids.vendor,
            device: ids.device,
            subsystem_vendor: ids.subsystem_vendor,
            subsystem_device: ids.subsystem_device,
            revision: ids.revision,
        }))
    }

    fn static_info(&mut self) -> Result<StaticInfo, Cause> {
        let function = RpcFunction::GET_GSP_STATIC_INFO;
        self.send(function, GspStaticConfigInfo::zeroed().as_bytes())?;
        let payload = self.wait_for(function)?;
        Ok(StaticInfo::decode(&payload).map_err(MessageError::Format)?)
    }

    fn send(&mut self, function: RpcFunction, payload: &[u8]) -> Result<(), Cause> {
        self.queues.send(function, payload, self.timeouts.message)
    }

    /// Waits for an answer or an event, and takes care of the events before it.
    fn receive(&mut self, awaited: RpcFunction) -> Result<Received, Cause> {
        let limit = self.timeouts.message;
        for _ in 0..MAX_OTHERS {
            let Some(received) = self.queues.receive(limit)? else {
                return Err(self.silence(awaited)?);
            };
            if received.function == awaited {
                return Ok(received);
            }
            self.handle(received)?;
        }
        let count = MAX_OTHERS;
        Err(MessageError::Flood { awaited, count }.into())
    }

    /// Waits for one that says that all is well.
    fn wait_for(&mut self, awaited: RpcFunction) -> Result<Vec<u8>, Cause> {
        Ok(self.receive(awaited)?.into_payload()?)
    }

    /// Sends a command and waits for its answer: how RM says it went, and the answer's payload.
    /// An error means that GSP can not be talked to any more.
    pub(crate) fn call(
        &mut self,
        function: RpcFunction,
        payload: &[u8],
    ) -> Result<(NvStatus, Vec<u8>), Cause> {
        self.send(function, payload)?;
        let Received {
            status, payload, ..
        } = self.receive(function)?;
        Ok((status, payload))
    }

    /// From now on `sink` is told of the events that are about channels. It must not call RM.
    pub(crate) fn set_sink(&mut self, sink: Option<EventSink>) {
        self.sink = sink;
    }

    /// Why nothing comes: the card may be gone.
    fn silence(&self, awaited: RpcFunction) -> Result<Cause, Cause> {
        let location = NV_PFALCON_FALCON_MAILBOX0::of(FalconEngine::GSP);
        self.card.registers.read_any(location)?;
        let limit = self.timeouts.message;
        Ok(MessageError::Silence { awaited, limit }.into())
    }

    fn handle(&self, received: Received) -> Result<(), Cause> {
        let function = received.function;
        let payload = received.into_payload()?;
        match function {
            RpcFunction::GSP_RUN_CPU_SEQUENCER if self.state == State::Starting => {
                let sequencer = Sequencer {
                    card: &self.card,
                    timeouts: &self.timeouts,
                    libos_address: self.memory.libos_address(),
                    app_version: self.app_version,
                };
                return sequencer.run(&payload);
            }
            RpcFunction::RC_TRIGGERED | RpcFunction::MMU_FAULT_QUEUED
                if self.state == State::Running && self.sink.is_some() =>
            {
                let event = RmEvent::decode(function, &payload).map_err(MessageError::Format)?;
                if let Some(sink) = &self.sink {
                    sink(event);
                }
            }
            RpcFunction::UCODE_LIBOS_PRINT | RpcFunction::GSP_POST_NOCAT_RECORD => {
                tracing::debug!(%function, "event");
            }
            _ if function.is_event() => {
                tracing::warn!(%function, bytes = payload.len(), "event of GSP");
            }
            _ => tracing::warn!(%function, "an answer that nobody waits for"),
        }
        Ok(())
    }

    /// Takes care of the events that are there; how many there were.
    pub(crate) fn handle_events(&mut self) -> Result<u32, Cause> {
        for count in 0..MAX_OTHERS {
            let Some(received) = self.queues.receive(Duration::ZERO)? else {
                return Ok(count);
            };
            self.handle(received)?;
        }
        Ok(MAX_OTHERS)
    }

    /// Nobody tells RM to end any more; whether somebody still had to.
    pub(crate) fn abandon(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Ended) != State::Ended
    }

    /// Whether RM takes commands.
    pub(crate) fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Tells RM to end and waits until GSP has suspended. Once; where the core never ran, there
    /// is nobody to tell.
    pub(crate) fn unload(&mut self) -> Result<(), Failed> {
        let state = std::mem::replace(&mut self.state, State::Ended);
        if state == State::Ended {
            return Ok(());
        }
        let is_active = self.gsp().is_riscv_active().during(Step::UnloadRm)?;
        match (is_active, state) {
            (true, _) => {}
            (false, State::Running) => return Err(Cause::RiscvInactive).during(Step::UnloadRm),
            (false, _) => return Ok(()),
        }
        let function = RpcFunction::UNLOADING_GUEST_DRIVER;
        let payload = UnloadingGuestDriver::default();
        self.send(function, payload.as_bytes())
            .and_then(|()| self.wait_for(function))
            .during(Step::UnloadRm)?;
        self.wait_for_suspend().during(Step::SuspendGsp)
    }

    fn wait_for_suspend(&self) -> Result<(), Cause> {
        let limit = self.timeouts.suspend;
        let mut value = 0;
        let suspended = wait::until(limit, || {
            value = self.gsp().mailbox0()?;
            Ok::<_, Cause>((value & LIBOS_SUSPENDED != 0).then_some(()))
        })?;
        suspended.ok_or_else(|| Cause::Timeout {
            waited_for: "GSP to suspend",
            register: NV_PFALCON_FALCON_MAILBOX0::of(FalconEngine::GSP).name(),
            value,
            limit,
        })
    }

    fn gsp(&self) -> Falcon<'_, P> {
        Falcon::new(&self.card, &self.timeouts, FalconEngine::GSP)
    }
}

impl<P: Pci> Drop for Rm<P> {
    fn drop(&mut self) {
        if let Err(Failed { step, cause }) = self.unload() {
            tracing::warn!(error = %cause, "cannot {step}");
        }
    }
}

#[cfg(test)]
#[path = "rm_tests.rs"]
mod tests;
