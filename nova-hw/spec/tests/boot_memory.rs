// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where things go in VRAM, and what GSP finds in system memory when it starts.

use std::ops::Range;

use nova_spec::{
    firmware::bootloader::Bootloader,
    gsp::{
        layout::{heap_size, FbLayout, LayoutInput},
        libos::{
            id8, write_log_header, LibosMemoryRegionInitArgument as Region, GSP_ARGUMENTS_CACHED,
        },
        radix3::{write_entries, Radix3, ENTRIES},
        wpr::{BootMemory, GspFwWprMeta},
    },
};
use proptest::prelude::*;
use zerocopy::IntoBytes;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// GA102's real image and bootloader on 1 GiB without a display.
fn input() -> LayoutInput {
    LayoutInput {
        fb_size: 1024 * MIB,
        vga_workspace: None,
        bootloader_size: 0x6000,
        image_size: 0x3c9_9000,
    }
}

#[test]
fn a_layout_by_hand() {
    let layout = FbLayout::new(&input()).unwrap();
    assert_eq!(layout.vga_workspace, 0x3ff0_0000..0x4000_0000);
    assert_eq!(layout.frts, 0x3fe0_0000..0x3ff0_0000);
    assert_eq!(layout.boot, 0x3fdf_a000..0x3fe0_0000);
    assert_eq!(layout.elf, 0x3c16_0000..0x3fdf_9000);
    // 22 + 8 + 96 MiB, and 96 KiB rounded up to one more; the image's start is rounded down.
    assert_eq!(heap_size(1024 * MIB), 127 * MIB);
    assert_eq!(layout.wpr2_heap, 0x3420_0000..0x3c10_0000);
    assert_eq!(layout.wpr2, 0x3410_0000..0x3ff0_0000);
    assert_eq!(layout.non_wpr_heap, 0x3400_0000..0x3410_0000);
}

#[test]
fn the_vga_workspace_is_where_its_register_says_unless_that_is_too_low() {
    let vga = |vga_workspace| {
        let layout = FbLayout::new(&LayoutInput {
            vga_workspace,
            ..input()
        });
        layout.unwrap().vga_workspace.start
    };
    assert_eq!(vga(Some(0x3ff4_0000)), 0x3ff4_0000);
    assert_eq!(vga(Some(0x3fef_0000)), 0x4000_0000 - 128 * KIB);
    assert_eq!(vga(Some(u64::MAX)), 0x4000_0000);
}

#[test]
fn the_heap_is_clamped() {
    assert_eq!(heap_size(0), 126 * MIB);
    assert_eq!(heap_size(48 << 30), (126 + 5) * MIB);
    assert_eq!(heap_size(u64::MAX), 280 * MIB - 1);
}

#[test]
fn little_vram_is_an_error_that_names_what_does_not_fit() {
    let error = |mib: u64| {
        let error = FbLayout::new(&LayoutInput {
            fb_size: mib * MIB,
            ..input()
        });
        error.unwrap_err()
    };
    assert_eq!(error(0).region, "the VGA workspace");
    assert_eq!(error(1).region, "FRTS");
    assert_eq!(error(2).region, "the bootloader");
    assert_eq!(error(40).region, "GSP-RM's image");
    assert_eq!(
        error(128).to_string(),
        "VRAM of 0x8000000 bytes is too small: no room for GSP's heap (0x7f00000 bytes) below 0x4160000"
    );
}

fn meta(layout: &FbLayout) -> GspFwWprMeta {
    let bootloader = Bootloader {
        image: &[0; 0x6000],
        code_offset: 0x1800,
        data_offset: 0x800,
        manifest_offset: 0,
        app_version: 0,
    };
    let memory = BootMemory {
        radix3: 0x1_0000_1000,
        bootloader: 0x1_0000_2000,
        signatures: 0x1_0000_9000,
        signatures_size: 0x1000,
    };
    GspFwWprMeta::new(layout, &bootloader, &memory)
}

