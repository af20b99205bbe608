// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The control queue: requests in, answers out (`docs/virtio-nova.md`, section 6.1).

use kernel_abi::virtio_nova::{Hdr, Status, Wire};
use vm_memory::{GuestMemoryMmap, VolatileSlice};

use super::chain::{Chain, Head};
use super::ring::{Broken, Ring};
use super::vring::{StateGuard, Vring};
use crate::connection::Guest;
use crate::device::{Device, MAX_ANSWER};
use crate::limited;

/// Requests that are answered before the worker looks at anything else.
const BATCH: usize = 64;

/// What the queue needs besides the ring; reused, so that no request allocates.
#[derive(Debug)]
pub struct Control {
    chain: Chain,
    answer: [u8; MAX_ANSWER],
}

enum Progress {
    /// All requests are answered, and the driver kicks for the next.
    Idle,
    /// More requests wait; the driver was not asked to kick.
    More,
}

impl Control {
    /// `max_request`: bytes of the longest valid request.
    pub fn new(max_request: usize) -> Self {
        Self {
            chain: Chain::new(max_request, MAX_ANSWER),
            answer: [0; MAX_ANSWER],
        }
    }

    /// Answers what waits in the ring.
    pub fn run(&mut self, vring: &Vring, mem: &GuestMemoryMmap, guest: &mut Guest) {
        use vhost_user_backend::VringT;
        let mut state = vring.get_mut();
        if !state.is_live() {
            return;
        }
        match self.serve(&mut state, mem, guest) {
            Ok(Progress::Idle) => {}
            Ok(Progress::More) => {
                drop(state);
                vring.kick_again();
            }
            Err(broken) => {
                state.set_broken();
                limited!(warn, guest.tenant, "the control queue is broken: {broken}");
            }
        }
    }

    fn serve(
        &mut self,
        state: &mut StateGuard<'_>,
        mem: &GuestMemoryMmap,
        guest: &mut Guest,
    ) -> Result<Progress, Broken> {
        let indirect = guest.has_indirect();
        let mut left = BATCH;
        loop {
            let mut ring = Ring::new(state.get_queue_mut(), mem, indirect)?;
            ring.disable_kicks()?;
            let before = left;
            while left > 0 {
                let Some(head) = ring.pop()? else { break };
                let len = self.answer(mem, ring.table(), guest, head);
                ring.push_used(head, len)?;
                left -= 1;
            }
            if left == before {
                if !ring.enable_kicks()? {
                    return Ok(Progress::Idle);
                }
                // A request came in just before kicks were enabled. Or a hostile guest moves the
                // index to and fro, for which there is no endless loop here.
                left -= 1;
            } else if ring.needs_notification()? {
                // Kicks are still disabled: the driver that wakes up now may have its next
                // request in the ring before the worker is back here, and needs no system call
                // for it then.
                guest.notify(state);
            }
            if left == 0 {
                return Ok(Progress::More);
            }
        }
    }

    /// Answers one request and returns the used length.
    fn answer(
        &mut self,
        mem: &GuestMemoryMmap,
        table: VolatileSlice<'_>,
        guest: &mut Guest,
        head: Head,
    ) -> u32 {
        self.chain.read(mem, table, head);
        let request = self.chain.request();
        let len = if let Some(fault) = self.chain.fault() {
            limited!(warn, guest.tenant, "a malformed descriptor chain: {fault}");
            self.put_error(Status::ErrInvalidChain, 0)
        } else if self.chain.writable_len() < Device::answer_len(request) {
            limited!(warn, guest.tenant, "a request without room for its answer");
            let ctx_id = Hdr::decode(request).map_or(0, |hdr| hdr.ctx_id);
            self.put_error(Status::ErrInvalidLength, ctx_id)
        } else {
            guest.handle(mem, request, &mut self.answer)
        };
        self.chain.write(mem, &self.answer[..len])
    }

    fn put_error(&mut self, status: Status, ctx_id: u32) -> usize {
        let hdr = Hdr {
            type_: status as u32,
            ctx_id,
            ..Hdr::default()
        };
        self.answer[..Hdr::LEN].copy_from_slice(&hdr.to_bytes());
        Hdr::LEN
    }
}
