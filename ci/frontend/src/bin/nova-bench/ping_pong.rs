// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Two threads that wake each other through eventfds: the floor under any kick and call.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use vmm_sys_util::eventfd::EventFd;

use crate::pin;

/// The near end; the far end is a thread that ends with it.
pub struct PingPong {
    ping: EventFd,
    pong: EventFd,
}

/// Added to the ping, ends the far end.
const END: u64 = 1 << 32;

impl PingPong {
    /// Starts the far end on CPU `far`; the caller is on CPU `near`.
    pub fn start(near: usize, far: usize) -> Result<Self> {
        let (ping, pong) = (EventFd::new(0)?, EventFd::new(0)?);
        let (ping_far, pong_far) = (ping.try_clone()?, pong.try_clone()?);
        pin::this_thread(near)?;
        thread::spawn(move || -> Result<()> {
            pin::this_thread(far)?;
            while ping_far.read()? < END {
                pong_far.write(1)?;
            }
            Ok(())
        });
        Ok(Self { ping, pong })
    }

    /// There and back.
    pub fn round_trip(&mut self) -> Result<Duration> {
        let start = Instant::now();
        self.ping.write(1)?;
        self.pong.read()?;
        Ok(start.elapsed())
    }
}

impl Drop for PingPong {
    fn drop(&mut self) {
        let _ = self.ping.write(END);
    }
}
