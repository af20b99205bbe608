// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The registers of BAR0, a file a hardware unit, named as in NVIDIA's headers (`dev_*.h`
//! of open-gpu-kernel-modules). What is memory and no register is a [`Window`].
#![allow(non_camel_case_types)] // NVIDIA's names

mod disp;
mod falcon;
mod falcon2;
mod fbif;
mod fuse;
mod gsp;
mod name;
mod pbus;
mod pextdev;
mod pfb;
mod pgc6;
mod pmc;
mod ptimer;
mod uflush;
mod vfn;
mod windows;
mod xve;

pub use disp::NV_PDISP_VGA_WORKSPACE_BASE;
pub use falcon::*;
pub use falcon2::*;
pub use fbif::*;
pub use fuse::*;
pub use gsp::NV_PGSP_QUEUE_HEAD;
pub use name::{name_at, Named, DECLARATIONS};
pub use pbus::*;
pub use pextdev::NV_PEXTDEV_BOOT_0;
pub use pfb::*;
pub use pgc6::*;
pub use pmc::{Revision, NV_PMC_BOOT_0, NV_PMC_BOOT_1, NV_PMC_BOOT_42};
pub use ptimer::*;
pub use uflush::NV_UFLUSH_FB_FLUSH;
pub use vfn::*;
pub use windows::{Window, PCFG, PRAMIN, PRMCIO, PROM, WINDOWS};
pub use xve::{NV_XVE_CYA_2, NV_XVE_ROM_CTRL};
