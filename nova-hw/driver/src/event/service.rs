// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The thread that takes care of interrupts. It sleeps until there is one.

use std::{io, sync::Arc, thread::JoinHandle};

use nova_pci::{EventFd, Pci};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

use super::{
    tree::{acknowledge_gsp, retrigger_gsp},
    Channels, Signal, Tree,
};
use crate::{card::Card, error::Cause, rm::SharedRm};

/// `EFD_NONBLOCK`.
const NONBLOCK: i32 = 0o4000;
/// What epoll says of an interrupt; of the end it says another number.
const INTERRUPT: u64 = 0;

/// What the thread takes care of.
pub(crate) struct Worker<P: Pci> {
    pub(crate) card: Arc<Card<P>>,
    pub(crate) rm: Arc<SharedRm<P>>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) tree: Tree,
    /// The vector on which GSP says that there is a message.
    pub(crate) gsp: Option<u32>,
    /// The vectors of engines' notifications.
    pub(crate) engines: Vec<(u32, Arc<Signal>)>,
}

impl<P: Pci> Worker<P> {
    /// Takes care of what is pending.
    fn serve(&self) -> Result<(), Cause> {
        self.tree.mask(&self.card)?;
        let pending = self.tree.take(&self.card)?;
        for (vector, signal) in &self.engines {
            if pending.has(*vector) {
                self.channels.notify(signal);
            }
        }
        let mut has_message = false;
        if self.gsp.is_some_and(|vector| pending.has(vector)) {
            has_message = acknowledge_gsp(&self.card)?;
            retrigger_gsp(&self.card)?;
        }
        self.tree.rearm(&self.card)?;
        if has_message {
            // Not before: engines' notifications do not wait for RM.
            self.rm.poke_events();
        }
        Ok(())
    }

    fn run(&self, epoll: &Epoll, interrupt: &EventFd) {
        let mut events = [EpollEvent::default(); 2];
        loop {
            let count = match epoll.wait(-1, &mut events) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "waiting for interrupts");
                    return;
                }
            };
            if events[..count]
                .iter()
                .any(|event| event.data() != INTERRUPT)
            {
                return;
            }
            // Counts what came until now; one that comes later is another.
            let _ = interrupt.read();
            if let Err(cause) = self.serve() {
                self.rm.lose(cause);
            }
            if self.rm.lost().is_some() {
                return;
            }
        }
    }
}

/// The thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    end: EventFd,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts it. The tree is turned on when it waits, so that nothing is missed.
    pub(crate) fn start<P: Pci + 'static>(
        worker: Worker<P>,
        interrupt: EventFd,
    ) -> Result<Self, Cause> {
        let end = EventFd::new(NONBLOCK).map_err(transport)?;
        let epoll = Epoll::new().map_err(transport)?;
        for (event, number) in [(&interrupt, INTERRUPT), (&end, INTERRUPT + 1)] {
            let wanted = EpollEvent::new(EventSet::IN, number);
            let fd = std::os::fd::AsRawFd::as_raw_fd(event);
            epoll
                .ctl(ControlOperation::Add, fd, wanted)
                .map_err(transport)?;
        }
        worker.tree.enable(&worker.card)?;
        let thread = std::thread::Builder::new().name("nova-irq".into());
        let thread = thread.spawn(move || worker.run(&epoll, &interrupt));
        Ok(Self {
            end,
            thread: Some(thread.map_err(transport)?),
        })
    }
}

fn transport(error: io::Error) -> Cause {
    Cause::Pci(error.into())
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.end.write(1);
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread for interrupts has panicked");
        }
    }
}
