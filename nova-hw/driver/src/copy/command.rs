// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a copy engine, and the host engine in front of it, can be asked for.

use nova_spec::gmmu::VA_BITS;

/// Virtual addresses that a semaphore of the host engine can have.
const SEMAPHORE_BITS: u32 = 40;

/// A command. Addresses are virtual ones of the channel's address space. Commands of one
/// submission are carried out in order, each when the one before it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Copies `len` bytes. What overlaps ends up with any mixture of old and new bytes.
    Copy {
        /// The first byte read.
        src: u64,
        /// The first byte written.
        dst: u64,
        /// Bytes, at least one.
        len: u64,
    },
    /// Copies a rectangle: `lines` lines of `line` bytes, which start a pitch apart.
    CopyLines {
        /// The first byte read.
        src: u64,
        /// Bytes from the start of one line to that of the next, where it is read.
        src_pitch: u32,
        /// The first byte written.
        dst: u64,
        /// Bytes from the start of one line to that of the next, where it is written.
        dst_pitch: u32,
        /// Bytes of a line, at least one.
        line: u32,
        /// Lines, at least one.
        lines: u32,
    },
    /// Writes one value over and over.
    Fill {
        /// The first byte written.
        dst: u64,
        /// The value.
        value: FillValue,
        /// How often, at least once.
        count: u64,
    },
    /// Waits until the 64-bit number at `semaphore` is `value` or more. Other channels run.
    Acquire {
        /// Address below 2^40, a multiple of 8.
        semaphore: u64,
        /// What it waits for.
        value: u64,
    },
    /// Sets the 64-bit number at `semaphore` when all before it is done.
    Release {
        /// Address below 2^40, a multiple of 8.
        semaphore: u64,
        /// What it becomes.
        value: u64,
    },
}

/// What memory is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillValue {
    /// Bytes.
    U8(u8),
    /// Dwords, little endian, at addresses that are multiples of 4.
    U32(u32),
}

impl FillValue {
    /// Bytes of the value.
    pub const fn size(self) -> u64 {
        match self {
            Self::U8(_) => 1,
            Self::U32(_) => 4,
        }
    }
}

/// A command that no engine carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is nothing to do, which the engine calls an error.
    #[error("a copy of nothing")]
    Empty,
    /// A range ends behind the last virtual address.
    #[error("{len:#x} bytes at {address:#x} are outside the address space")]
    Range {
        /// Its first byte.
        address: u64,
        /// Its bytes.
        len: u64,
    },
    /// An address is no multiple of what it has to be one of, or out of the engine's reach.
    #[error("address {address:#x} is no multiple of {align}, or out of reach")]
    Address {
        /// The address.
        address: u64,
        /// What it should be a multiple of.
        align: u64,
    },
    /// Lines reach into each other.
    #[error("lines of {line:#x} bytes are {pitch:#x} bytes apart")]
    Pitch {
        /// Bytes of a line.
        line: u32,
        /// Bytes from one to the next.
        pitch: u32,
    },
}

impl Command {
    /// Whether an engine can carry it out. What its addresses lead to is not looked at: that is
    /// the page tables' business.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn check(&self) -> Result<(), CommandError> {
        match *self {
            Self::Copy { src, dst, len } => {
                range(src, len)?;
                range(dst, len)
            }
            Self::CopyLines {
                src,
                src_pitch,
                dst,
                dst_pitch,
                line,
                lines,
            } => {
                rectangle(src, src_pitch, line, lines)?;
                rectangle(dst, dst_pitch, line, lines)
            }
            Self::Fill { dst, value, count } => {
                aligned(dst, value.size())?;
                let len = count.checked_mul(value.size());
                let len = len.ok_or(CommandError::Range {
                    address: dst,
                    len: count,
                })?;
                range(dst, len)
            }
            Self::Acquire { semaphore, .. } | Self::Release { semaphore, .. } => {
                self::semaphore(semaphore, 8)
            }
        }
    }
}

fn range(address: u64, len: u64) -> Result<(), CommandError> {
    if len == 0 {
        return Err(CommandError::Empty);
    }
    match address.checked_add(len) {
        Some(end) if end <= 1 << VA_BITS => Ok(()),
        _ => Err(CommandError::Range { address, len }),
    }
}

fn rectangle(address: u64, pitch: u32, line: u32, lines: u32) -> Result<(), CommandError> {
    if lines == 0 {
        return Err(CommandError::Empty);
    }
    if pitch < line {
        return Err(CommandError::Pitch { line, pitch });
    }
    // Below 2^64: each factor is below 2^32.
    range(
        address,
        u64::from(pitch) * u64::from(lines - 1) + u64::from(line),
    )
    .and(range(address, line.into()))
}

fn aligned(address: u64, align: u64) -> Result<(), CommandError> {
    match address % align {
        0 => Ok(()),
        _ => Err(CommandError::Address { address, align }),
    }
}

/// Checks the address of a semaphore.
pub(crate) fn semaphore(address: u64, align: u64) -> Result<(), CommandError> {
    aligned(address, align)?;
    match address >> SEMAPHORE_BITS {
        0 => Ok(()),
        _ => Err(CommandError::Address { address, align }),
    }
}
