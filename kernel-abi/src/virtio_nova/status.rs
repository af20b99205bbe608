// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Statuses of answers (section 6.2).

/// Status of an answer (section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0x1100,
    /// The device failed inside.
    ErrUnspec = 0x1200,
    /// The descriptor chain is malformed.
    ErrInvalidChain = 0x1201,
    /// Request too short or too long, or no room for the answer.
    ErrInvalidLength = 0x1202,
    /// Unknown command.
    ErrInvalidCommand = 0x1203,
    /// A field has a value that is not allowed.
    ErrInvalidParameter = 0x1204,
    /// No such context.
    ErrInvalidContext = 0x1205,
    /// No such handle in this context.
    ErrInvalidHandle = 0x1206,
    /// A memory entry is not inside guest memory.
    ErrInvalidAddress = 0x1207,
    /// The device has no memory for it.
    ErrOutOfMemory = 0x1208,
    /// A limit of this tenant is reached.
    ErrLimit = 0x1209,
    /// The device does not speak this major version.
    ErrVersion = 0x120a,
    /// `NEGOTIATE` has not succeeded yet.
    ErrNotNegotiated = 0x120b,
    /// The device is lost to this tenant until a reset.
    ErrDeviceLost = 0x120c,
    /// The object is not in a state that allows it.
    ErrBusy = 0x120d,
    /// The queue or the address space is lost, until it is destroyed.
    ErrLost = 0x120e,
}

impl Status {
    /// The status with this number, if there is one.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0x1100 => Self::Ok,
            0x1200 => Self::ErrUnspec,
            0x1201 => Self::ErrInvalidChain,
            0x1202 => Self::ErrInvalidLength,
            0x1203 => Self::ErrInvalidCommand,
            0x1204 => Self::ErrInvalidParameter,
            0x1205 => Self::ErrInvalidContext,
            0x1206 => Self::ErrInvalidHandle,
            0x1207 => Self::ErrInvalidAddress,
            0x1208 => Self::ErrOutOfMemory,
            0x1209 => Self::ErrLimit,
            0x120a => Self::ErrVersion,
            0x120b => Self::ErrNotNegotiated,
            0x120c => Self::ErrDeviceLost,
            0x120d => Self::ErrBusy,
            0x120e => Self::ErrLost,
            _ => return None,
        })
    }
}
