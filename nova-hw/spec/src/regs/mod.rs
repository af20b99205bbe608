// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The registers of BAR0, a file a hardware unit, named as in NVIDIA's headers (`dev_*.h`
//! of open-gpu-kernel-modules).
#![allow(non_camel_case_types)] // NVIDIA's names

mod pbus;
mod pgc6;
mod pmc;

pub use pbus::{NV_PBUS_BAR1_BLOCK, NV_PBUS_BAR1_BLOCK_MODE};
pub use pgc6::NV_USABLE_FB_SIZE_IN_MB;
pub use pmc::{Revision, NV_PMC_BOOT_0, NV_PMC_BOOT_1, NV_PMC_BOOT_42};
