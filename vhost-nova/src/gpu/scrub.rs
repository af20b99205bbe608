// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Erasing what tenants have given back, behind everybody's back: a thread that sleeps until it is
//! woken.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

#[derive(Default)]
struct State {
    is_woken: bool,
    is_ending: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Wakes the thread.
#[derive(Clone)]
pub(super) struct ScrubHandle(Arc<Shared>);

impl ScrubHandle {
    /// There may be something to erase.
    pub(super) fn wake(&self) {
        self.0.state.lock().is_woken = true;
        self.0.changed.notify_one();
    }
}

/// The thread, which ends when this is dropped.
pub(super) struct ScrubThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl ScrubThread {
    /// Starts it; `scrub` erases all that there is.
    pub(super) fn start(scrub: impl Fn() + Send + 'static) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let it = shared.clone();
        let run = move || loop {
            let mut state = it.state.lock();
            while !state.is_woken && !state.is_ending {
                it.changed.wait(&mut state);
            }
            if state.is_ending {
                return;
            }
            state.is_woken = false;
            drop(state);
            scrub();
        };
        let thread = thread::Builder::new().name("scrub".into()).spawn(run)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn handle(&self) -> ScrubHandle {
        ScrubHandle(self.shared.clone())
    }
}

impl Drop for ScrubThread {
    fn drop(&mut self) {
        self.shared.state.lock().is_ending = true;
        self.shared.changed.notify_one();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that erases video memory has panicked");
        }
    }
}
