// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `UNLOADING_GUEST_DRIVER`: the driver goes, or the system sleeps. After the answer GSP stops,
//! and says so in its mailbox 0: [`LIBOS_SUSPENDED`].

use zerocopy::{little_endian::U32, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{bytes::structure, error::FormatError};

/// The payload; all 0 when the driver goes.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct UnloadingGuestDriver {
    /// 1 when the system sleeps.
    pub in_pm_transition: u8,
    /// 1 when only the GPU does.
    pub gc6_entering: u8,
    /// 0.
    pub padding: [u8; 2],
    /// The power level that is entered.
    pub new_level: U32,
}

const _: () = assert!(size_of::<UnloadingGuestDriver>() == 8);

/// GSP's mailbox 0 once libos has stopped.
pub const LIBOS_SUSPENDED: u32 = 1 << 31;

impl UnloadingGuestDriver {
    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Result<&Self, FormatError> {
        structure(payload, "UNLOADING_GUEST_DRIVER", 0u64)
    }
}
