// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where the card's interrupts go: an event counter for each kind that is on.

use nova_pci::EventFd;

/// A kind of interrupt, in the order of VFIO's interrupt indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The pin INTA.
    Intx,
    /// The one MSI vector.
    Msi,
}

/// The counters there are.
#[derive(Debug, Default)]
pub(crate) struct Interrupts {
    intx: Option<EventFd>,
    msi: Option<EventFd>,
}

impl Interrupts {
    pub(crate) fn set(&mut self, kind: Interrupt, event: Option<EventFd>) {
        match kind {
            Interrupt::Intx => self.intx = event,
            Interrupt::Msi => self.msi = event,
        }
    }

    /// Sends one interrupt: an MSI where MSI is on, else by the pin where that is allowed, else
    /// none.
    pub(crate) fn send(&self, intx_allowed: bool) {
        let intx = self.intx.as_ref().filter(|_| intx_allowed);
        if let Some(event) = self.msi.as_ref().or(intx) {
            // It fails only where 2^64 - 2 of them wait, and then one more says nothing new.
            let _ = event.write(1);
        }
    }
}
