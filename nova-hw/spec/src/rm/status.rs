// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `NV_STATUS`: how a call ended. Follows `nvstatuscodes.h` of open-gpu-kernel-modules, of
//! which these are met here.

use crate::numbers::named_numbers;

named_numbers! {
    /// A status. Displays as its name.
    NvStatus, "NV_STATUS";
    /// All is well.
    NV_OK = 0x00;
    /// Try again.
    NV_ERR_BUSY_RETRY = 0x03;
    /// Something is used already.
    NV_ERR_IN_USE = 0x17;
    /// The handle is taken.
    NV_ERR_INSERT_DUPLICATE_NAME = 0x19;
    /// Nothing of a kind is left, except memory.
    NV_ERR_INSUFFICIENT_RESOURCES = 0x1a;
    /// The client may not do this.
    NV_ERR_INSUFFICIENT_PERMISSIONS = 0x1b;
    /// An address is wrong.
    NV_ERR_INVALID_ADDRESS = 0x1e;
    /// An argument is wrong.
    NV_ERR_INVALID_ARGUMENT = 0x1f;
    /// There is no such channel.
    NV_ERR_INVALID_CHANNEL = 0x21;
    /// There is no such class.
    NV_ERR_INVALID_CLASS = 0x22;
    /// There is no such client.
    NV_ERR_INVALID_CLIENT = 0x23;
    /// There is no such control.
    NV_ERR_INVALID_COMMAND = 0x24;
    /// There is no such device.
    NV_ERR_INVALID_DEVICE = 0x26;
    /// Flags are wrong.
    NV_ERR_INVALID_FLAGS = 0x29;
    /// There is no such function.
    NV_ERR_INVALID_FUNCTION = 0x2a;
    /// A limit is wrong.
    NV_ERR_INVALID_LIMIT = 0x2e;
    /// There is no such object.
    NV_ERR_INVALID_OBJECT = 0x31;
    /// A handle is wrong.
    NV_ERR_INVALID_OBJECT_HANDLE = 0x33;
    /// A parent is wrong.
    NV_ERR_INVALID_OBJECT_PARENT = 0x36;
    /// Parameters have another size.
    NV_ERR_INVALID_PARAM_STRUCT = 0x3a;
    /// This is not the time.
    NV_ERR_INVALID_STATE = 0x40;
    /// Memory is used up.
    NV_ERR_NO_MEMORY = 0x51;
    /// Not for this GPU.
    NV_ERR_NOT_SUPPORTED = 0x56;
    /// There is no such object.
    NV_ERR_OBJECT_NOT_FOUND = 0x57;
    /// A value is out of bounds.
    NV_ERR_OUT_OF_RANGE = 0x5b;
    /// A channel had an error.
    NV_ERR_RC_ERROR = 0x60;
    /// Time was up.
    NV_ERR_TIMEOUT = 0x65;
    /// Something went wrong.
    NV_ERR_GENERIC = 0xffff;
}

impl NvStatus {
    /// Whether all is well.
    pub const fn is_ok(self) -> bool {
        self.0 == Self::NV_OK.0
    }
}
