// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a channel is told in one go: a launch of the engine, or something about a semaphore.

use super::{Command, FillValue};

/// The most of a line that one launch copies, in bytes or in values. The register takes 32 bits;
/// this leaves lines on the alignment that they start with.
const MAX_LINE: u64 = 1 << 31;

/// A command, or what the driver itself has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// What a user asks for.
    Command(Command),
    /// Which class the channel's copy object has: before anything else.
    SetObject,
    /// Fills VRAM by its physical address with 0: a privileged channel's only. Address and length
    /// are multiples of 4.
    Scrub { dst: u64, len: u64 },
    /// Writes a number and the time (16 bytes) when all before it is done.
    Fence { semaphore: u64, value: u64 },
    /// Raises the engine's vector when all before it is done.
    Notify,
}

/// One launch of the engine, in its own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(super) src: u64,
    pub(super) dst: u64,
    pub(super) src_pitch: u32,
    pub(super) dst_pitch: u32,
    /// In bytes, or in values of a fill.
    pub(super) line: u32,
    pub(super) lines: u32,
    pub(super) fill: Option<FillValue>,
    pub(super) is_physical: bool,
}

impl Launch {
    fn linear(src: u64, dst: u64, line: u64) -> Self {
        Self {
            src,
            dst,
            src_pitch: 0,
            dst_pitch: 0,
            line: line as u32,
            lines: 1,
            fill: None,
            is_physical: false,
        }
    }
}

/// The launches that a copy or a fill is, in order.
pub(super) fn launches(operation: &Operation) -> impl Iterator<Item = Launch> + '_ {
    let (whole, rectangle) = match *operation {
        Operation::Command(Command::Copy { len, .. }) => (len, None),
        Operation::Command(Command::Fill { count, .. }) => (count, None),
        Operation::Scrub { len, .. } => (len / 4, None),
        Operation::Command(Command::CopyLines {
            src,
            src_pitch,
            dst,
            dst_pitch,
            line,
            lines,
        }) => {
            let launch = Launch {
                src_pitch,
                dst_pitch,
                lines,
                ..Launch::linear(src, dst, line.into())
            };
            (0, Some(launch))
        }
        _ => (0, None),
    };
    let pieces = (0..whole.div_ceil(MAX_LINE)).map(move |piece| {
        let done = piece * MAX_LINE;
        (done, (whole - done).min(MAX_LINE))
    });
    let linear = pieces.filter_map(|(done, line)| match *operation {
        Operation::Command(Command::Copy { src, dst, .. }) => {
            Some(Launch::linear(src + done, dst + done, line))
        }
        Operation::Command(Command::Fill { dst, value, .. }) => Some(Launch {
            fill: Some(value),
            ..Launch::linear(0, dst + done * value.size(), line)
        }),
        Operation::Scrub { dst, .. } => Some(Launch {
            fill: Some(FillValue::U32(0)),
            is_physical: true,
            ..Launch::linear(0, dst + done * 4, line)
        }),
        _ => None,
    });
    linear.chain(rectangle)
}
