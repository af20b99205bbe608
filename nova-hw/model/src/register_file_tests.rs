// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests of the register file, on a table of their own.

use proptest::prelude::*;

use super::*;

const SIZE: u64 = 64;

fn entry(start: u32, len: u32, access: Access, reset: u32) -> Entry {
    Entry {
        start,
        len,
        name: "TEST",
        access,
        reset,
    }
}

/// RW at 4..20, W1C at 24..28, RO at 32..36, WO at 44..48, W1S at 52..56; holes around them.
fn table() -> Vec<Entry> {
    vec![
        entry(32, 4, Access::ReadOnly, 0x4433_2211),
        entry(4, 16, Access::ReadWrite, 0xaabb_ccdd),
        entry(24, 4, Access::WriteOneToClear, 0xffff_ffff),
        entry(44, 4, Access::WriteOnly, 0),
        entry(52, 4, Access::WriteOneToSet, 0x0f0f_0f0f),
    ]
}

fn read_bytes(file: &mut RegisterFile, offset: u64, data: &mut [u8]) {
    for part in parts(offset, data.len()) {
        let value = file.read(part.register);
        part.put(value, data);
    }
}

fn read<const N: usize>(file: &mut RegisterFile, offset: u64) -> [u8; N] {
    let mut data = [0x5a; N];
    read_bytes(file, offset, &mut data);
    data
}

fn write(file: &mut RegisterFile, offset: u64, data: &[u8]) {
    for part in parts(offset, data.len()) {
        let _ = file.write(part.register, part.written(data));
    }
}

#[test]
fn the_table_of_these_tests_is_sound() {
    table_is_sound(&table(), SIZE);
}

#[test]
#[should_panic(expected = "start: 8")]
fn an_overlap_in_a_table_is_found() {
    let rw = Access::ReadWrite;
    table_is_sound(&[entry(8, 4, rw, 0), entry(4, 8, rw, 0)], SIZE);
}

#[test]
fn a_partial_write_keeps_the_other_bytes() {
    let mut file = RegisterFile::new(table());
    write(&mut file, 9, &[1, 2]);
    assert_eq!(read(&mut file, 8), [0xdd, 1, 2, 0xaa]);
    assert_eq!(read(&mut file, 4), [0xdd, 0xcc, 0xbb, 0xaa]);
    assert_eq!(read(&mut file, 12), [0xdd, 0xcc, 0xbb, 0xaa]);
}

#[test]
fn an_access_across_registers_reaches_each() {
    let mut file = RegisterFile::new(table());
    // The last byte of the array, a hole, the first byte of the W1C register.
    write(&mut file, 19, &[7, 9, 9, 9, 9, 0x0f]);
    assert_eq!(read(&mut file, 19), [7, 0, 0, 0, 0, 0xf0]);
    file.reset();
    assert_eq!(read(&mut file, 19), [0xaa, 0, 0, 0, 0, 0xff]);
}

#[test]
fn ones_clear_only_where_they_are_written() {
    let mut file = RegisterFile::new(table());
    write(&mut file, 25, &[0x01]);
    write(&mut file, 24, &[0; 4]);
    assert_eq!(read(&mut file, 24), [0xff, 0xfe, 0xff, 0xff]);
}

#[test]
fn read_only_registers_and_holes_ignore_writes() {
    let mut file = RegisterFile::new(table());
    write(&mut file, 32, &[0xff; 4]);
    write(&mut file, 0, &[0xff; 4]);
    assert_eq!(read(&mut file, 32), [0x11, 0x22, 0x33, 0x44]);
    assert_eq!(read(&mut file, 0), [0; 4]);
    assert_eq!(read(&mut file, 36), [0; 8]);
}

#[test]
fn what_is_logged_is_bounded() {
    let mut file = RegisterFile::new(table());
    for register in 0..2 * MAX_LOGGED as u64 {
        let _: [u8; 4] = read(&mut file, 64 + 4 * register);
        let _: [u8; 4] = read(&mut file, 64);
    }
    assert_eq!(file.logged.len(), MAX_LOGGED);
}

proptest! {
    #[test]
    fn parts_cover_the_access_once_and_in_order(
        offset in prop_oneof![0..64u64, Just(u64::MAX - 64), 0..1u64 << 40],
        len in 0usize..64,
    ) {
        let (mut at, mut done) = (offset, 0);
        for part in parts(offset, len) {
            prop_assert_eq!(part.register % 4, 0);
            prop_assert!(part.lanes.end <= 4 && !part.lanes.is_empty());
            prop_assert_eq!(part.lanes.len(), part.buffer.len());
            prop_assert_eq!(part.register + part.lanes.start as u64, at);
            prop_assert_eq!(part.buffer.start, done);
            // Only the ends of the access may be partial.
            prop_assert!(part.lanes.start == 0 || done == 0);
            prop_assert!(part.lanes.end == 4 || part.buffer.end == len);
            at += part.lanes.len() as u64;
            done = part.buffer.end;
        }
        prop_assert_eq!(done, len);
    }

    /// Any accesses have the effect that they would have on a plain array of bytes with the
    /// access kind of each byte.
    #[test]
    fn accesses_are_those_of_bytes(
        accesses in prop::collection::vec((0..SIZE, prop::collection::vec(any::<u8>(), 0..12)), 1..24)
    ) {
        let mut file = RegisterFile::new(table());
        let mut bytes = [0u8; SIZE as usize];
        let mut kinds = [None; SIZE as usize];
        for entry in table() {
            for at in entry.start..entry.start + entry.len {
                bytes[at as usize] = entry.reset.to_le_bytes()[at as usize % 4];
                kinds[at as usize] = Some(entry.access);
            }
        }
        for (offset, mut data) in accesses {
            data.truncate((SIZE - offset) as usize);
            write(&mut file, offset, &data);
            for (at, byte) in (offset as usize..).zip(&data) {
                match kinds[at] {
                    Some(Access::ReadWrite) => bytes[at] = *byte,
                    Some(Access::WriteOneToClear) => bytes[at] &= !byte,
                    Some(Access::WriteOneToSet) => bytes[at] |= *byte,
                    Some(Access::ReadOnly | Access::WriteOnly) | None => {}
                }
            }
            let mut seen = vec![0x5a; data.len()];
            read_bytes(&mut file, offset, &mut seen);
            prop_assert_eq!(&seen, &bytes[offset as usize..offset as usize + data.len()]);
        }
        prop_assert_eq!(read::<{ SIZE as usize }>(&mut file, 0), bytes);
    }
}
