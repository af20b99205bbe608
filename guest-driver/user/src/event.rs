// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a program reads of its file: that something is lost.

use crate::{gpu::Gpu, sys};
use kernel_abi::uapi::{NOVA_EVENT_DEVICE_LOST, NOVA_EVENT_QUEUE_LOST, NOVA_EVENT_VM_LOST};
use std::{io, io::Read, time::Duration};

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A queue.
    Queue(u32),
    /// An address space, and with it its queues.
    AddressSpace(u32),
    /// Everything.
    Device,
}

/// Something is lost, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What.
    pub what: What,
    /// `NOVA_LOST_*` of the uAPI.
    pub reason: u32,
    /// Of a fault the GPU virtual address, else 0.
    pub addr: u64,
}

/// An event's type, its length, and what the driver has behind them; `None` when there is no whole one.
fn parse(bytes: &[u8]) -> Option<(Option<Lost>, usize)> {
    let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (kind, length) = (word(0)?, word(4)? as usize);
    if length < 8 || length > bytes.len() {
        return None;
    }
    let lost = || {
        let id = word(8)?;
        let what = match kind {
            NOVA_EVENT_QUEUE_LOST => What::Queue(id),
            NOVA_EVENT_VM_LOST => What::AddressSpace(id),
            NOVA_EVENT_DEVICE_LOST => What::Device,
            _ => return None,
        };
        Some(Lost {
            what,
            reason: word(12)?,
            addr: u64::from_ne_bytes(bytes.get(16..24)?.try_into().ok()?),
        })
    };
    Some((lost(), length))
}

impl Gpu {
    /// Waits for events, at most so long, and returns those that there are. Others than [`Lost`] are passed over.
    pub fn events(&self, limit: Duration) -> io::Result<Vec<Lost>> {
        let mut found = Vec::new();
        if !sys::readable(&self.file, limit)? {
            return Ok(found);
        }
        // As many as the driver keeps for a file.
        let mut bytes = [0; 4096];
        let read = (&*self.file).read(&mut bytes)?;
        let mut rest = &bytes[..read];
        while let Some((lost, length)) = parse(rest) {
            found.extend(lost);
            rest = &rest[length..];
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_parsed_whole_or_not_at_all() {
        let mut bytes = Vec::new();
        for word in [NOVA_EVENT_QUEUE_LOST, 24, 7, 1, 0x1000, 0] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        let lost = Lost {
            what: What::Queue(7),
            reason: 1,
            addr: 0x1000,
        };
        assert_eq!(parse(&bytes), Some((Some(lost), 24)));
        for len in 0..24 {
            assert_eq!(parse(&bytes[..len]), None, "{len} bytes");
        }
        // Another kind is passed over; a length that makes no sense ends it.
        bytes[0] = 9;
        assert_eq!(parse(&bytes), Some((None, 24)));
        bytes[4] = 4;
        assert_eq!(parse(&bytes), None);
    }
}
