// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The module's entry points, called by `shim.c`, and the panic handler.
#![allow(unsafe_code)] // symbols that C calls, and the id table that C defines

use crate::driver::NovaVirtio;
use core::ffi::c_int;
use kernel_abi::{bindings, module::Slot, pr_info, virtio};

/// Set between init and exit.
static REGISTRATION: Slot<virtio::Registration> = Slot::new();

extern "C" {
    static virtio_nova_id_table: bindings::virtio_device_id;
}

/// Loads the module: registers the driver.
#[no_mangle]
pub extern "C" fn virtio_nova_init() -> c_int {
    // SAFETY: the shim's table is static and ends in an entry of zeros.
    let ids = unsafe { virtio::IdTable::new(&raw const virtio_nova_id_table) };
    match virtio::Registration::new::<NovaVirtio>(ids) {
        Ok(registration) => {
            // SAFETY: init runs once and before exit.
            unsafe { REGISTRATION.set(registration) };
            pr_info!("virtio-nova driver {} loaded", env!("VIRTIO_NOVA_VERSION"));
            0
        }
        Err(error) => error.to_errno(),
    }
}

/// Unloads the module: takes all devices down.
#[no_mangle]
pub extern "C" fn virtio_nova_exit() {
    // SAFETY: exit runs once, after a successful init.
    drop(unsafe { REGISTRATION.take() });
}

#[cfg(module)]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    kernel_abi::panic::panic(info)
}
