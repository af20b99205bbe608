// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is done in process context, and by the clock.

use super::{lost::Reason, slots::Slots, timeline::Timeline};
use crate::control::{limit, Keep, Undo};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    error::{
        code::{ENODEV, ETIMEDOUT},
        Error, Result,
    },
    pr_err,
    sync::Arc,
    uapi::NOVA_LOST_HOST,
    virtio_nova::{RespGetInfo, CMD_GET_INFO},
    workqueue::{DelayedWork, Work, WorkItem},
};
use pinned_init::{pin_data, try_pin_init};

/// The work items of a device.
#[pin_data]
pub(crate) struct Workers {
    #[pin]
    worker: Work<Worker>,
    #[pin]
    watchdog: DelayedWork<Watchdog>,
}

impl Workers {
    /// Starts them. Sleeps.
    pub(crate) fn start(slots: &Arc<Slots>) -> Result {
        let worker = Arc::new(Worker(slots.clone()), GFP_KERNEL)?;
        let watchdog = Arc::new(Watchdog(slots.clone()), GFP_KERNEL)?;
        let workers = Arc::pin_init(
            try_pin_init!(Self {
                worker <- Work::new(worker),
                watchdog <- DelayedWork::new(watchdog),
            }? Error),
            GFP_KERNEL,
        )?;
        slots.set_workers(Some(workers));
        slots.watch_again();
        Ok(())
    }

    pub(super) fn schedule(&self) {
        self.worker.schedule();
    }

    pub(super) fn watch_again(&self) {
        self.watchdog.schedule_after(limit() / 2);
    }
}

/// Sends what has become ready, signals, and lets go of what is over.
struct Worker(Arc<Slots>);

impl WorkItem for Worker {
    fn run(&self) {
        self.0.each(|timeline| {
            timeline.advance();
            timeline.pump();
            timeline.advance();
            timeline.reap();
        });
    }
}

/// Ends the jobs of a host that is silent.
pub(crate) struct Watchdog(Arc<Slots>);

impl WorkItem for Watchdog {
    fn run(&self) {
        let mut stalls = false;
        self.0.each(|timeline| stalls |= timeline.stalls());
        if stalls && is_silent(&self.0) {
            pr_err!("the host is silent: work under way is given up");
            let reason = Reason {
                number: NOVA_LOST_HOST,
                addr: 0,
            };
            self.0.each(|timeline| timeline.lose(ETIMEDOUT, reason));
        }
        self.0.watch_again();
    }
}

/// Whether the host answers no question. Sleeps. One that does bounds the work itself.
fn is_silent(slots: &Slots) -> bool {
    let nothing = [0u8; 0];
    let answer = slots.control().call::<_, RespGetInfo>(
        CMD_GET_INFO,
        0,
        &nothing,
        Undo::Nothing,
        Keep::default(),
    );
    answer.is_err_and(|error| error == ETIMEDOUT)
}

impl Slots {
    /// Calls `visit` with each timeline. Any context.
    pub(super) fn each(&self, mut visit: impl FnMut(&Timeline)) {
        for slot in 0..self.count() {
            if let Some(timeline) = self.timeline(slot) {
                visit(&timeline);
            }
        }
    }

    /// Something may be complete, or was answered. Any context.
    pub(crate) fn interrupt(&self) {
        self.each(Timeline::advance);
    }

    /// The host says that what is in a slot is lost. Any context.
    pub(crate) fn lost(&self, slot: u32, reason: Reason) {
        if let Some(timeline) = self.timeline(slot) {
            timeline.lose(ENODEV, reason);
        }
    }

    /// The device is lost: it has let go of everything. Any context.
    pub(crate) fn device_lost(&self) {
        self.each(Timeline::device_lost);
        self.schedule();
    }

    /// The device was reset: everything ends. Process context.
    pub(crate) fn stop(&self) {
        self.set_workers(None);
        self.each(Timeline::stop);
    }
}
