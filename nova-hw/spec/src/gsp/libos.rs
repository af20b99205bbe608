// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What libos, the operating system under GSP-RM, is told: regions of system memory by name.
//! One of them has GSP-RM's own arguments, the others are log buffers. The address of the list
//! is in GSP's mailboxes. Follows `libos_init_args.h` and `gsp_init_args.h` of
//! open-gpu-kernel-modules.
#![allow(non_snake_case, non_camel_case_types)] // NVIDIA's names

use zerocopy::{
    little_endian::{U32, U64},
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use super::{radix3::write_entries, GSP_PAGE_SIZE};
use crate::{
    bytes::structure,
    error::FormatError,
    queue::{COMMAND_QUEUE, QUEUE_MEMORY_PAGES, STATUS_QUEUE},
};

/// Names of the regions, in the order in which drivers list them.
pub const REGIONS: [&str; 4] = ["LOGINIT", "LOGINTR", "LOGRM", RMARGS];
/// Name of the region with GSP-RM's arguments.
pub const RMARGS: &str = "RMARGS";
/// Bytes of a log buffer.
pub const LOG_SIZE: u64 = 64 << 10;
/// Most regions that a list has.
pub const MAX_REGIONS: usize = (GSP_PAGE_SIZE / 32) as usize;

/// `LibosMemoryRegionInitArgument`: a region.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct LibosMemoryRegionInitArgument {
    /// The name, its last letter in the lowest byte.
    pub id8: U64,
    /// Bus address.
    pub pa: U64,
    /// Bytes.
    pub size: U64,
    /// [`KIND_CONTIGUOUS`](Self::KIND_CONTIGUOUS).
    pub kind: u8,
    /// [`LOC_SYSMEM`](Self::LOC_SYSMEM).
    pub loc: u8,
    /// 0.
    pub padding: [u8; 6],
}

const _: () = assert!(size_of::<LibosMemoryRegionInitArgument>() == 32);

impl LibosMemoryRegionInitArgument {
    /// The region is one run of addresses.
    pub const KIND_CONTIGUOUS: u8 = 1;
    /// The region is in system memory.
    pub const LOC_SYSMEM: u8 = 1;

    /// A contiguous region of system memory.
    pub fn new(name: &str, address: u64, size: u64) -> Self {
        Self {
            id8: id8(name).into(),
            pa: address.into(),
            size: size.into(),
            kind: Self::KIND_CONTIGUOUS,
            loc: Self::LOC_SYSMEM,
            padding: [0; 6],
        }
    }

    /// The entry with that name in a list, which ends with an entry of zeros or with its page.
    pub fn find<'a>(list: &'a [u8], name: &'static str) -> Result<&'a Self, FormatError> {
        for index in 0..MAX_REGIONS {
            let offset = (index * size_of::<Self>()) as u64;
            let Ok(region) = structure::<Self>(list, "libos argument", offset) else {
                break;
            };
            if region.id8.get() == id8(name) {
                return Ok(region);
            }
            if region.as_bytes().iter().all(|&byte| byte == 0) {
                break;
            }
        }
        Err(FormatError::Missing(name))
    }
}

/// A region's name as a number. Of a name longer than 8 letters the last 8 count.
pub fn id8(name: &str) -> u64 {
    name.bytes()
        .fold(0, |id, letter| id << 8 | u64::from(letter))
}

/// Fills the start of a log buffer: where the firmware writes next (0), then the bus addresses
/// of the buffer's own pages. A buffer without room for them gets as many as fit.
pub fn write_log_header(buffer: &mut [u8], pages: impl IntoIterator<Item = u64>) {
    let count = buffer.len() as u64 / GSP_PAGE_SIZE;
    let put = core::iter::once(0);
    write_entries(buffer, put.chain(pages.into_iter().take(count as usize)));
}

/// `MESSAGE_QUEUE_INIT_ARGUMENTS`: where the queues are.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MESSAGE_QUEUE_INIT_ARGUMENTS {
    /// Bus address of the queues' memory, whose first page has the addresses of all its pages.
    pub sharedMemPhysAddr: U64,
    /// How many pages it has.
    pub pageTableEntryCount: U32,
    /// 0.
    pub padding: U32,
    /// Offset of the command queue's header in it.
    pub cmdQueueOffset: U64,
    /// Offset of the status queue's header in it.
    pub statQueueOffset: U64,
}

/// `GSP_SR_INIT_ARGUMENTS`: whether this is a resume.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct GSP_SR_INIT_ARGUMENTS {
    /// The level that was left.
    pub oldLevel: U32,
    /// 0.
    pub flags: U32,
    /// 1 for a resume.
    pub bInPMTransition: u8,
    /// 0.
    pub padding: [u8; 3],
}

/// `GSP_ARGUMENTS_CACHED`: GSP-RM's arguments.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct GSP_ARGUMENTS_CACHED {
    /// Where the queues are.
    pub messageQueueInitArguments: MESSAGE_QUEUE_INIT_ARGUMENTS,
    /// Whether this is a resume.
    pub srInitArguments: GSP_SR_INIT_ARGUMENTS,
    /// 0.
    pub gpuInstance: U32,
    /// 1: the stack is in DMEM.
    pub bDmemStack: u8,
    /// 0.
    pub padding: [u8; 7],
    /// Address and size of a buffer for profiles; 0 for none.
    pub profilerArgs: [U64; 2],
}

const _: () = assert!(size_of::<GSP_ARGUMENTS_CACHED>() == 0x48);

impl GSP_ARGUMENTS_CACHED {
    /// The arguments of a boot with the queues' memory at `queues`.
    pub fn new(queues: u64) -> Self {
        let mut arguments = Self::new_zeroed();
        arguments.messageQueueInitArguments = MESSAGE_QUEUE_INIT_ARGUMENTS {
            sharedMemPhysAddr: queues.into(),
            pageTableEntryCount: QUEUE_MEMORY_PAGES.into(),
            padding: 0.into(),
            cmdQueueOffset: COMMAND_QUEUE.header.into(),
            statQueueOffset: STATUS_QUEUE.header.into(),
        };
        arguments.bDmemStack = 1;
        arguments
    }

    /// Reads them and checks that the queues are inside of their memory.
    pub fn check(bytes: &[u8]) -> Result<&Self, FormatError> {
        let arguments: &Self = structure(bytes, "GSP_ARGUMENTS_CACHED", 0u64)?;
        let queues = &arguments.messageQueueInitArguments;
        let pages = u64::from(queues.pageTableEntryCount);
        // The first page has no room for the addresses of more.
        if !(1..=GSP_PAGE_SIZE / 8).contains(&pages) {
            let field = "pageTableEntryCount";
            return Err(FormatError::value(field, pages, "1 to 512"));
        }
        let size = pages * GSP_PAGE_SIZE;
        for (field, offset) in [
            ("cmdQueueOffset", queues.cmdQueueOffset),
            ("statQueueOffset", queues.statQueueOffset),
        ] {
            let offset = offset.get();
            let end = offset.checked_add(crate::queue::QUEUE_SIZE.into());
            if offset % GSP_PAGE_SIZE != 0 || end.is_none_or(|end| end > size) {
                let expected = "on a page, with a queue inside of the queues' memory";
                return Err(FormatError::value(field, offset, expected));
            }
        }
        Ok(arguments)
    }
}
