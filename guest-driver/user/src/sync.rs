// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Sync objects: binary, or timelines of points (`include/uapi/drm/drm.h`).

use crate::{gpu::Gpu, sys};
use kernel_abi::uapi::{drm_nova_sync, NOVA_SYNC_SYNCOBJ, NOVA_SYNC_TIMELINE_SYNCOBJ};
use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    time::Duration,
};

const CREATE: u32 = 0xbf;
const DESTROY: u32 = 0xc0;
const HANDLE_TO_FD: u32 = 0xc1;
const FD_TO_HANDLE: u32 = 0xc2;
const WAIT: u32 = 0xc3;
const TIMELINE_WAIT: u32 = 0xca;
const QUERY: u32 = 0xcb;
/// `DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE`, and the flag of the way back.
const SYNC_FILE: u32 = 1;

fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

/// What work waits for.
#[derive(Clone, Copy)]
pub struct Wait(drm_nova_sync);

impl Wait {
    pub(crate) fn raw(&self) -> drm_nova_sync {
        self.0
    }
}

/// What work signals.
#[derive(Clone, Copy)]
pub struct Signal(drm_nova_sync);

impl Signal {
    pub(crate) fn raw(&self) -> drm_nova_sync {
        self.0
    }
}

/// A sync object.
pub struct SyncObj {
    gpu: Gpu,
    handle: u32,
}

impl SyncObj {
    /// Makes one, with nothing in it.
    pub fn new(gpu: &Gpu) -> io::Result<Self> {
        let mut arg = [0u32; 2];
        sys::core_ioctl(&gpu.file, CREATE, &mut arg)?;
        Ok(Self {
            gpu: gpu.clone(),
            handle: arg[0],
        })
    }

    fn sync(&self, point: Option<u64>) -> drm_nova_sync {
        drm_nova_sync {
            flags: match point {
                None => NOVA_SYNC_SYNCOBJ,
                Some(_) => NOVA_SYNC_TIMELINE_SYNCOBJ,
            },
            handle: self.handle,
            timeline_value: point.unwrap_or(0),
        }
    }

    /// For work to wait for what is in it when the work is submitted; `EINVAL` then when there is nothing.
    pub fn after(&self) -> Wait {
        Wait(self.sync(None))
    }

    /// For work to wait for a point, which is not 0.
    pub fn after_point(&self, point: u64) -> Wait {
        Wait(self.sync(Some(point)))
    }

    /// For work to put its end into it, in place of what was there.
    pub fn signal(&self) -> Signal {
        Signal(self.sync(None))
    }

    /// For work to add its end as a point, which is not 0.
    pub fn signal_point(&self, point: u64) -> Signal {
        Signal(self.sync(Some(point)))
    }

    /// Waits until what is in it is over. `ETIME` when that takes longer, `EINVAL` when there is nothing.
    pub fn wait(&self, limit: Duration) -> io::Result<()> {
        let handles = [self.handle];
        let [handle_lo, handle_hi] = halves(handles.as_ptr() as u64);
        let [until_lo, until_hi] = halves(deadline(limit));
        let mut arg = [handle_lo, handle_hi, until_lo, until_hi, 1, 0, 0, 0, 0, 0];
        sys::core_ioctl(&self.gpu.file, WAIT, &mut arg)
    }

    /// Waits until a point is over. Errors as [`wait`](Self::wait).
    pub fn wait_point(&self, point: u64, limit: Duration) -> io::Result<()> {
        let (handles, points) = ([self.handle], [point]);
        let mut arg = [
            handles.as_ptr() as u64,
            points.as_ptr() as u64,
            deadline(limit),
            1, // one handle, no flags
            0,
            0,
        ];
        sys::core_ioctl(&self.gpu.file, TIMELINE_WAIT, &mut arg)
    }

    /// The last point that is over.
    pub fn point(&self) -> io::Result<u64> {
        let handles = [self.handle];
        let mut points = [0u64];
        let mut arg = [handles.as_ptr() as u64, points.as_mut_ptr() as u64, 1];
        sys::core_ioctl(&self.gpu.file, QUERY, &mut arg)?;
        Ok(points[0])
    }

    /// What is in it, as a sync file: a descriptor that poll(2) finds readable when it is over.
    pub fn export_sync_file(&self) -> io::Result<OwnedFd> {
        let mut arg = [self.handle, SYNC_FILE, u32::MAX, 0];
        sys::core_ioctl(&self.gpu.file, HANDLE_TO_FD, &mut arg)?;
        sys::owned(arg[2])
    }

    /// Puts what a sync file stands for into it.
    pub fn import_sync_file(&self, file: BorrowedFd) -> io::Result<()> {
        let mut arg = [self.handle, SYNC_FILE, file.as_raw_fd() as u32, 0];
        sys::core_ioctl(&self.gpu.file, FD_TO_HANDLE, &mut arg)
    }
}

/// A moment of the monotonic clock, in nanoseconds, which has a sign there.
fn deadline(limit: Duration) -> u64 {
    let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    sys::monotonic().saturating_add(limit).min(i64::MAX as u64)
}

impl Drop for SyncObj {
    fn drop(&mut self) {
        let _ = sys::core_ioctl(&self.gpu.file, DESTROY, &mut [self.handle, 0]);
    }
}
