// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The metadata of the write-protected region: what `booter_load` is told, in 256 bytes of
//! system memory whose address is in SEC2's mailboxes. Follows `gsp_fw_wpr_meta.h` of
//! open-gpu-kernel-modules.
#![allow(non_snake_case)] // NVIDIA's names

use zerocopy::{
    little_endian::{U32, U64},
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use super::layout::FbLayout;
use crate::{bytes::structure, error::FormatError, firmware::bootloader::Bootloader};

/// `GspFwWprMeta`, as it is for a boot.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)] // sizes in bytes; sysmem: a bus address; other offsets: addresses in VRAM
pub struct GspFwWprMeta {
    pub magic: U64,
    pub revision: U64,
    pub sysmemAddrOfRadix3Elf: U64,
    pub sizeOfRadix3Elf: U64,
    pub sysmemAddrOfBootloader: U64,
    pub sizeOfBootloader: U64,
    /// Offset in the bootloader.
    pub bootloaderCodeOffset: U64,
    /// Offset in the bootloader.
    pub bootloaderDataOffset: U64,
    /// Offset in the bootloader.
    pub bootloaderManifestOffset: U64,
    pub sysmemAddrOfSignature: U64,
    pub sizeOfSignature: U64,
    pub gspFwRsvdStart: U64,
    pub nonWprHeapOffset: U64,
    pub nonWprHeapSize: U64,
    pub gspFwWprStart: U64,
    pub gspFwHeapOffset: U64,
    pub gspFwHeapSize: U64,
    pub gspFwOffset: U64,
    pub bootBinOffset: U64,
    pub frtsOffset: U64,
    pub frtsSize: U64,
    pub gspFwWprEnd: U64,
    pub fbSize: U64,
    pub vgaWorkspaceOffset: U64,
    pub vgaWorkspaceSize: U64,
    pub bootCount: U64,
    /// Fields of a crash report and of partitions, which a boot leaves 0.
    pub partitions: [u8; 32],
    pub gspFwHeapVfPartitionCount: u8,
    pub flags: u8,
    pub padding: [u8; 2],
    pub pmuReservedSize: U32,
    /// [`GspFwWprMeta::VERIFIED`] once the booter has looked at it.
    pub verified: U64,
}

const _: () = assert!(size_of::<GspFwWprMeta>() == GspFwWprMeta::SIZE);

/// Bus addresses of what the metadata names, and bytes of the parts that have their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootMemory {
    /// Level 0 of the image's page tables.
    pub radix3: u64,
    /// The bootloader's image.
    pub bootloader: u64,
    /// The signatures.
    pub signatures: u64,
    /// Bytes of them.
    pub signatures_size: u64,
}

impl GspFwWprMeta {
    /// Bytes.
    pub const SIZE: usize = 256;
    /// Says that this is it.
    pub const MAGIC: u64 = 0xdc3a_ae21_371a_60b3;
    /// Says that it is the metadata of a resume, `GspFwSRMeta`.
    pub const SR_MAGIC: u64 = 0x8a3b_b9e6_c6c3_9d93;
    /// The one revision.
    pub const REVISION: u64 = 1;
    /// What the booter writes into `verified`.
    pub const VERIFIED: u64 = 0xa0a0_a0a0_a0a0_a0a0;

    /// The metadata of a boot.
    pub fn new(layout: &FbLayout, bootloader: &Bootloader<'_>, memory: &BootMemory) -> Self {
        let len = |range: &core::ops::Range<u64>| U64::new(range.end - range.start);
        Self {
            magic: Self::MAGIC.into(),
            revision: Self::REVISION.into(),
            sysmemAddrOfRadix3Elf: memory.radix3.into(),
            sizeOfRadix3Elf: len(&layout.elf),
            sysmemAddrOfBootloader: memory.bootloader.into(),
            sizeOfBootloader: (bootloader.image.len() as u64).into(),
            bootloaderCodeOffset: u64::from(bootloader.code_offset).into(),
            bootloaderDataOffset: u64::from(bootloader.data_offset).into(),
            bootloaderManifestOffset: u64::from(bootloader.manifest_offset).into(),
            sysmemAddrOfSignature: memory.signatures.into(),
            sizeOfSignature: memory.signatures_size.into(),
            gspFwRsvdStart: layout.non_wpr_heap.start.into(),
            nonWprHeapOffset: layout.non_wpr_heap.start.into(),
            nonWprHeapSize: len(&layout.non_wpr_heap),
            gspFwWprStart: layout.wpr2.start.into(),
            gspFwHeapOffset: layout.wpr2_heap.start.into(),
            gspFwHeapSize: len(&layout.wpr2_heap),
            gspFwOffset: layout.elf.start.into(),
            bootBinOffset: layout.boot.start.into(),
            frtsOffset: layout.frts.start.into(),
            frtsSize: len(&layout.frts),
            gspFwWprEnd: layout.wpr2.end.into(),
            fbSize: layout.fb.end.into(),
            vgaWorkspaceOffset: layout.vga_workspace.start.into(),
            vgaWorkspaceSize: len(&layout.vga_workspace),
            ..Self::new_zeroed()
        }
    }

    /// Reads it and checks what the booter checks: magic and revision, and that its parts are in
    /// order in VRAM.
    pub fn check(bytes: &[u8]) -> Result<&Self, FormatError> {
        let meta: &Self = structure(bytes, "GspFwWprMeta", 0u64)?;
        if meta.magic.get() != Self::MAGIC {
            let expected = "0xdc3aae21371a60b3";
            return Err(FormatError::value(
                "GspFwWprMeta magic",
                meta.magic,
                expected,
            ));
        }
        if meta.revision.get() != Self::REVISION {
            return Err(FormatError::value(
                "GspFwWprMeta revision",
                meta.revision,
                "1",
            ));
        }
        // Each part: its name, start and size. One ends before the next starts.
        let end = 0u64.into();
        let parts = [
            ("nonWprHeap", meta.nonWprHeapOffset, meta.nonWprHeapSize),
            ("gspFwWprStart", meta.gspFwWprStart, end),
            ("gspFwHeap", meta.gspFwHeapOffset, meta.gspFwHeapSize),
            ("gspFw", meta.gspFwOffset, meta.sizeOfRadix3Elf),
            ("bootBin", meta.bootBinOffset, meta.sizeOfBootloader),
            ("frts", meta.frtsOffset, meta.frtsSize),
            ("gspFwWprEnd", meta.gspFwWprEnd, end),
            (
                "vgaWorkspace",
                meta.vgaWorkspaceOffset,
                meta.vgaWorkspaceSize,
            ),
            ("fbSize", meta.fbSize, end),
        ];
        let mut below = 0;
        for (field, start, size) in parts {
            let (start, size) = (start.get(), size.get());
            if start < below {
                let expected = "past the part in front of it";
                return Err(FormatError::value(field, start, expected));
            }
            let expected = "of a size that VRAM can have";
            below = start
                .checked_add(size)
                .ok_or(FormatError::value(field, size, expected))?;
        }
        for (field, offset) in [
            ("bootloaderCodeOffset", meta.bootloaderCodeOffset),
            ("bootloaderDataOffset", meta.bootloaderDataOffset),
            ("bootloaderManifestOffset", meta.bootloaderManifestOffset),
        ] {
            if offset.get() > meta.sizeOfBootloader.get() {
                return Err(FormatError::value(field, offset, "inside the bootloader"));
            }
        }
        Ok(meta)
    }
}
