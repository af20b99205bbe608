// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The driver's side of a split virtqueue (VIRTIO 1.3, section 2.7).
//!
//! Two levels. [`Virtqueue::send`] puts a well-formed [`Chain`] together and makes it available.
//! Below it, every word of the ring can be written as one likes: descriptors, the available ring
//! and its index. Nothing is checked there but that the ring itself is inside guest memory.

use std::os::fd::AsRawFd;
use std::sync::atomic::{fence, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, Result};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::EventFd;

use crate::ram::Ram;

/// The chain goes on at `next`.
pub const NEXT: u16 = 1;
/// The device writes the buffer; without it, it reads.
pub const WRITE: u16 = 2;
/// The buffer is a table of descriptors.
pub const INDIRECT: u16 = 4;

/// Bytes of one descriptor.
pub const DESCRIPTOR_LEN: u64 = 16;

/// One entry of a descriptor table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Guest-physical address of the buffer.
    pub addr: u64,
    /// Its length in bytes.
    pub len: u32,
    /// [`NEXT`], [`WRITE`], [`INDIRECT`], or what a hostile guest may set.
    pub flags: u16,
    /// Index of the next descriptor.
    pub next: u16,
}

impl Descriptor {
    /// The descriptor as it lies in memory.
    pub fn to_bytes(self) -> [u8; DESCRIPTOR_LEN as usize] {
        let mut bytes = [0; DESCRIPTOR_LEN as usize];
        bytes[..8].copy_from_slice(&self.addr.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.len.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.flags.to_le_bytes());
        bytes[14..].copy_from_slice(&self.next.to_le_bytes());
        bytes
    }
}

/// An element of the used ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Head of the chain that is returned.
    pub id: u32,
    /// Bytes that the device says it wrote.
    pub len: u32,
}

/// Buffers of a well-formed chain: those that the device reads, then those that it writes.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Address and length of each readable buffer.
    pub readable: Vec<(u64, u32)>,
    /// Address and length of each writable buffer.
    pub writable: Vec<(u64, u32)>,
    /// Address of room for an indirect table (16 bytes a buffer), when one is to be used.
    pub indirect: Option<u64>,
}

impl Chain {
    /// The descriptors of the chain, linked, the first with index `first`.
    pub fn descriptors(&self, first: u16) -> Vec<Descriptor> {
        let readable = self.readable.iter().map(|buffer| (buffer, 0));
        let writable = self.writable.iter().map(|buffer| (buffer, WRITE));
        let mut chain: Vec<_> = readable
            .chain(writable)
            .zip(first + 1..)
            .map(|((&(addr, len), flags), next)| Descriptor {
                addr,
                len,
                flags: flags | NEXT,
                next,
            })
            .collect();
        if let Some(last) = chain.last_mut() {
            last.flags &= !NEXT;
            last.next = 0;
        }
        chain
    }
}

/// A split virtqueue in guest memory.
pub struct Virtqueue {
    size: u16,
    descriptors: u64,
    avail: u64,
    used: u64,
    next_avail: u16,
    next_used: u16,
    event_idx: bool,
    /// Next descriptor that [`send`](Self::send) takes.
    next_free: u16,
    kick: EventFd,
    call: EventFd,
}

impl Virtqueue {
    /// Allocates a ring of `size` entries. `event_idx`: whether RING_EVENT_IDX was negotiated.
    ///
    /// # Errors
    /// When the memory or the descriptors can not be had.
    pub fn new(ram: &mut Ram, size: u16, event_idx: bool) -> Result<Self> {
        let entries = u64::from(size);
        Ok(Self {
            size,
            descriptors: ram.alloc(DESCRIPTOR_LEN * entries)?,
            avail: ram.alloc(6 + 2 * entries)?,
            used: ram.alloc(6 + 8 * entries)?,
            next_avail: 0,
            next_used: 0,
            event_idx,
            next_free: 0,
            kick: EventFd::new(0)?,
            call: EventFd::new(0)?,
        })
    }

    /// Zeroes the ring and starts over, as a driver does after a reset.
    ///
    /// # Errors
    /// When the ring is not inside guest memory.
    pub fn reset(&mut self, ram: &Ram) -> Result<()> {
        let entries = usize::from(self.size);
        ram.write(self.descriptors, &vec![0; 16 * entries])?;
        ram.write(self.avail, &vec![0; 6 + 2 * entries])?;
        ram.write(self.used, &vec![0; 6 + 8 * entries])?;
        (self.next_avail, self.next_used, self.next_free) = (0, 0, 0);
        self.call = EventFd::new(0)?;
        self.kick = EventFd::new(0)?;
        Ok(())
    }

    /// Entries.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// Guest-physical addresses of the descriptor table, the available and the used ring.
    pub fn addresses(&self) -> (u64, u64, u64) {
        (self.descriptors, self.avail, self.used)
    }

    /// The eventfd that tells the device of available chains.
    pub fn kick_fd(&self) -> &EventFd {
        &self.kick
    }

    /// The eventfd that the device tells of used chains with.
    pub fn call_fd(&self) -> &EventFd {
        &self.call
    }

    // Raw access.

    /// Writes one descriptor of the ring's table.
    ///
    /// # Errors
    /// When the place is not inside guest memory.
    pub fn set_descriptor(&self, ram: &Ram, index: u16, descriptor: Descriptor) -> Result<()> {
        let addr = self.descriptors + DESCRIPTOR_LEN * u64::from(index);
        ram.write(addr, &descriptor.to_bytes())
    }

