// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Parameters of classes and controls: of exactly one size each.

use nova_spec::rm::NvStatus;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Parameters that have another size.
const WRONG: NvStatus = NvStatus::NV_ERR_INVALID_PARAM_STRUCT;

/// Reads parameters.
pub(super) fn read<T>(bytes: &[u8]) -> Result<T, NvStatus>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    T::read_from_bytes(bytes).map_err(|_| WRONG)
}

/// Reads parameters that may be left out.
pub(super) fn read_optional<T>(bytes: &[u8]) -> Result<Option<T>, NvStatus>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    if bytes.is_empty() {
        return Ok(None);
    }
    read(bytes).map(Some)
}

/// Has parameters filled in.
pub(super) fn answer<T>(
    bytes: &mut [u8],
    fill: impl FnOnce(&mut T) -> Result<(), NvStatus>,
) -> Result<(), NvStatus>
where
    T: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
{
    fill(T::mut_from_bytes(bytes).map_err(|_| WRONG)?)
}
