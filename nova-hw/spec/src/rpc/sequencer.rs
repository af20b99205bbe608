// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `GSP_RUN_CPU_SEQUENCER`: what GSP asks the driver to do with registers that GSP cannot
//! reach. A header, then operations of one to six dwords. Follows `rmgspseq.h` of
//! open-gpu-kernel-modules.
#![allow(non_snake_case)] // NVIDIA's names

use alloc::vec::Vec;

use zerocopy::{little_endian::U32, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{
    bytes::{slice, structure, u32_at},
    error::FormatError,
};

/// `rpc_run_cpu_sequencer_v17_00`: the header.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct RunCpuSequencer {
    /// Dwords that the sender's buffer has: more than are used.
    pub bufferSizeDWord: U32,
    /// Dwords of operations that follow.
    pub cmdIndex: U32,
    /// Where [`Operation::RegStore`] leaves values.
    pub regSaveArea: [U32; SAVE_AREA],
}

/// Registers that can be saved.
pub const SAVE_AREA: usize = 8;
/// What a poll's time-out of 0 means, in microseconds.
pub const DEFAULT_POLL_TIMEOUT_US: u32 = 4_000_000;

const HEADER: u64 = size_of::<RunCpuSequencer>() as u64;
const _: () = assert!(HEADER == 40);

/// An operation; `addr` is an offset in BAR0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Writes a register.
    RegWrite {
        /// The register.
        addr: u32,
        /// The value.
        val: u32,
    },
    /// Writes `old & !mask | val`.
    RegModify {
        /// The register.
        addr: u32,
        /// The bits that are cleared first.
        mask: u32,
        /// The bits that are set then.
        val: u32,
    },
    /// Waits until a register reads `val` under `mask`.
    RegPoll {
        /// The register.
        addr: u32,
        /// The bits that count.
        mask: u32,
        /// What they become.
        val: u32,
        /// Microseconds; 0 is [`DEFAULT_POLL_TIMEOUT_US`].
        timeout: u32,
        /// What is reported when time is up.
        error: u32,
    },
    /// Waits.
    DelayUs {
        /// Microseconds.
        val: u32,
    },
    /// Reads a register into the save area.
    RegStore {
        /// The register.
        addr: u32,
        /// The place: below [`SAVE_AREA`].
        index: u32,
    },
    /// Resets GSP's falcon and readies its DMA.
    CoreReset,
    /// Starts GSP's falcon.
    CoreStart,
    /// Waits until GSP's falcon has halted.
    CoreWaitForHalt,
    /// Resets GSP, gives it its arguments again and lets SEC2 start its RISC-V core.
    CoreResume,
}

impl Operation {
    /// Name and number, as in `GSP_SEQ_BUF_OPCODE`.
    pub const fn opcode(&self) -> (&'static str, u32) {
        match self {
            Self::RegWrite { .. } => ("REG_WRITE", 0),
            Self::RegModify { .. } => ("REG_MODIFY", 1),
            Self::RegPoll { .. } => ("REG_POLL", 2),
            Self::DelayUs { .. } => ("DELAY_US", 3),
            Self::RegStore { .. } => ("REG_STORE", 4),
            Self::CoreReset => ("CORE_RESET", 5),
            Self::CoreStart => ("CORE_START", 6),
            Self::CoreWaitForHalt => ("CORE_WAIT_FOR_HALT", 7),
            Self::CoreResume => ("CORE_RESUME", 8),
        }
    }

    /// Reads the operation that starts `bytes`, and how many bytes it has.
    fn decode(bytes: &[u8]) -> Result<(Self, usize), FormatError> {
        let word = |index: u64| u32_at(bytes, "sequencer operation", index * 4);
        let opcode = word(0)?;
        let (operation, words) = match opcode {
            0 => {
                let (addr, val) = (word(1)?, word(2)?);
                (Self::RegWrite { addr, val }, 3)
            }
            1 => {
                let (addr, mask, val) = (word(1)?, word(2)?, word(3)?);
                (Self::RegModify { addr, mask, val }, 4)
            }
            2 => {
                let poll = Self::RegPoll {
                    addr: word(1)?,
                    mask: word(2)?,
                    val: word(3)?,
                    timeout: word(4)?,
                    error: word(5)?,
                };
                (poll, 6)
            }
            3 => (Self::DelayUs { val: word(1)? }, 2),
            4 => {
                let (addr, index) = (word(1)?, word(2)?);
                if index as usize >= SAVE_AREA {
                    return Err(FormatError::value("REG_STORE index", index, "below 8"));
                }
                (Self::RegStore { addr, index }, 3)
            }
            5 => (Self::CoreReset, 1),
            6 => (Self::CoreStart, 1),
            7 => (Self::CoreWaitForHalt, 1),
            8 => (Self::CoreResume, 1),
            other => return Err(FormatError::value("sequencer opcode", other, "0 to 8")),
        };
        Ok((operation, words * 4))
    }

    fn encode(&self, words: &mut Vec<u32>) {
        words.push(self.opcode().1);
        match *self {
            Self::RegWrite { addr, val } => words.extend([addr, val]),
            Self::RegModify { addr, mask, val } => words.extend([addr, mask, val]),
            Self::RegPoll {
                addr,
                mask,
                val,
                timeout,
                error,
            } => words.extend([addr, mask, val, timeout, error]),
            Self::DelayUs { val } => words.push(val),
            Self::RegStore { addr, index } => words.extend([addr, index]),
            Self::CoreReset | Self::CoreStart | Self::CoreWaitForHalt | Self::CoreResume => {}
        }
    }
}

/// The operations of a payload in order. An error is the last.
#[derive(Clone, Debug)]
pub struct Operations<'a> {
    rest: &'a [u8],
}

/// Checks a payload's header. `cmdIndex` counts dwords, and what follows them is not looked at.
pub fn decode(payload: &[u8]) -> Result<Operations<'_>, FormatError> {
    let header: &RunCpuSequencer = structure(payload, "sequencer header", 0u64)?;
    let len = u64::from(header.cmdIndex) * 4;
    let rest = slice(payload, "sequencer operations (cmdIndex)", HEADER, len)?;
    Ok(Operations { rest })
}

impl Iterator for Operations<'_> {
    type Item = Result<Operation, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Operation::decode(self.rest) {
            Ok((operation, len)) => {
                self.rest = &self.rest[len..];
                Some(Ok(operation))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

/// Writes a payload. It ends with its last operation, because some drivers take `cmdIndex` for
/// a number of operations, and then go by the end.
pub fn encode(operations: &[Operation]) -> Vec<u8> {
    let mut words = Vec::new();
    for operation in operations {
        operation.encode(&mut words);
    }
    let header = RunCpuSequencer {
        bufferSizeDWord: (words.len() as u32 + 1).into(),
        cmdIndex: (words.len() as u32).into(),
        regSaveArea: [U32::ZERO; SAVE_AREA],
    };
    let mut payload = header.as_bytes().to_vec();
    payload.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    payload
}
