// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Sync objects: places for fences, with handles in open files.
//!
//! A *binary* sync object holds one fence, which is replaced. A *timeline* holds points of ascending numbers, each with a
//! fence; a point is over when its fence and those of all points below it are. Programs make, wait for, signal, reset and
//! transfer sync objects by DRM core's own ioctls, which a driver has with [`FEAT_SYNCOBJ`](crate::Driver::FEAT_SYNCOBJ) and
//! [`FEAT_SYNCOBJ_TIMELINE`](crate::Driver::FEAT_SYNCOBJ_TIMELINE). In between a driver looks fences up and puts its own there.
//!
//! C headers: `include/drm/drm_syncobj.h`, `include/linux/dma-fence-chain.h`.

pub use crate::sys::syncobj::{FenceChain, SyncObj};
