// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The fence memory (section 8): what the device writes there, and whether somebody wants to know.

use std::sync::atomic::{fence, Ordering};

use kernel_abi::virtio_nova::{FenceSlot, Status, Wire, PAGE_SIZE};
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};

/// Offset of `wanted` in a slot; `completed` is at its start.
const WANTED: u64 = 8;
/// Offset of `lost_from`.
const LOST_FROM: u64 = 16;

/// Guest memory that the driver has named for fences.
#[derive(Clone, Copy, Debug)]
pub struct Fences {
    addr: GuestAddress,
}

/// The fence memory is not in guest memory any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

impl Fences {
    /// Takes `length` bytes of guest memory and fills them with zeros.
    ///
    /// # Errors
    /// When they are not whole pages of guest memory.
    pub fn new(mem: &GuestMemoryMmap, addr: u64, length: u32) -> Result<Self, Status> {
        if addr % PAGE_SIZE != 0 {
            return Err(Status::ErrInvalidParameter);
        }
        let addr = GuestAddress(addr);
        let is_inside =
            addr.checked_add(length.into()).is_some() && mem.check_range(addr, length as usize);
        if !is_inside {
            return Err(Status::ErrInvalidAddress);
        }
        for page in (0..u64::from(length)).step_by(PAGE_SIZE as usize) {
            mem.write_slice(&[0; PAGE_SIZE as usize], GuestAddress(addr.0 + page))
                .map_err(|_| Status::ErrInvalidAddress)?;
        }
        Ok(Self { addr })
    }

    fn at(&self, slot: u32, offset: u64) -> GuestAddress {
        // It was checked that the last slot is inside guest memory, below 2^64.
        GuestAddress(self.addr.0 + u64::from(slot) * FenceSlot::LEN as u64 + offset)
    }

    fn store(&self, mem: &GuestMemoryMmap, at: GuestAddress, value: u64) -> Result<(), Gone> {
        mem.store(value.to_le(), at, Ordering::Release)
            .map_err(|_| Gone)
    }

    /// Says up to where a slot is complete. Whatever that stands for was written before.
    ///
    /// # Errors
    /// When the memory is gone.
    pub fn complete(&self, mem: &GuestMemoryMmap, slot: u32, seqno: u64) -> Result<(), Gone> {
        self.store(mem, self.at(slot, 0), seqno)
    }

    /// Says from where on a slot ended in error; 0 for a new owner.
    ///
    /// # Errors
    /// When the memory is gone.
    pub fn lose(&self, mem: &GuestMemoryMmap, slot: u32, seqno: u64) -> Result<(), Gone> {
        self.store(mem, self.at(slot, LOST_FROM), seqno)
    }

    /// Whether an event is due, now that slots went from what they were at the last look to what they
    /// are: `(slot, before, now)`. They were written before this.
    ///
    /// # Errors
    /// When the memory is gone.
    pub fn is_wanted(
        &self,
        mem: &GuestMemoryMmap,
        looks: impl Iterator<Item = (u32, u64, u64)>,
    ) -> Result<bool, Gone> {
        // The other half of the driver's: write `wanted`, full barrier, read `completed`.
        fence(Ordering::SeqCst);
        let mut due = false;
        for (slot, before, now) in looks {
            let at = self.at(slot, WANTED);
            let wanted = mem.load::<u64>(at, Ordering::Acquire).map_err(|_| Gone)?;
            let wanted = u64::from_le(wanted);
            due |= before < wanted && wanted <= now;
        }
        Ok(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_where_the_document_draws_them() {
        let mem = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 16 << 10)]).unwrap();
        mem.write_slice(&[0xff; 16 << 10], GuestAddress(0)).unwrap();
        let fences = Fences::new(&mem, 4096, 4096).unwrap();
        fences.complete(&mem, 2, 0x0102_0304_0506_0708).unwrap();
        fences.lose(&mem, 2, 9).unwrap();
        let mut slots = [0; 96];
        mem.read_slice(&mut slots, GuestAddress(4096)).unwrap();
        let mut expected = [0; 96];
        expected[64..72].copy_from_slice(&[8, 7, 6, 5, 4, 3, 2, 1]);
        expected[80] = 9;
        assert_eq!(slots, expected);
        // What is around it is untouched.
        for around in [4095, 8192] {
            assert_eq!(mem.read_obj::<u8>(GuestAddress(around)).unwrap(), 0xff);
        }
    }

    #[test]
    fn an_event_is_due_when_what_is_wanted_was_passed() {
        let mem = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 8 << 10)]).unwrap();
        let fences = Fences::new(&mem, 0, 4096).unwrap();
        let wanted = |value: u64| mem.write_obj(value, GuestAddress(32 + WANTED)).unwrap();
        let due = |before, now| fences.is_wanted(&mem, [(1, before, now)].into_iter());
        for (value, before, now, expected) in [
            (0, 0, 9, false),
            (5, 4, 5, true),
            (5, 5, 9, false),
            (5, 0, 4, false),
            (5, 0, u64::MAX, true),
            (u64::MAX, 0, 9, false),
        ] {
            wanted(value);
            assert_eq!(due(before, now), Ok(expected), "{value} {before} {now}");
        }
    }

    #[test]
    fn memory_that_is_not_there_is_refused_and_missed() {
        let mem = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 8 << 10)]).unwrap();
        for (addr, status) in [
            (1, Status::ErrInvalidParameter),
            (8 << 10, Status::ErrInvalidAddress),
            (u64::MAX - 4095, Status::ErrInvalidAddress),
        ] {
            assert_eq!(Fences::new(&mem, addr, 4096).unwrap_err(), status);
        }
        let fences = Fences::new(&mem, 4096, 4096).unwrap();
        let other = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 4096)]).unwrap();
        assert_eq!(fences.complete(&other, 0, 1), Err(Gone));
    }
}
