// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The host engine: rings of entries that lead to push buffers of methods, semaphores, USERD
//! and the instance block. Follows open-gpu-doc's `clc56f.h`, `dev_pbdma.ref.txt` and
//! `dev_ram.ref.txt`.
#![allow(non_camel_case_types)] // their names

use arbitrary_int::{u12, u13, u20, u21, u3, u38, u4};
use bitbybit::{bitenum, bitfield};

/// An entry of the ring (`GP_ENTRY`): where methods are. With a length of 0 it is a control
/// entry, of which only the one that does nothing (all 0) is used here.
#[bitfield(u64, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct GpEntry {
    /// Only on a condition.
    #[bit(0, rw)]
    fetch_conditional: bool,
    /// Virtual address in units of 4 bytes.
    #[bits(2..=39, rw)]
    get: u38,
    /// The methods are a subroutine.
    #[bit(41, rw)]
    level_subroutine: bool,
    /// Dwords.
    #[bits(42..=62, rw)]
    length: u21,
    /// Waits until what was fetched before is done.
    #[bit(63, rw)]
    sync_wait: bool,
}

impl GpEntry {
    /// Leads to `dwords` dwords at a virtual address; `None` unless that is a multiple of 4
    /// below 2^40 and there is at least one and less than 2^21.
    pub fn push(address: u64, dwords: u32) -> Option<Self> {
        let get = u38::try_new(address >> 2)
            .ok()
            .filter(|_| address % 4 == 0)?;
        let length = u21::try_new(dwords).ok().filter(|_| dwords > 0)?;
        Some(Self::DEFAULT.with_get(get).with_length(length))
    }

    /// The virtual address.
    pub fn address(self) -> u64 {
        self.get().value() << 2
    }
}

/// What a method header is followed by.
#[bitenum(u3, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum SecOp {
    /// `count` values for methods in a row.
    INC_METHOD = 1,
    /// `count` values for one method.
    NON_INC_METHOD = 3,
    /// Nothing: the value is in `count`.
    IMMD_DATA_METHOD = 4,
    /// `count` values, the first for the method and the others for the next one.
    ONE_INC = 5,
    /// Nothing: the segment ends.
    END_PB_SEGMENT = 7,
}

/// The header of methods in a push buffer.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct MethodHeader {
    /// The first method, in units of 4 bytes.
    #[bits(0..=11, rw)]
    address: u12,
    /// The object: those below 5 are engines'.
    #[bits(13..=15, rw)]
    subchannel: u3,
    /// How many values follow, or the value.
    #[bits(16..=28, rw)]
    count: u13,
    /// What follows.
    #[bits(29..=31, rw)]
    sec_op: Option<SecOp>,
}

impl MethodHeader {
    /// `count` values for methods from `method` on; `None` when one of the numbers is too large
    /// or `method` is no multiple of 4.
    pub fn incrementing(subchannel: u8, method: u32, count: u32) -> Option<Self> {
        Self::header(SecOp::INC_METHOD, subchannel, method, count)
    }

    /// A method with its value; `None` as for [`incrementing`](Self::incrementing).
    pub fn immediate(subchannel: u8, method: u32, value: u32) -> Option<Self> {
        Self::header(SecOp::IMMD_DATA_METHOD, subchannel, method, value)
    }

    fn header(op: SecOp, subchannel: u8, method: u32, count: u32) -> Option<Self> {
        let address = u12::try_new(u16::try_from(method >> 2).ok()?).ok()?;
        let count = u13::try_new(u16::try_from(count).ok()?).ok()?;
        let header = Self::DEFAULT
            .with_sec_op(op)
            .with_address(address)
            .with_count(count)
            .with_subchannel(u3::try_new(subchannel).ok()?);
        (method % 4 == 0).then_some(header)
    }

    /// The first method.
    pub fn method(self) -> u32 {
        u32::from(self.address().value()) << 2
    }
}

