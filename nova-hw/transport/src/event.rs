// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Between rustix's descriptors and the seam's eventfds.
#![allow(unsafe_code)] // vmm-sys-util's EventFd only knows raw descriptors

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use nova_pci::EventFd;

/// Gives an eventfd to the seam's type.
pub(crate) fn from_fd(fd: OwnedFd) -> EventFd {
    // SAFETY: the descriptor was owned, and `into_raw_fd` gave the ownership up.
    unsafe { EventFd::from_raw_fd(fd.into_raw_fd()) }
}

/// Lends an eventfd's descriptor.
pub(crate) fn borrow(event: &EventFd) -> BorrowedFd<'_> {
    // SAFETY: the descriptor is open while the eventfd lives, which the lifetime says.
    unsafe { BorrowedFd::borrow_raw(event.as_raw_fd()) }
}
