// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Handles. A client's handle is unique on the card, all others in their client. The upper half
//! says what an object is, so that a log of RM's can be read.

use nova_spec::rm::Class;

/// A client's, with the number of its owner.
pub(crate) const fn client(owner: u16) -> u32 {
    0xc1d0_0000 | owner as u32
}

/// The device of a client.
pub(crate) const DEVICE: u32 = 0xde1d_0000;
/// The subdevice of a client.
pub(crate) const SUBDEVICE: u32 = 0x5d1d_0000;

/// What the handles of a class start with.
pub(crate) const fn base(class: Class) -> u32 {
    match class {
        Class::AMPERE_CHANNEL_GPFIFO_A => 0xf1f0_0000,
        // A class's number is its own name here, and none of those used is one of the above.
        Class(number) => number << 16,
    }
}
