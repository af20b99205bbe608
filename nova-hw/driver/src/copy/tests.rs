// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Commands against the words that they are, written down by hand from the methods' numbers.

use super::*;

#[derive(Default)]
struct Buffer(Vec<Vec<u32>>);

impl Push for Buffer {
    fn push(&mut self, words: &[u32]) {
        assert!(words.len() <= MAX_WORDS);
        self.0.push(words.to_vec());
    }
}

fn words(operation: Operation) -> Vec<Vec<u32>> {
    let mut buffer = Buffer::default();
    buffer.operation(&operation);
    buffer.0
}

fn command(command: Command) -> Vec<Vec<u32>> {
    command.check().unwrap();
    words(Operation::Command(command))
}

/// The header of values for methods in a row.
const fn incrementing(subchannel: u32, method: u32, count: u32) -> u32 {
    1 << 29 | count << 16 | subchannel << 13 | method >> 2
}

/// The header of a value in itself.
const fn immediate(subchannel: u32, method: u32, value: u32) -> u32 {
    4 << 29 | value << 16 | subchannel << 13 | method >> 2
}

#[test]
fn a_copy_is_one_launch() {
    let copy = command(Command::Copy {
        src: 0x1_2345_6789,
        dst: 0xa_bcde_f012,
        len: 0x777,
    });
    assert_eq!(
        copy,
        [[
            incrementing(4, 0x400, 8),
            0x1,
            0x2345_6789,
            0xa,
            0xbcde_f012,
            0,
            0,
            0x777,
            1,
            immediate(4, 0x300, 0x186),
        ]]
    );
}

#[test]
fn lines_have_pitches() {
    let lines = command(Command::CopyLines {
        src: 0x1000,
        src_pitch: 0x200,
        dst: 0x8000,
        dst_pitch: 0x100,
        line: 0x80,
        lines: 3,
    });
    assert_eq!(
        lines,
        [[
            incrementing(4, 0x400, 8),
            0,
            0x1000,
            0,
            0x8000,
            0x200,
            0x100,
            0x80,
            3,
            immediate(4, 0x300, 0x386),
        ]]
    );
}

#[test]
fn a_fill_counts_values() {
    let fill = command(Command::Fill {
        dst: 0x4000,
        value: FillValue::U32(0xdead_beef),
        count: 9,
    });
    let remap = |value, components| [incrementing(4, 0x700, 3), value, 0, components];
    assert_eq!(fill.len(), 1);
    assert_eq!(fill[0][..4], remap(0xdead_beef, 0x3_0004));
    assert_eq!(
        fill[0][4..],
        [
            incrementing(4, 0x400, 8),
            0,
            0,
            0,
            0x4000,
            0,
            0,
            9,
            1,
            immediate(4, 0x300, 0x586)
        ]
    );
    let bytes = command(Command::Fill {
        dst: 0x4001,
        value: FillValue::U8(0x5a),
        count: 9,
    });
    assert_eq!(bytes[0][..4], remap(0x5a, 4));
}

#[test]
fn a_scrub_is_physical_and_its_launch_fits_no_header() {
    let scrub = words(Operation::Scrub {
        dst: 0x2_0000_0000,
        len: 0x1000,
    });
    assert_eq!(scrub.len(), 1);
    assert_eq!(scrub[0][0], immediate(4, 0x264, 0));
    assert_eq!((scrub[0][8], scrub[0][12]), (2, 0x400));
    assert_eq!(scrub[0][14..], [incrementing(4, 0x300, 1), 0x586 | 1 << 13]);
}

#[test]
fn what_is_too_long_for_one_launch_is_several() {
    let len = (2 << 31) + 5;
    let copy = command(Command::Copy {
        src: 1 << 40,
        dst: 1 << 41,
        len,
    });
    let launched: Vec<_> = copy
        .iter()
        .map(|words| (words[1], words[2], words[7]))
        .collect();
    assert_eq!(
        launched,
        [
            (0x100, 0, 1 << 31),
            (0x100, 1 << 31, 1 << 31),
            (0x101, 0, 5)
        ]
    );
    // Values count, not bytes: the second launch starts 8 GiB on.
    let fill = command(Command::Fill {
        dst: 0,
        value: FillValue::U32(1),
        count: (1 << 31) + 1,
    });
    let launched: Vec<_> = fill.iter().map(|words| (words[7], words[11])).collect();
    assert_eq!(launched, [(0, 1 << 31), (2, 1)]);
}

#[test]
fn semaphores_have_64_bits() {
    let values = [0x1008, 0x12, 0x5566_7788, 0x1122_3344];
    let (semaphore, value) = (0x12_0000_1008, 0x1122_3344_5566_7788);
    let expected = |execute: u32| {
        let mut words = vec![incrementing(0, 0x5c, 5)];
        words.extend(values);
        words.push(execute);
        [words]
    };
    let acquire = command(Command::Acquire { semaphore, value });
    assert_eq!(acquire, expected(2 | 1 << 12 | 1 << 24));
    let release = command(Command::Release { semaphore, value });
    assert_eq!(release, expected(1 | 1 << 20 | 1 << 24));
    let fence = words(Operation::Fence { semaphore, value });
    assert_eq!(fence, expected(1 | 1 << 20 | 1 << 24 | 1 << 25));
}

#[test]
fn a_notification_comes_after_all_before_it() {
    let notify = words(Operation::Notify);
    assert_eq!(notify, [[immediate(0, 0x78, 0), immediate(0, 0x20, 0)]]);
    let bind = words(Operation::SetObject);
    assert_eq!(bind, [[incrementing(4, 0, 1), 0xc7b5]]);
}

#[test]
fn what_no_engine_does_is_refused() {
    let copy = |src, dst, len| Command::Copy { src, dst, len }.check();
    assert_eq!(copy(0, 0, 0), Err(CommandError::Empty));
    let end = 1 << 49;
    assert_eq!(copy(end - 1, 0, 1), Ok(()));
    for (src, dst, len) in [
        (end - 1, 0, 2),
        (0, end, 1),
        (u64::MAX, 0, 2),
        (0, 0, u64::MAX),
    ] {
        let refused = copy(src, dst, len);
        assert!(matches!(refused, Err(CommandError::Range { .. })));
    }
    let lines = |src_pitch, line, lines| {
        Command::CopyLines {
            src: end - 0x1000,
            src_pitch,
            dst: 0,
            dst_pitch: u32::MAX,
            line,
            lines,
        }
        .check()
    };
    assert_eq!(lines(0x800, 0x800, 2), Ok(()));
    assert!(matches!(
        lines(0x800, 0x801, 1),
        Err(CommandError::Pitch { .. })
    ));
    assert!(matches!(
        lines(0x801, 0x800, 2),
        Err(CommandError::Range { .. })
    ));
    assert_eq!(lines(0x800, 0, 2), Err(CommandError::Empty));
    assert_eq!(lines(0x800, 0x800, 0), Err(CommandError::Empty));
    let fill = |dst, count| {
        let value = FillValue::U32(0);
        Command::Fill { dst, value, count }.check()
    };
    assert!(matches!(
        fill(2, 1),
        Err(CommandError::Address { align: 4, .. })
    ));
    assert!(matches!(
        fill(0, u64::MAX / 2),
        Err(CommandError::Range { .. })
    ));
    for semaphore in [4, 1 << 40, u64::MAX - 7] {
        let acquire = Command::Acquire {
            semaphore,
            value: 0,
        };
        assert!(matches!(acquire.check(), Err(CommandError::Address { .. })));
    }
}
