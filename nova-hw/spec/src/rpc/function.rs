// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Numbers of RPC functions that this project sends, answers or meets, and of all events.
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
    /// The raster generator of a display has come to a line.
    RG_LINE_INTR = 0x1007;
    /// How busy engines were.
    GPUACCT_PERFMON_UTIL_SAMPLES = 0x1008;
    /// For simulators.
    SIM_READ = 0x1009;
    /// For simulators.
    SIM_WRITE = 0x100a;
    /// A semaphore's time has come.
    SEMAPHORE_SCHEDULE_CALLBACK = 0x100b;
    /// Text of another firmware.
    UCODE_LIBOS_PRINT = 0x100c;
    /// For virtual functions.
    VGPU_GSP_PLUGIN_TRIGGERED = 0x100d;
    /// Limits of clocks have changed.
    PERF_GPU_BOOST_SYNC_LIMITS_CALLBACK = 0x100e;
    /// Clocks of several GPUs are to agree.
    PERF_BRIDGELESS_INFO_UPDATE = 0x100f;
    /// For virtual functions.
    VGPU_CONFIG = 0x1010;
    /// A display's mode is set.
    DISPLAY_MODESET = 0x1011;
    /// A device beside the GPU wants something.
    EXTDEV_INTR_SERVICE = 0x1012;
    /// A message over NVLink.
    NVLINK_INBAND_RECEIVED_DATA_256 = 0x1013;
    /// A message over NVLink.
    NVLINK_INBAND_RECEIVED_DATA_512 = 0x1014;
    /// A message over NVLink.
    NVLINK_INBAND_RECEIVED_DATA_1024 = 0x1015;
    /// A message over NVLink.
    NVLINK_INBAND_RECEIVED_DATA_2048 = 0x1016;
    /// A message over NVLink.
    NVLINK_INBAND_RECEIVED_DATA_4096 = 0x1017;
    /// A semaphore was released after a time.
    TIMED_SEMAPHORE_RELEASE = 0x1018;
    /// NVLink has lost lanes.
    NVLINK_IS_GPU_DEGRADED = 0x1019;
    /// Platform requests.
    PFM_REQ_HNDLR_STATE_SYNC_CALLBACK = 0x101a;
    /// A link went down.
    NVLINK_FAULT_UP = 0x101b;
    /// GSP locks or unlocks registers.
    GSP_LOCKDOWN_NOTICE = 0x101c;
    /// Compute instances have changed.
    MIG_CI_CONFIG_UPDATE = 0x101d;
    /// For tracing.
    UPDATE_GSP_TRACE = 0x101e;
    /// NVLink is to be recovered.
    NVLINK_FATAL_ERROR_RECOVERY = 0x101f;
    /// A record for NVIDIA's telemetry.
    GSP_POST_NOCAT_RECORD = 0x1020;
    /// The front end of graphics contexts had an error.
    FECS_ERROR = 0x1021;
    /// What an operator should do after an error.
    RECOVERY_ACTION = 0x1022;
}

impl RpcFunction {
    /// Whether GSP sends it unasked.
    pub const fn is_event(self) -> bool {
        self.0 >= 0x1000
    }
}
