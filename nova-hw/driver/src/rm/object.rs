// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! An object of RM's, and its end.

use std::sync::Arc;

use nova_pci::Pci;
use nova_spec::rm::{Class, Control};

use crate::{device::COPY_CLASS, error::Cause};

use super::{
    client::{Client, Params},
    RmError,
};

/// An object that is freed when this is dropped, unless its client has gone before it. What RM
/// made below it goes with it, so whoever owns those drops them first.
pub(crate) struct Object<P: Pci> {
    client: Arc<Client<P>>,
    parent: u32,
    handle: u32,
    class: Class,
    is_freed: bool,
}

impl<P: Pci> Object<P> {
    /// An object that RM has just made.
    pub(super) fn new(client: &Arc<Client<P>>, parent: u32, handle: u32, class: Class) -> Self {
        Self {
            client: client.clone(),
            parent,
            handle,
            class,
            is_freed: false,
        }
    }

    /// Its handle.
    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }

    /// Makes an object below it.
    pub(crate) fn alloc<T: Params>(&self, class: Class, params: &T) -> Result<Self, RmError> {
        self.client.alloc(self.handle, class, params)
    }

    /// A control of it; the parameters as RM leaves them.
    pub(crate) fn control<T: Params>(&self, control: Control, params: &T) -> Result<T, RmError> {
        self.client.control(self.handle, control, params)
    }

    /// Frees it. It counts as freed however that ends: an error says that RM still has it.
    pub(crate) fn free(&mut self) -> Result<(), RmError> {
        if std::mem::replace(&mut self.is_freed, true) {
            return Ok(());
        }
        self.client.free(self.parent, self.handle, self.class)
    }
}

impl<P: Pci> Drop for Object<P> {
    fn drop(&mut self) {
        match self.free() {
            // Gone with all others.
            Ok(()) | Err(RmError::Lost(_) | RmError::Closed) => {}
            Err(error) if self.class == COPY_CLASS => {
                tracing::debug!(%error, "a copy object goes with its channel");
            }
            // RM still has it, and with it the memory that its owner is about to let go.
            Err(error) => drop(self.client.rm().lose(Cause::Rm(Box::new(error)))),
        }
    }
}
