// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PEXTDEV: what is soldered around the chip. Follows `dev_ext_devices.h`.

use crate::register::{plain, registers};

plain! {
    /// Straps.
    NV_PEXTDEV_BOOT_0;
}

registers! {
    NV_PEXTDEV_BOOT_0 at 0x101000, read_only;
}
