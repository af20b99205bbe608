// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The lab: the daemon, and virtual machines on it.

pub(crate) mod cleanup;
mod daemon;
mod gpu;
mod kernel_log;
pub(crate) mod l1;
mod qemu;
mod qmp;
mod tamper;
mod vm;

pub(crate) use daemon::{build as build_daemon, Daemon};
pub(crate) use gpu::GpuModel;
pub(crate) use tamper::{Lie, Tamper};
pub(crate) use vm::{Gpu, Output, TimedOut, Vm, VmConfig, GPU_ADDRESS, GPU_BEHIND_IOMMU};
