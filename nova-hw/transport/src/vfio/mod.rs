// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A physical PCI device: the seam over the kernel's VFIO, by group and container.
//!
//! Registers go through `pread` and `pwrite`, never through a mapping of this process: the kernel
//! takes such a mapping away while the device decodes no memory or is being reset, and the
//! access would end the process. A call costs a fraction of what an access to a card does, and
//! its error is kept. Whoever wants a BAR mapped gets it by [`Bar::memory`](nova_pci::Bar).
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `open` | from an address to a device that is ours |
//! | `device` | [`VfioPci`]: the seam |
//! | `bar` | regions by `pread` and `pwrite` |
//! | `reset` | FLR, or the bus when all on it is ours |
//! | `iova` | what the IOMMU leaves |
//! | `error` | causes and remedies |
//! | `sys` | the ioctls |

mod bar;
mod device;
mod error;
mod iova;
mod open;
mod reset;
mod sys;

pub use bar::VfioBar;
pub use device::{VfioMapping, VfioPci};
pub use error::{OpenError, VfioError};
