// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Numbers of RPC functions and events: those that this project sends, answers or meets.
//! Follows `rpc_global_enums.h` of open-gpu-kernel-modules.

use crate::numbers::named_numbers;

named_numbers! {
    /// `NV_VGPU_MSG_FUNCTION_*` or `NV_VGPU_MSG_EVENT_*`. Displays as its name.
    RpcFunction, "function";
    /// Nothing.
    NOP = 0;
    /// Frees an RM object.
    FREE = 10;
    /// The driver goes: see [`unload`](super::unload).
    UNLOADING_GUEST_DRIVER = 47;
    /// Gives an address space its page directory.
    SET_PAGE_DIRECTORY = 54;
    /// See [`static_info`](super::static_info).
    GET_GSP_STATIC_INFO = 65;
    /// Sets an entry of a BAR's page directory.
    UPDATE_BAR_PDE = 70;
    /// What did not fit the message before.
    CONTINUATION_RECORD = 71;
    /// See [`system_info`](super::system_info).
    GSP_SET_SYSTEM_INFO = 72;
    /// See [`registry`](super::registry).
    SET_REGISTRY = 73;
    /// Used by virtual functions.
    GSP_INIT_POST_OBJGPU = 74;
    /// An RM control.
    GSP_RM_CONTROL = 76;
    /// Takes an address space's page directory away.
    UNSET_PAGE_DIRECTORY = 79;
    /// Makes an RM object.
    GSP_RM_ALLOC = 103;
    /// GSP-RM is up.
    GSP_INIT_DONE = 0x1001;
    /// See [`sequencer`](super::sequencer).
    GSP_RUN_CPU_SEQUENCER = 0x1002;
    /// An event of an RM object.
    POST_EVENT = 0x1003;
    /// A channel had an error.
    RC_TRIGGERED = 0x1004;
    /// There is a fault in the fault buffer.
    MMU_FAULT_QUEUED = 0x1005;
    /// Text about an error.
    OS_ERROR_LOG = 0x1006;
    /// Text of another firmware.
    UCODE_LIBOS_PRINT = 0x100c;
    /// GSP locks or unlocks registers.
    GSP_LOCKDOWN_NOTICE = 0x101c;
    /// A record for NVIDIA's telemetry.
    GSP_POST_NOCAT_RECORD = 0x1020;
}

impl RpcFunction {
    /// Whether GSP sends it unasked.
    pub const fn is_event(self) -> bool {
        self.0 >= 0x1000
    }
}
