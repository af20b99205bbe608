// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Open files of a DRM device, as a program has them: through the node, and with memory of the process that loads the module.

use core::{
    ffi::{c_long, c_ulong, c_void},
    fmt::Write,
    marker::PhantomData,
    ptr,
};
use drm_core::{Device, Driver, File};
use kernel_abi::{
    bindings,
    error::{
        code::{EFAULT, ENAMETOOLONG},
        from_err_ptr, to_result, Error, Result,
    },
    transmute::{AsBytes, FromBytes},
};

/// `DRM_IOCTL_GEM_CLOSE`
const GEM_CLOSE: u32 = 0x4008_6409;
/// `O_RDWR | O_NONBLOCK`: a test that reads too early ends.
const FLAGS: i32 = 0o4002;
/// Bytes that a program lends: more than all events of a file.
const LENT: usize = 8192;
/// Where in them arrays are that an argument points to.
const ARRAYS: usize = 4096;
/// `PROT_READ | PROT_WRITE`
const PROT: c_ulong = 3;
/// `MAP_PRIVATE | MAP_ANONYMOUS`
const MAP: c_ulong = 0x22;

/// An open file. Dropping it closes it, at once.
pub(crate) struct OpenFile<T: Driver> {
    file: *mut bindings::file,
    lent: usize,
    _driver: PhantomData<T>,
}

/// A path that C takes.
struct Path {
    bytes: [u8; 32],
    len: usize,
}

impl Write for Path {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.len + text.len();
        // The last byte stays zero.
        let to = self.bytes[..31].get_mut(self.len..end);
        to.ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl<T: Driver> OpenFile<T> {
    /// Opens the render node. Sleeps.
    pub(crate) fn open(device: &Device<T>) -> Result<Self> {
        // SAFETY: the device is live, and keeps its render node.
        let index = unsafe { (*(*device.as_raw()).render).index };
        let mut path = Path {
            bytes: [0; 32],
            len: 0,
        };
        write!(path, "/dev/dri/renderD{index}").map_err(|_| ENAMETOOLONG)?;
        // SAFETY: the path ends in a zero.
        let file =
            from_err_ptr(unsafe { bindings::filp_open(path.bytes.as_ptr().cast(), FLAGS, 0) })?;
        let mut this = Self {
            file,
            lent: 0,
            _driver: PhantomData,
        };
        // SAFETY: anonymous memory of the process that runs the tests.
        let lent =
            unsafe { bindings::vm_mmap(ptr::null_mut(), 0, LENT as _, PROT, MAP, 0) as usize };
        if lent >= -4095isize as usize {
            return Err(Error::from_errno(lent as i32));
        }
        this.lent = lent;
        Ok(this)
    }

    /// The driver's view of it.
    pub(crate) fn get(&self) -> &File<T::File> {
        // SAFETY: an open file of a DRM device, and of this driver's.
        unsafe { File::from_raw(bindings::nova_file_private_data(self.file).cast()) }
    }

    fn lent_memory(&self) -> *mut c_void {
        ptr::with_exposed_provenance_mut(self.lent)
    }

    pub(super) fn raw_ioctl(&self, cmd: u32, bytes: *mut u8, len: usize) -> Result<u32> {
        // SAFETY: the caller gives its own memory, and the lent memory is longer than any argument.
        let value: c_long = unsafe {
            if bindings::nova_copy_to_user(self.lent_memory(), bytes.cast(), len as _) != 0 {
                return Err(EFAULT);
            }
            let value = bindings::drm_ioctl(self.file, cmd, self.lent as _);
            if bindings::nova_copy_from_user(bytes.cast(), self.lent_memory(), len as _) != 0 {
                return Err(EFAULT);
            }
            value
        };
        to_result(value as i32)?;
        Ok(value as u32)
    }

    /// Puts a handle and a point where a program has them, and returns both addresses.
    pub(super) fn lend(&self, handle: u32, point: u64) -> Result<[u64; 2]> {
        let at = self.lent + ARRAYS;
        let mut bytes = [0u8; 16];
        bytes[..4].copy_from_slice(&handle.to_ne_bytes());
        bytes[8..].copy_from_slice(&point.to_ne_bytes());
        let to = ptr::with_exposed_provenance_mut(at);
        // SAFETY: the lent memory has room for it.
        if unsafe { bindings::nova_copy_to_user(to, bytes.as_ptr().cast(), 16) } != 0 {
            return Err(EFAULT);
        }
        Ok([at as u64, at as u64 + 8])
    }

    /// The point that is there now.
    pub(super) fn lent_point(&self) -> Result<u64> {
        let mut bytes = [0u8; 8];
        let from = ptr::with_exposed_provenance_mut(self.lent + ARRAYS + 8);
        // SAFETY: the lent memory has it.
        if unsafe { bindings::nova_copy_from_user(bytes.as_mut_ptr().cast(), from, 8) } != 0 {
            return Err(EFAULT);
        }
        Ok(u64::from_ne_bytes(bytes))
    }

    /// ioctl(2). Sleeps.
    pub(crate) fn ioctl<A: FromBytes + AsBytes>(&self, cmd: u32, arg: &mut A) -> Result<u32> {
        self.raw_ioctl(cmd, ptr::from_mut(arg).cast(), size_of::<A>())
    }

    /// `DRM_IOCTL_GEM_CLOSE`. Sleeps.
    pub(crate) fn close_handle(&self, handle: u32) -> Result {
        let mut arg = [handle, 0];
        self.raw_ioctl(GEM_CLOSE, arg.as_mut_ptr().cast(), 8)
            .map(|_| ())
    }

    /// read(2), which does not wait. Sleeps.
    pub(crate) fn read(&self, to: &mut [u8]) -> Result<usize> {
        // SAFETY: the lent memory has room for as many bytes as are asked for.
        let len = unsafe {
            bindings::drm_read(
                self.file,
                self.lent as _,
                to.len().min(LENT),
                ptr::null_mut(),
            )
        };
        let len = usize::try_from(len).map_err(|_| Error::from_errno(len as i32))?;
        // SAFETY: as above; `to` is as long.
        if unsafe {
            bindings::nova_copy_from_user(to.as_mut_ptr().cast(), self.lent_memory(), len as _)
        } != 0
        {
            return Err(EFAULT);
        }
        Ok(len)
    }

    /// Whether poll(2) says that there is something to read.
    pub(crate) fn is_readable(&self) -> bool {
        // SAFETY: without a table nobody is noted as waiting.
        unsafe {
            bindings::drm_poll(self.file, ptr::null_mut()) & bindings::NOVA_CONST_EPOLLIN != 0
        }
    }
}

impl<T: Driver> Drop for OpenFile<T> {
    fn drop(&mut self) {
        // SAFETY: opened and lent in `open`; tests run in process context.
        unsafe {
            if self.lent != 0 {
                bindings::vm_munmap(self.lent as _, LENT);
            }
            // Not later, as close(2) would: the test looks at what is left.
            bindings::__fput_sync(self.file);
        }
    }
}
