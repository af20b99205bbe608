// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The table of a driver's ioctls.
//!
//! C headers: `include/drm/drm_ioctl.h`, `include/uapi/asm-generic/ioctl.h`.

pub use crate::sys::ioctl::DrmIoctlDescriptor;

/// `DRM_AUTH`: on the primary node only for authenticated clients.
pub const AUTH: u32 = 1 << 0;
/// `DRM_MASTER`: only for the master of the primary node.
pub const MASTER: u32 = 1 << 1;
/// `DRM_ROOT_ONLY`: only with `CAP_SYS_ADMIN`.
pub const ROOT_ONLY: u32 = 1 << 2;
/// `DRM_RENDER_ALLOW`: on the render node too.
pub const RENDER_ALLOW: u32 = 1 << 5;

/// `DRM_COMMAND_BASE`: the first number of a driver.
pub const COMMAND_BASE: u32 = 0x40;
/// Numbers that a driver has: up to `DRM_COMMAND_END`.
pub const COMMANDS: u32 = 0x60;

/// `DRM_IOWR(COMMAND_BASE + nr, size)`: the number that a program calls.
///
/// A constant evaluation fails when `nr` or `size` do not fit.
pub const fn iowr(nr: u32, size: usize) -> u32 {
    // PANIC: at compile time only; a table's numbers and sizes are constants.
    assert!(nr < COMMANDS, "a driver's ioctl numbers are 0 to 0x5f");
    assert!(
        size > 0 && size < 1 << 14,
        "an argument has 1 to 16383 bytes"
    );
    (3 << 30) | ((size as u32) << 16) | ((b'd' as u32) << 8) | (COMMAND_BASE + nr)
}

/// As [`iowr`], for numbers and sizes that are not constants: `None` where they do not fit.
pub const fn iowr_checked(nr: u32, size: usize) -> Option<u32> {
    if nr < COMMANDS && size > 0 && size < 1 << 14 {
        Some(iowr(nr, size))
    } else {
        None
    }
}

/// The length of a table whose numbers are `numbers`. A constant evaluation fails unless they ascend.
pub const fn table_len(numbers: &[u32]) -> usize {
    let mut index = 0;
    while index < numbers.len() {
        // PANIC: at compile time only.
        assert!(
            index == 0 || numbers[index - 1] < numbers[index],
            "ioctl numbers must ascend"
        );
        index += 1;
    }
    if index == 0 {
        0
    } else {
        numbers[index - 1] as usize + 1
    }
}

/// Declares `const IOCTLS` of a [`Driver`](crate::Driver): a list of
/// `(number, argument type, flags, handler)`, by ascending number; gaps are unknown ioctls
/// (`EINVAL`).
///
/// A handler is `fn(&Device<Self>, &mut Argument, &File<Self::File>) -> Result<u32>`. DRM core has copied the
/// argument in, zero-extended, and copies it out again.
#[macro_export]
macro_rules! declare_drm_ioctls {
    ($(($nr:expr, $arg:ty, $flags:expr, $handler:expr)),* $(,)?) => {
        const IOCTLS: &'static [$crate::ioctl::DrmIoctlDescriptor] = {
            const LEN: usize = $crate::ioctl::table_len(&[$($nr),*]);
            const TABLE: [$crate::ioctl::DrmIoctlDescriptor; LEN] = {
                let mut table = [$crate::ioctl::DrmIoctlDescriptor::gap(); LEN];
                $(
                    table[$nr as usize] =
                        $crate::drm_ioctl_descriptor!($nr, $arg, $flags, $handler);
                )*
                table
            };
            &TABLE
        };
    };
}