#[test]
fn the_metadata_has_its_fields_where_the_booter_looks() {
    let meta = meta(&FbLayout::new(&input()).unwrap());
    let bytes = meta.as_bytes();
    let field = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    for (at, value) in [
        (0x00, 0xdc3a_ae21_371a_60b3),
        (0x08, 1),
        (0x10, 0x1_0000_1000),
        (0x18, 0x3c9_9000),
        (0x28, 0x6000),
        (0x30, 0x1800),
        (0x38, 0x800),
        (0x50, 0x1000),
        (0x58, 0x3400_0000),
        (0x70, 0x3410_0000),
        (0x80, 0x7f0_0000),
        (0x98, 0x3fe0_0000),
        (0xa0, 0x10_0000),
        (0xa8, 0x3ff0_0000),
        (0xb0, 0x4000_0000),
        (0xc0, 0x10_0000),
        (0xf0, 0),
        (0xf8, 0),
    ] {
        assert_eq!(field(at), value, "{at:#x}");
    }
    assert_eq!(core::mem::offset_of!(GspFwWprMeta, pmuReservedSize), 0xf4);
    assert!(GspFwWprMeta::check(bytes).is_ok());
}

#[test]
fn metadata_that_is_not_in_order_is_refused() {
    let good = meta(&FbLayout::new(&input()).unwrap());
    let error = |change: fn(&mut GspFwWprMeta)| {
        let mut meta = good;
        change(&mut meta);
        GspFwWprMeta::check(meta.as_bytes())
            .unwrap_err()
            .to_string()
    };
    let magic = error(|meta| meta.magic = GspFwWprMeta::SR_MAGIC.into());
    assert!(
        magic.starts_with("GspFwWprMeta magic is 0x8a3bb9e6c6c39d93"),
        "{magic}"
    );
    let order = error(|meta| meta.frtsOffset = 0x1000.into());
    assert_eq!(
        order,
        "frts is 0x1000, and not past the part in front of it"
    );
    let size = error(|meta| meta.gspFwHeapSize = u64::MAX.into());
    assert_eq!(
        size,
        "gspFwHeap is 0xffffffffffffffff, and not of a size that VRAM can have"
    );
    let code = error(|meta| meta.bootloaderCodeOffset = 0x6001.into());
    assert_eq!(
        code,
        "bootloaderCodeOffset is 0x6001, and not inside the bootloader"
    );
    for len in 0..GspFwWprMeta::SIZE {
        assert!(GspFwWprMeta::check(&good.as_bytes()[..len]).is_err());
    }
}

#[test]
fn radix3_levels_by_hand() {
    let tables = Radix3::for_size(0x3c9_9000).unwrap();
    assert_eq!((tables.image, tables.level2, tables.level1), (15513, 31, 1));
    assert_eq!(tables.tables_size(), 33 * 4096);
    let one = Radix3::for_size(1).unwrap();
    assert_eq!((one.image, one.level2, one.level1), (1, 1, 1));
    assert!(Radix3::for_size(0).is_err());
    assert_eq!(Radix3::for_size(512 << 30).unwrap().level1, 512);
    assert!(Radix3::for_size((512 << 30) + 1).is_err());
    assert!(Radix3::for_size(u64::MAX).is_err());
    assert_eq!(Radix3::path(15512), [0, 30, 152]);
    assert_eq!(Radix3::path(ENTRIES * ENTRIES), [1, 0, 0]);
}

#[test]
fn entries_are_written_as_far_as_there_is_room() {
    let mut table = [0xff; 24];
    assert_eq!(write_entries(&mut table, [0x1000, 0x2000]), 2);
    assert_eq!(table[8..16], 0x2000u64.to_le_bytes());
    assert_eq!(table[16..], [0; 8]);
    assert_eq!(write_entries(&mut table, [1; 4]), 3);
}