/// Methods of the host engine itself: below [`ENGINE_METHODS`](method::ENGINE_METHODS).
pub mod method {
    #![allow(missing_docs)] // open-gpu-doc's names
    /// Binds a class to a subchannel.
    pub const SET_OBJECT: u32 = 0x00;
    /// An error.
    pub const ILLEGAL: u32 = 0x04;
    pub const NOP: u32 = 0x08;
    /// The older semaphore: see [`SemaphoreD`](crate::semaphore::SemaphoreD).
    pub const SEMAPHOREA: u32 = 0x10;
    pub const SEMAPHOREB: u32 = 0x14;
    pub const SEMAPHOREC: u32 = 0x18;
    pub const SEMAPHORED: u32 = 0x1c;
    /// Raises the engine's vector of notifications.
    pub const NON_STALL_INTERRUPT: u32 = 0x20;
    pub const FB_FLUSH: u32 = 0x24;
    /// See [`mem_op`](crate::mem_op).
    pub const MEM_OP_A: u32 = 0x28;
    pub const MEM_OP_B: u32 = 0x2c;
    pub const MEM_OP_C: u32 = 0x30;
    pub const MEM_OP_D: u32 = 0x34;
    pub const SET_REFERENCE: u32 = 0x50;
    pub const SEM_ADDR_LO: u32 = 0x5c;
    pub const SEM_ADDR_HI: u32 = 0x60;
    pub const SEM_PAYLOAD_LO: u32 = 0x64;
    pub const SEM_PAYLOAD_HI: u32 = 0x68;
    /// A [`SemExecute`](super::SemExecute).
    pub const SEM_EXECUTE: u32 = 0x6c;
    /// Waits until the engine is idle.
    pub const WFI: u32 = 0x78;
    pub const YIELD: u32 = 0x80;
    pub const CLEAR_FAULTED: u32 = 0x84;
    /// From here on methods are those of the subchannel's object.
    pub const ENGINE_METHODS: u32 = 0x100;
}

/// What is done with a semaphore.
#[bitenum(u3, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum SemOperation {
    /// Waits until it is equal.
    ACQUIRE = 0,
    /// Sets it.
    RELEASE = 1,
    /// Waits until it is equal or greater.
    ACQ_STRICT_GEQ = 2,
    /// Waits until it is equal or greater on a circle.
    ACQ_CIRC_GEQ = 3,
    /// Waits until a bit in common is set.
    ACQ_AND = 4,
    /// Waits until a bit is clear in both.
    ACQ_NOR = 5,
    /// Combines it with a value.
    REDUCTION = 6,
}

/// [`method::SEM_EXECUTE`].
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct SemExecute {
    /// What is done.
    #[bits(0..=2, rw)]
    operation: Option<SemOperation>,
    /// Who waits lets other channels run.
    #[bit(12, rw)]
    acquire_switch_tsg: bool,
    /// A release waits until the engine is idle.
    #[bit(20, rw)]
    release_wfi: bool,
    /// The payload has 64 bits.
    #[bit(24, rw)]
    payload_size_64bit: bool,
    /// A release writes 16 bytes: payload, and nanoseconds at offset 8.
    #[bit(25, rw)]
    release_timestamp: bool,
    /// How a reduction combines.
    #[bits(27..=30, rw)]
    reduction: u4,
    /// Numbers of a reduction have no sign.
    #[bit(31, rw)]
    reduction_format_unsigned: bool,
}

/// USERD, 512 bytes through which host and program tell each other positions in the ring.
pub mod userd {
    /// Bytes.
    pub const SIZE: u64 = 0x200;
    /// What the last `SET_REFERENCE` set.
    pub const REFERENCE: u64 = 0x48;
    /// Entries that were fetched.
    pub const GP_GET: u64 = 0x88;
    /// Entries that were written.
    pub const GP_PUT: u64 = 0x8c;
}

/// The instance block, 4 KiB that make a channel: RAMFC, and the page directory.
pub mod ramin {
    /// Bytes.
    pub const SIZE: u64 = 4096;
    /// Bytes of RAMFC, at its start.
    pub const RAMFC_SIZE: u64 = 0x200;
    /// Where the page directory is: [`PageDirBaseLo`](super::PageDirBaseLo), then bits 63:32.
    pub const PAGE_DIR_BASE: u64 = 0x200;
    /// Which subcontexts are valid: a bit each of 64.
    pub const SC_PDB_VALID: u64 = 0x298;
    /// Where the first subcontext's page directory is, as at [`PAGE_DIR_BASE`]; the next one
    /// follows 16 bytes on.
    pub const SC_PAGE_DIR_BASE: u64 = 0x2a0;
}

/// A channel's register in a runlist's channel RAM, 4 bytes a channel from the runlist's
/// [`CHRAM_PRI_BASE`](crate::rm::fifo::engine_data::CHRAM_PRI_BASE) on; as it is read. Follows
/// `dev_runlist.h` of ga102.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct ChramChannel {
    /// It is scheduled when it has work.
    #[bit(1, rw)]
    enable: bool,
    /// It is the next of its group.
    #[bit(2, rw)]
    next: bool,
    /// It has work, or is at work.
    #[bit(3, rw)]
    busy: bool,
    /// It had a fault in the PBDMA.
    #[bit(4, rw)]
    pbdma_faulted: bool,
    /// It had a fault in the engine.
    #[bit(5, rw)]
    eng_faulted: bool,
    /// A PBDMA has it.
    #[bit(6, rw)]
    on_pbdma: bool,
    /// The engine has it.
    #[bit(7, rw)]
    on_eng: bool,
    /// Its doorbell was rung.
    #[bit(8, rw)]
    pending: bool,
}

