// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Interrupts: one MSI vector, and an INTx that is never asserted.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    thread::{self, JoinHandle},
};

use nova_pci::{EventFd, Pci, PciError};
use rustix::{
    event::{eventfd, poll, EventfdFlags, PollFd, PollFlags},
    io::Errno,
};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_INFO_NORESIZE, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_BOOL,
    VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE, VFIO_PCI_INTX_IRQ_INDEX,
    VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_NUM_IRQS,
};
use zerocopy::FromBytes;

use super::{errno, reply::Reply};
use crate::{
    event,
    vfio_user::message::{argsz, IrqInfo, SetIrqs},
};

pub(crate) fn info(asked: &IrqInfo, reply: &mut Reply) -> Result<(), Errno> {
    let (flags, count) = match asked.index {
        VFIO_PCI_INTX_IRQ_INDEX => {
            let level = VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
            (VFIO_IRQ_INFO_EVENTFD | level, 1)
        }
        VFIO_PCI_MSI_IRQ_INDEX => (VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, 1),
        index if index < VFIO_PCI_NUM_IRQS => (0, 0),
        _ => return Err(Errno::INVAL),
    };
    reply.put(&IrqInfo {
        argsz: argsz::<IrqInfo>(),
        flags,
        index: asked.index,
        count,
    });
    Ok(())
}

/// The peer's eventfd, while MSI is on.
#[derive(Default)]
pub(crate) struct Irqs {
    msi: Option<Forwarder>,
}

impl Irqs {
    pub(crate) fn set<P: Pci>(
        &mut self,
        pci: &P,
        payload: &[u8],
        fds: Vec<OwnedFd>,
    ) -> Result<(), Errno> {
        // Behind the structure there may be data, of a kind that is refused here.
        let (set, _) = SetIrqs::read_from_prefix(payload).map_err(|_| Errno::INVAL)?;
        let fits = set.start.checked_add(set.count).is_some_and(|end| end <= 1);
        if set.index >= VFIO_PCI_NUM_IRQS || !fits {
            return Err(Errno::INVAL);
        }
        if set.flags & VFIO_IRQ_SET_DATA_BOOL != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        match set.index {
            // Taken, masked, unmasked: it is never asserted.
            VFIO_PCI_INTX_IRQ_INDEX => Ok(()),
            VFIO_PCI_MSI_IRQ_INDEX if set.flags & VFIO_IRQ_SET_ACTION_TRIGGER != 0 => {
                self.trigger(pci, &set, fds)
            }
            // There is none, or nothing to mask.
            _ => Err(Errno::INVAL),
        }
    }

    fn trigger<P: Pci>(&mut self, pci: &P, set: &SetIrqs, fds: Vec<OwnedFd>) -> Result<(), Errno> {
        let mut fds = fds.into_iter();
        let data = set.flags & (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_EVENTFD);
        match (data, set.count, fds.next(), fds.next()) {
            (VFIO_IRQ_SET_DATA_EVENTFD, 1, Some(fd), None) => {
                self.disconnect(pci).map_err(errno)?;
                let from = pci.enable_msi().map_err(errno)?;
                let forwarder = Forwarder::new(from, event::from_fd(fd));
                self.msi = Some(forwarder.map_err(|_| Errno::NOMEM)?);
                Ok(())
            }
            // No descriptor takes the vector's away, no vector turns MSI off.
            (VFIO_IRQ_SET_DATA_EVENTFD, 1, None, None)
            | (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_EVENTFD, 0, None, None) => {
                self.disconnect(pci).map_err(errno)
            }
            // The peer tries its own eventfd.
            (VFIO_IRQ_SET_DATA_NONE, 1, None, None) => match &self.msi {
                Some(forwarder) => forwarder.to.write(1).map_err(|_| Errno::IO),
                None => Err(Errno::INVAL),
            },
            _ => Err(Errno::INVAL),
        }
    }

    /// Turns MSI off.
    pub(crate) fn disconnect<P: Pci>(&mut self, pci: &P) -> Result<(), PciError> {
        match self.msi.take() {
            Some(forwarder) => {
                drop(forwarder);
                pci.disable_msi()
            }
            None => Ok(()),
        }
    }
}

/// Hands the device's interrupts on to the peer's eventfd, in a thread of its own: the device
/// may interrupt while the peer asks nothing.
struct Forwarder {
    to: EventFd,
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    fn new(from: EventFd, to: EventFd) -> io::Result<Self> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (watched, target) = (stop.try_clone()?, to.try_clone()?);
        let thread = thread::Builder::new()
            .name("msi".into())
            .spawn(move || forward(&from, &target, watched.as_fd()))?;
        Ok(Self {
            to,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        if let Err(error) = rustix::io::write(&self.stop, &1u64.to_ne_bytes()) {
            tracing::warn!(%error, "the interrupt thread was not told to stop");
            return;
        }
        if let Some(thread) = self.thread.take() {
            if thread.join().is_err() {
                tracing::error!("the interrupt thread panicked");
            }
        }
    }
}

fn forward(from: &EventFd, to: &EventFd, stop: BorrowedFd<'_>) {
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(event::borrow(from), PollFlags::IN),
            PollFd::from_borrowed_fd(stop, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "interrupts cannot be waited for");
                return;
            }
        }
        // What was sent before the stop is handed on.
        if let Ok(count) = from.read() {
            if let Err(error) = to.write(count) {
                tracing::debug!(%error, "the peer's eventfd takes no more");
            }
        }
        if !fds[1].revents().is_empty() {
            return;
        }
    }
}