#[test]
fn regions_are_found_by_name() {
    assert_eq!(id8("LOGINIT"), 0x4c_4f47_494e_4954);
    let list = [
        Region::new("LOGINIT", 0x1000, 0x1_0000),
        Region::new("RMARGS", 0x2000, 0x1000),
        Region::new("", 0, 0),
        Region::new("LOGRM", 0x3000, 0x1000),
    ];
    let mut list = list;
    list[2].kind = 0;
    list[2].loc = 0;
    let bytes = list.as_bytes();
    let found = Region::find(bytes, "RMARGS").unwrap();
    assert_eq!((found.pa.get(), found.kind, found.loc), (0x2000, 1, 1));
    // An entry of zeros is the end.
    assert!(Region::find(bytes, "LOGRM").is_err());
    assert!(Region::find(&bytes[..63], "RMARGS").is_err());
}

#[test]
fn a_log_buffer_lists_its_own_pages() {
    let mut buffer = [0xff; 8192];
    write_log_header(&mut buffer, [0x1000, 0x5000, 0x9000]);
    assert_eq!(buffer[..8], [0; 8]);
    assert_eq!(buffer[8..16], 0x1000u64.to_le_bytes());
    assert_eq!(buffer[16..24], 0x5000u64.to_le_bytes());
    // It has two pages only.
    assert!(buffer[24..].iter().all(|&byte| byte == 0));
}

#[test]
fn rm_arguments_are_checked_before_they_are_followed() {
    let good = GSP_ARGUMENTS_CACHED::new(0x8000_0000);
    let bytes = good.as_bytes();
    assert_eq!(bytes[8..12], 129u32.to_le_bytes());
    assert_eq!(bytes[0x10..0x18], 0x1000u64.to_le_bytes());
    assert_eq!(bytes[0x18..0x20], 0x4_1000u64.to_le_bytes());
    assert_eq!(bytes[0x30], 1);
    assert!(GSP_ARGUMENTS_CACHED::check(bytes).is_ok());
    for (pages, command, status) in [
        (0u32, 0x1000u64, 0x4_1000u64),
        (513, 0x1000, 0x4_1000),
        (128, 0x1000, 0x4_1000),
        (129, 0x1800, 0x4_1000),
        (129, 0x1000, 0x4_2000),
        (129, u64::MAX - 0xfff, 0x4_1000),
    ] {
        let mut arguments = good;
        let queues = &mut arguments.messageQueueInitArguments;
        queues.pageTableEntryCount = pages.into();
        queues.cmdQueueOffset = command.into();
        queues.statQueueOffset = status.into();
        let refused = GSP_ARGUMENTS_CACHED::check(arguments.as_bytes());
        assert!(refused.is_err(), "{pages} {command:#x} {status:#x}");
    }
}

proptest! {
    #[test]
    fn no_layout_overlaps_or_wraps(
        fb_size: u64, vga_workspace: Option<u64>, bootloader_size: u64, image_size: u64,
        shift in 0u32..64,
    ) {
        let input = LayoutInput {
            fb_size: fb_size >> shift,
            vga_workspace,
            bootloader_size: bootloader_size >> (shift + 20).min(63),
            image_size: image_size >> (shift + 8).min(63),
        };
        if let Ok(layout) = FbLayout::new(&input) {
            let parts: [&Range<u64>; 6] = [
                &layout.non_wpr_heap,
                &layout.wpr2_heap,
                &layout.elf,
                &layout.boot,
                &layout.frts,
                &layout.vga_workspace,
            ];
            for pair in parts.windows(2) {
                prop_assert!(pair[0].start <= pair[0].end);
                prop_assert!(pair[0].end <= pair[1].start, "{:?}", layout);
            }
            prop_assert_eq!(layout.wpr2.end, layout.frts.end);
            prop_assert!(layout.wpr2.start + 256 <= layout.wpr2_heap.start);
            prop_assert!(layout.vga_workspace.end == input.fb_size);
        }
    }

    #[test]
    fn any_bytes_are_looked_into_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = GspFwWprMeta::check(&bytes);
        let _ = GSP_ARGUMENTS_CACHED::check(&bytes);
        let _ = Region::find(&bytes, "RMARGS");
    }
}