    /// Puts a head, any number, into the next slot of the available ring and moves its index on.
    /// Does not kick.
    ///
    /// # Errors
    /// When the ring is not inside guest memory.
    pub fn make_available(&mut self, ram: &Ram, head: u16) -> Result<()> {
        let slot = u64::from(self.next_avail % self.size);
        ram.store(self.avail + 4 + 2 * slot, head.to_le())?;
        self.next_avail = self.next_avail.wrapping_add(1);
        self.set_avail_index(ram, self.next_avail)
    }

    /// Sets the available index to any value; the slots stay as they are.
    ///
    /// # Errors
    /// When the ring is not inside guest memory.
    pub fn set_avail_index(&mut self, ram: &Ram, index: u16) -> Result<()> {
        self.next_avail = index;
        ram.store(self.avail + 2, index.to_le())
    }

    /// The available index.
    pub fn avail_index(&self) -> u16 {
        self.next_avail
    }

    /// Tells the device that something is available, wanted or not.
    ///
    /// # Errors
    /// When the eventfd can not be written.
    pub fn kick(&self) -> Result<()> {
        Ok(self.kick.write(1)?)
    }

    /// Tells the device when it wants to be told. `before`: the available index before the last
    /// [`make_available`](Self::make_available)s.
    ///
    /// # Errors
    /// When the ring is not inside guest memory.
    pub fn kick_if_wanted(&self, ram: &Ram, before: u16) -> Result<bool> {
        fence(Ordering::SeqCst);
        let wanted = if self.event_idx {
            let event: u16 = ram.load(self.used + 4 + 8 * u64::from(self.size))?;
            let added = self.next_avail.wrapping_sub(before);
            let passed = self.next_avail.wrapping_sub(u16::from_le(event));
            passed.wrapping_sub(1) < added
        } else {
            let flags: u16 = ram.load(self.used)?;
            u16::from_le(flags) & 1 == 0
        };
        if wanted {
            self.kick()?;
        }
        Ok(wanted)
    }

    /// Takes the next element of the used ring, when there is one.
    ///
    /// # Errors
    /// When the ring is not inside guest memory.
    pub fn pop_used(&mut self, ram: &Ram) -> Result<Option<Used>> {
        let index: u16 = ram.load(self.used + 2)?;
        if u16::from_le(index) == self.next_used {
            return Ok(None);
        }
        let slot = self.used + 4 + 8 * u64::from(self.next_used % self.size);
        let (id, len): (u32, u32) = (ram.load(slot)?, ram.load(slot + 4)?);
        self.next_used = self.next_used.wrapping_add(1);
        if self.event_idx {
            // Notify for the very next one.
            let event = self.avail + 4 + 2 * u64::from(self.size);
            ram.store(event, self.next_used.to_le())?;
            fence(Ordering::SeqCst);
        }
        let (id, len) = (u32::from_le(id), u32::from_le(len));
        Ok(Some(Used { id, len }))
    }

    /// Waits for the next element of the used ring.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn wait_used(&mut self, ram: &Ram, timeout: Duration) -> Result<Used> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(used) = self.pop_used(ram)? {
                return Ok(used);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("the device returned nothing within {timeout:?}");
            }
            // Only now: a bench that reads the eventfd itself needs none.
            let epoll = Epoll::new()?;
            let event = EpollEvent::new(EventSet::IN, 0);
            epoll.ctl(ControlOperation::Add, self.call.as_raw_fd(), event)?;
            let millis = i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX);
            if epoll.wait(millis, &mut [event])? > 0 {
                self.call.read()?;
            }
        }
    }

    // Well-formed chains.

    /// Writes a chain's descriptors, makes it available and kicks. Returns its head. Descriptors
    /// are taken round and round: not more chains may be under way than fit into the table.
    ///
    /// # Errors
    /// When the chain is empty or does not fit.
    pub fn send(&mut self, ram: &Ram, chain: &Chain) -> Result<u16> {
        let head = self.place(ram, chain)?;
        let before = self.next_avail;
        self.make_available(ram, head)?;
        self.kick_if_wanted(ram, before)?;
        Ok(head)
    }

    /// Writes a chain's descriptors and returns its head, not available yet.
    ///
    /// # Errors
    /// When the chain is empty or does not fit.
    pub fn place(&mut self, ram: &Ram, chain: &Chain) -> Result<u16> {
        let len = chain.readable.len() + chain.writable.len();
        let needed = if chain.indirect.is_some() { 1 } else { len };
        if len == 0 || needed > self.size.into() {
            bail!("a chain of {len} buffers does not fit");
        }
        if usize::from(self.next_free) + needed > self.size.into() {
            self.next_free = 0;
        }
        let head = self.next_free;
        self.next_free += needed as u16;
        if let Some(table) = chain.indirect {
            let descriptors = chain.descriptors(0);
            for (index, descriptor) in (0..).zip(&descriptors) {
                ram.write(table + DESCRIPTOR_LEN * index, &descriptor.to_bytes())?;
            }
            let len = DESCRIPTOR_LEN as u32 * descriptors.len() as u32;
            let indirect = Descriptor {
                addr: table,
                len,
                flags: INDIRECT,
                next: 0,
            };
            self.set_descriptor(ram, head, indirect)?;
        } else {
            for (index, descriptor) in (head..).zip(chain.descriptors(head)) {
                self.set_descriptor(ram, index, descriptor)?;
            }
        }
        Ok(head)
    }
}
