// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a program does with sync objects: DRM core's own ioctls.

use super::drm::OpenFile;
use drm_core::Driver;
use kernel_abi::error::Result;

/// Command `nr` of DRM core with an argument of so many 32-bit words.
const fn command(nr: u32, words: u32) -> u32 {
    (3 << 30) | (words * 4) << 16 | (b'd' as u32) << 8 | nr
}

const CREATE: u32 = command(0xbf, 2);
const DESTROY: u32 = command(0xc0, 2);
const WAIT: u32 = command(0xc3, 10);
const RESET: u32 = command(0xc4, 4);
const SIGNAL: u32 = command(0xc5, 4);
const TIMELINE_WAIT: u32 = command(0xca, 12);
const QUERY: u32 = command(0xcb, 6);
const TRANSFER: u32 = command(0xcc, 8);
const TIMELINE_SIGNAL: u32 = command(0xcd, 6);
/// `DRM_SYNCOBJ_CREATE_SIGNALED`
const CREATE_SIGNALED: u32 = 1;

const fn low(value: u64) -> u32 {
    value as u32
}

const fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

impl<T: Driver> OpenFile<T> {
    fn words<const N: usize>(&self, cmd: u32, mut words: [u32; N]) -> Result<[u32; N]> {
        self.raw_ioctl(cmd, words.as_mut_ptr().cast(), N * 4)?;
        Ok(words)
    }

    /// `DRM_IOCTL_SYNCOBJ_CREATE`
    pub(crate) fn syncobj_create(&self, signaled: bool) -> Result<u32> {
        let flags = if signaled { CREATE_SIGNALED } else { 0 };
        Ok(self.words(CREATE, [0, flags])?[0])
    }

    /// `DRM_IOCTL_SYNCOBJ_DESTROY`
    pub(crate) fn syncobj_destroy(&self, handle: u32) -> Result {
        self.words(DESTROY, [handle, 0]).map(|_| ())
    }

    /// `DRM_IOCTL_SYNCOBJ_SIGNAL`
    pub(crate) fn syncobj_signal(&self, handle: u32) -> Result {
        let [handles, _] = self.lend(handle, 0)?;
        self.words(SIGNAL, [low(handles), high(handles), 1, 0])
            .map(|_| ())
    }

    /// `DRM_IOCTL_SYNCOBJ_RESET`
    pub(crate) fn syncobj_reset(&self, handle: u32) -> Result {
        let [handles, _] = self.lend(handle, 0)?;
        self.words(RESET, [low(handles), high(handles), 1, 0])
            .map(|_| ())
    }

    /// `DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL`
    pub(crate) fn syncobj_timeline_signal(&self, handle: u32, point: u64) -> Result {
        let [handles, points] = self.lend(handle, point)?;
        let words = [low(handles), high(handles), low(points), high(points), 1, 0];
        self.words(TIMELINE_SIGNAL, words).map(|_| ())
    }

    /// `DRM_IOCTL_SYNCOBJ_QUERY`
    pub(crate) fn syncobj_query(&self, handle: u32) -> Result<u64> {
        let [handles, points] = self.lend(handle, 0)?;
        let words = [low(handles), high(handles), low(points), high(points), 1, 0];
        self.words(QUERY, words)?;
        self.lent_point()
    }

    /// `DRM_IOCTL_SYNCOBJ_TRANSFER`
    pub(crate) fn syncobj_transfer(
        &self,
        from: u32,
        from_point: u64,
        to: u32,
        to_point: u64,
    ) -> Result {
        let words = [
            from,
            to,
            low(from_point),
            high(from_point),
            low(to_point),
            high(to_point),
            0,
            0,
        ];
        self.words(TRANSFER, words).map(|_| ())
    }

    /// `DRM_IOCTL_SYNCOBJ_WAIT` or `DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT`: for as long as it takes, or not at all.
    pub(crate) fn syncobj_wait(&self, handle: u32, point: u64, patient: bool) -> Result {
        let [handles, points] = self.lend(handle, point)?;
        let until = if patient { i64::MAX as u64 } else { 0 };
        if point == 0 {
            let words = [
                low(handles),
                high(handles),
                low(until),
                high(until),
                1,
                0,
                0,
                0,
                0,
                0,
            ];
            return self.words(WAIT, words).map(|_| ());
        }
        let words = [
            low(handles),
            high(handles),
            low(points),
            high(points),
            low(until),
            high(until),
            1,
            0,
            0,
            0,
            0,
            0,
        ];
        self.words(TIMELINE_WAIT, words).map(|_| ())
    }
}
