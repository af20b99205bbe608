// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Sync objects of a call: what it waits for, and what it signals.

use super::{
    job::{Gate, JobFence, Watch},
    slots::Slots,
    timeline::Timeline,
};
use crate::file::NovaFile;
use core::pin::Pin;
use drm_core::{
    fence::{Fence, FenceCallback},
    syncobj::{FenceChain, SyncObj},
    File,
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{code::EINVAL, Result},
    sync::Arc,
    types::ARef,
    uaccess::{UserPtr, UserSlice},
    uapi::{NOVA_SYNC_SYNCOBJ, NOVA_SYNC_TIMELINE_SYNCOBJ},
    virtio_nova::{Wait, Wire},
};

/// Sync objects that a call takes, each way.
pub(crate) const MAX_SYNCS: u32 = 1024;

/// Copies `count` elements of `size` bytes from the program; `EINVAL` above `most`.
pub(super) fn copy(ptr: u64, count: u32, most: u32, size: usize) -> Result<KVec<u8>> {
    if count > most {
        return Err(EINVAL);
    }
    let len = (count as usize).checked_mul(size).ok_or(EINVAL)?;
    let mut bytes = KVec::new();
    let from = UserPtr::from_addr(usize::try_from(ptr)?);
    UserSlice::new(from, len).read_all(&mut bytes, GFP_KERNEL)?;
    Ok(bytes)
}

/// A sync object as a program names it: `struct drm_nova_sync`.
struct Named {
    handle: u32,
    /// 0 for a binary one.
    point: u64,
}

fn named(bytes: &[u8]) -> Result<KVec<Named>> {
    let mut list = KVec::with_capacity(bytes.len() / Wait::LEN, GFP_KERNEL)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (flags, after) = u32::take(rest).ok_or(EINVAL)?;
        let (handle, after) = u32::take(after).ok_or(EINVAL)?;
        let (point, after) = u64::take(after).ok_or(EINVAL)?;
        let is_valid = match flags {
            NOVA_SYNC_SYNCOBJ => point == 0,
            NOVA_SYNC_TIMELINE_SYNCOBJ => point != 0,
            _ => false,
        };
        if !is_valid {
            return Err(EINVAL);
        }
        list.push(Named { handle, point }, GFP_KERNEL)?;
        rest = after;
    }
    Ok(list)
}

/// What a call waits for.
pub(super) struct Waits {
    /// What the host knows.
    pub(super) host: KVec<Wait>,
    /// What it does not know.
    pub(super) gate: Option<Arc<Gate>>,
    pub(super) watches: KVec<Pin<KBox<FenceCallback<Watch>>>>,
}

impl Waits {
    /// Looks up what the program names. Sleeps. `ENOENT` for an unknown handle, `EINVAL` for one without a fence.
    pub(super) fn read(
        file: &File<NovaFile>,
        timeline: &Timeline,
        ptr: u64,
        count: u32,
    ) -> Result<Self> {
        let bytes = copy(ptr, count, MAX_SYNCS, Wait::LEN)?;
        let mut waits = Self {
            host: KVec::new(),
            gate: None,
            watches: KVec::new(),
        };
        for sync in named(&bytes)?.iter() {
            let fence = SyncObj::find_fence(file, sync.handle, sync.point)?;
            let mut added = Ok(());
            fence.for_each_leaf(|leaf| {
                added = waits.add(leaf, timeline);
                added.is_ok()
            });
            added?;
        }
        if let Some(gate) = &waits.gate {
            gate.close_list();
        }
        Ok(waits)
    }

    fn add(&mut self, fence: &Fence, timeline: &Timeline) -> Result {
        if fence.is_signaled() {
            return Ok(());
        }
        let slots: &Arc<Slots> = timeline.slots();
        let ours = fence.downcast::<JobFence>();
        if let Some((slot, seqno)) = ours.and_then(|fence| fence.on_host(slots)) {
            if slot == timeline.slot() {
                // Jobs of a timeline are over in order.
                return Ok(());
            }
            if let Some(wait) = self.host.iter_mut().find(|wait| wait.slot == slot) {
                wait.seqno = wait.seqno.max(seqno);
                return Ok(());
            }
            if self.host.len() < slots.config().max_waits as usize {
                let wait = Wait {
                    slot,
                    padding: 0,
                    seqno,
                };
                return Ok(self.host.push(wait, GFP_KERNEL)?);
            }
        }
        let gate = match &self.gate {
            Some(gate) => gate.clone(),
            None => {
                let gate = Gate::new(slots.clone())?;
                self.gate = Some(gate.clone());
                gate
            }
        };
        self.watches.reserve(1, GFP_KERNEL)?;
        if let Some(watch) = Gate::watch(&gate, fence)? {
            self.watches.push(watch, GFP_KERNEL)?;
        }
        Ok(())
    }
}

/// A sync object that a call signals; what that needs is there.
struct Signal {
    object: ARef<SyncObj>,
    point: Option<(FenceChain, u64)>,
}

/// What a call signals.
pub(super) struct Signals(KVec<Signal>);

impl Signals {
    /// Looks up what the program names. Sleeps. `ENOENT` for an unknown handle.
    pub(super) fn read(file: &File<NovaFile>, ptr: u64, count: u32) -> Result<Self> {
        let bytes = copy(ptr, count, MAX_SYNCS, Wait::LEN)?;
        let named = named(&bytes)?;
        let mut signals = KVec::with_capacity(named.len(), GFP_KERNEL)?;
        for sync in named.iter() {
            let object = SyncObj::lookup_handle(file, sync.handle)?;
            let point = match sync.point {
                0 => None,
                point => Some((FenceChain::new()?, point)),
            };
            signals.push(Signal { object, point }, GFP_KERNEL)?;
        }
        Ok(Self(signals))
    }

    /// Puts the fence there. Does not fail.
    pub(super) fn publish(self, fence: &Fence) {
        for signal in self.0 {
            match signal.point {
                None => signal.object.replace_fence(Some(fence)),
                Some((chain, point)) => signal.object.add_point(chain, fence, point),
            }
        }
    }
}
