// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A channel's parameters, by the offsets that RM reads.

use zerocopy::IntoBytes;

use super::*;

fn layout(is_privileged: bool) -> Layout {
    Layout {
        chid: 8 * 5 + 3,
        engine: CopyEngine::zero(4),
        space: 0x90f1_0001,
        ring_va: 0x12_3456_7000,
        ring_entries: 512,
        instance: 0x1_2345_6000,
        userd: 0x77_0000_1000,
        method_buffer: (0x77_0000_2000, 0x5000),
        is_privileged,
    }
}

fn dword(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn qword(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

#[test]
fn a_tenants_channel_may_do_nothing_privileged() {
    let params = layout(false).params().unwrap();
    let bytes = params.as_bytes();
    let flags = dword(bytes, 0x14);
    assert_eq!(flags >> 5 & 1, 0, "privileged");
    assert_eq!(flags >> 7 & 1, 1, "physical copies are denied");
    assert_eq!(flags >> 22 & 1, 1, "privileged methods are denied");
    assert_eq!(
        (flags >> 8 & 7, flags >> 12 & 0x1ff, flags >> 21 & 1),
        (3, 5, 1)
    );
    assert_eq!(dword(bytes, 0xf4), 1 << 2 | 1 << 4);
    let own = layout(true).params().unwrap();
    let flags = dword(own.as_bytes(), 0x14);
    assert_eq!((flags >> 5 & 1, flags >> 7 & 1, flags >> 22 & 1), (1, 0, 0));
    assert_eq!(dword(own.as_bytes(), 0xf4) & 3, 1);
}

#[test]
fn everything_is_where_rm_looks_for_it() {
    let params = layout(false).params().unwrap();
    let bytes = params.as_bytes();
    assert_eq!(qword(bytes, 0x08), 0x12_3456_7000);
    assert_eq!(dword(bytes, 0x10), 512);
    assert_eq!(dword(bytes, 0x1c), 0x90f1_0001);
    assert_eq!(dword(bytes, 0x80), 9);
    let memory = |at| {
        (
            qword(bytes, at),
            qword(bytes, at + 8),
            dword(bytes, at + 16),
        )
    };
    assert_eq!(memory(0x90), (0x1_2345_6000, 0x1000, 2));
    assert_eq!(memory(0xa8), (0x77_0000_1000, 0x200, 1));
    assert_eq!(memory(0xc0), (0x1_2345_6000, 0x200, 2));
    assert_eq!(memory(0xd8), (0x77_0000_2000, 0x5000, 1));
}

#[test]
fn an_id_beyond_rms_pages_is_refused() {
    let mut layout = layout(false);
    layout.chid = 8 * 512;
    assert!(layout.params().is_none());
}
