// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Firmware files: the containers that distributions ship, what is in them, and the TLV
//! files that nova-core asks for.
//!
//! | module | holds |
//! |---|---|
//! | [`names`] | what the files are called, which versions are known |
//! | [`nvfw`] | the container `nvfw_bin_hdr` and the header of signed images |
//! | [`booter`] | the booters, which run on SEC2, from either container and into either |
//! | [`bootloader`] | GSP's RISC-V bootloader, likewise |
//! | [`gsp`] | GSP-RM's image and its signatures, likewise |
//! | [`elf`] | sections of an ELF64 file |
//! | [`tlv`] | reading and writing TLV files |
//! | [`set`] | the files of one chip together: synthetic ones, and conversion to TLV |

pub mod booter;
pub mod bootloader;
pub mod elf;
pub mod gsp;
pub mod names;
pub mod nvfw;
pub mod set;
pub mod tlv;
