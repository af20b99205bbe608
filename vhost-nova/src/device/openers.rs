// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Who has opened a tenant's device, for the operator.
//!
//! Behind a lock of its own, held for as long as a list is copied: an operator who looks does not wait for a
//! guest's requests, and no guest waits for an operator.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicU32, AtomicU64, Ordering},
        Arc, OnceLock,
    },
};

use kernel_abi::{types::ARef, virtio_nova::CtxCreate};
use parking_lot::Mutex;

use super::{driver::TenantDevice, limits::Stats};
use crate::work::WorkInspector;

/// Who opened a context, as the guest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opener {
    /// Process id in the guest's initial namespace.
    pub pid: u32,
    /// Effective user id there.
    pub uid: u32,
    /// The process's name: any bytes, filled up with zeros.
    pub name: [u8; 16],
}

impl Opener {
    /// The name without the zeros that fill it, printable ASCII whatever the guest sent.
    pub fn escaped_name(&self) -> String {
        let end = self.name.iter().position(|byte| *byte == 0);
        let name = self.name.get(..end.unwrap_or(self.name.len()));
        name.unwrap_or_default().escape_ascii().to_string()
    }
}

impl From<&CtxCreate> for Opener {
    fn from(request: &CtxCreate) -> Self {
        Self {
            pid: request.pid,
            uid: request.uid,
            name: request.name,
        }
    }
}

/// A context, as far as an operator is interested.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Its id and who opened it; known once it has an id.
    known: OnceLock<(u32, Opener)>,
    handles: AtomicU32,
    /// Of all objects that its handles name.
    bytes: AtomicU64,
}

impl Context {
    pub(super) fn announce(&self, id: u32, opener: Opener) {
        let _ = self.known.set((id, opener));
    }

    pub(super) fn opened(&self, bytes: u64) {
        self.handles.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn closed(&self, bytes: u64) {
        self.handles.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The contexts of a device, by id.
#[derive(Debug, Default)]
pub(super) struct Openers(Mutex<BTreeMap<u32, Arc<Context>>>);

impl Openers {
    pub(super) fn add(&self, context: &Arc<Context>) {
        if let Some((id, _)) = context.known.get() {
            self.0.lock().insert(*id, context.clone());
        }
    }

    pub(super) fn remove(&self, context: &Context) {
        if let Some((id, _)) = context.known.get() {
            self.0.lock().remove(id);
        }
    }
}

/// A context at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextView {
    /// Its id.
    pub id: u32,
    /// Who opened it.
    pub opener: Opener,
    /// Handles in it.
    pub handles: u32,
    /// Bytes of the objects that they name.
    pub bytes: u64,
}

/// Looks into a device from outside, without waiting for what its guest does.
#[derive(Clone)]
pub struct Inspector(ARef<TenantDevice>, Option<WorkInspector>);

impl Inspector {
    pub(super) fn new(device: ARef<TenantDevice>, work: Option<WorkInspector>) -> Self {
        Self(device, work)
    }

    /// Its work on the GPU, if it has any.
    pub fn work(&self) -> Option<&WorkInspector> {
        self.1.as_ref()
    }

    /// What the tenant has. The number of contexts is that of [`Inspector::contexts`].
    pub fn stats(&self) -> Stats {
        let mut stats = self.0.stats();
        stats.contexts = self.0.openers.0.lock().len() as u32;
        stats
    }

    /// Its contexts, by id.
    pub fn contexts(&self) -> Vec<ContextView> {
        let contexts = self.0.openers.0.lock();
        let view = |context: &Arc<Context>| {
            let (id, opener) = *context.known.get()?;
            Some(ContextView {
                id,
                opener,
                handles: context.handles.load(Ordering::Relaxed),
                bytes: context.bytes.load(Ordering::Relaxed),
            })
        };
        contexts.values().filter_map(view).collect()
    }
}