impl ChramChannel {
    /// Whether it can run: it is scheduled, or the hardware still has it.
    pub fn is_on(self) -> bool {
        self.enable() || self.on_pbdma() || self.on_eng()
    }
}

/// Which memory the page directory is in.
#[bitenum(u2, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum PageDirBaseTarget {
    /// VRAM.
    VID_MEM = 0,
    /// System memory, snooped.
    SYS_MEM_COHERENT = 2,
    /// System memory, not snooped.
    SYS_MEM_NONCOHERENT = 3,
}

/// The first dword at [`ramin::PAGE_DIR_BASE`].
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct PageDirBaseLo {
    /// Which memory.
    #[bits(0..=1, rw)]
    target: Option<PageDirBaseTarget>,
    /// Not cached in L2.
    #[bit(2, rw)]
    vol: bool,
    /// Tables are of version 2.
    #[bit(10, rw)]
    use_ver2_pt_format: bool,
    /// Big pages are 64 KiB and not 128.
    #[bit(11, rw)]
    big_page_size_64kb: bool,
    /// Bits 31:12 of the address.
    #[bits(12..=31, rw)]
    lo: u20,
}

impl PageDirBaseLo {
    /// The 64 bits at [`ramin::PAGE_DIR_BASE`] for tables of version 2; `None` unless the
    /// address is a multiple of 4 KiB.
    pub fn page_dir_base(target: PageDirBaseTarget, address: u64) -> Option<u64> {
        let lo = Self::DEFAULT
            .with_target(target)
            .with_use_ver2_pt_format(true)
            .with_big_page_size_64kb(true)
            .with_lo(u20::new((address >> 12) as u32 & 0xf_ffff));
        (address % 4096 == 0).then_some(address >> 32 << 32 | u64::from(lo.raw_value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_directory_by_hand() {
        let base = PageDirBaseLo::page_dir_base(PageDirBaseTarget::VID_MEM, 0x12_3456_7000);
        assert_eq!(base, Some(0x12_3456_7c00));
        let target = PageDirBaseTarget::SYS_MEM_COHERENT;
        assert_eq!(PageDirBaseLo::page_dir_base(target, 0x1000), Some(0x1c02));
        assert_eq!(PageDirBaseLo::page_dir_base(target, 0x800), None);
    }

    #[test]
    fn a_ring_entry_by_hand() {
        let entry = GpEntry::push(0x12_3456_7890, 5).unwrap();
        assert_eq!(entry.raw_value() as u32, 0x3456_7890);
        assert_eq!((entry.raw_value() >> 32) as u32, 5 << 10 | 0x12);
        assert_eq!(entry.address(), 0x12_3456_7890);
        assert!(GpEntry::push(1 << 40, 1).is_none());
        assert!(GpEntry::push(2, 1).is_none());
        assert!(GpEntry::push(0, 0).is_none());
        assert!(GpEntry::push(0, 1 << 21).is_none());
    }

    #[test]
    fn method_headers_by_hand() {
        let header = MethodHeader::incrementing(4, 0x400, 8).unwrap();
        assert_eq!(header.raw_value(), 0x2008_8100);
        assert_eq!(header.method(), 0x400);
        let header = MethodHeader::immediate(4, 0x300, 0x186).unwrap();
        assert_eq!(header.raw_value(), 0x8186_80c0);
        assert!(MethodHeader::incrementing(8, 0, 1).is_none());
        assert!(MethodHeader::incrementing(0, 0x4000, 1).is_none());
        assert!(MethodHeader::incrementing(0, 2, 1).is_none());
        assert!(MethodHeader::incrementing(0, 0, 1 << 13).is_none());
        assert!(MethodHeader::new_with_raw_value(2 << 29).sec_op().is_err());
    }

    #[test]
    fn a_release_by_hand() {
        let release = SemExecute::DEFAULT
            .with_operation(SemOperation::RELEASE)
            .with_release_wfi(true)
            .with_release_timestamp(true);
        assert_eq!(release.raw_value(), 0x0210_0001);
    }
}
