// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What every transport of the PCI seam must do, as checks that run on any of them.
//!
//! The device under the transport is a GPU of `nova_spec::chip::CHIPS`, model or card, that
//! nobody else uses. Each check leaves it as a reset leaves it. They say what they found rather
//! than panic, because they also run where there is no test harness: in a virtual machine, on the
//! kernel's VFIO.
//!
//! # Map
//! | module | checks |
//! |---|---|
//! | `config` | configuration space: widths, bounds, the header |
//! | `bars` | BARs: sizes, bounds, widths, memory decode |
//! | `copy` | how a device is made to read and write memory |
//! | `dma` | maps: addresses, overlaps, and that the device reaches what is mapped and no more |
//! | `msi` | turning MSI on and off |
//! | `reset` | the state after a reset |
//! | [`traces`] | whether two drivers write the same registers in the same order |
#![forbid(unsafe_code)]

mod bars;
mod check;
mod config;
mod copy;
mod dma;
mod msi;
mod reset;
pub mod traces;

pub use check::{Check, Failure};
pub use dma::dma_address;

use nova_pci::Pci;

/// All checks, by name, in the order in which they run.
pub fn checks<P: Pci>() -> Vec<Check<P>> {
    vec![
        Check::new(
            "configuration space has the accesses that the seam allows",
            config::widths,
        ),
        Check::new("configuration space is a GPU's", config::header),
        Check::new("BARs have sizes and bounds", bars::bounds),
        Check::new("registers are read in every width", bars::widths),
        Check::new("without memory decode a BAR is all-ones", bars::decode),
        Check::new("VRAM keeps what is written, at any size", bars::vram),
        Check::new("the option ROM has bounds", bars::rom),
        Check::new("DMA addresses are checked", dma::addresses),
        Check::new(
            "memory can be mapped again once it is dropped",
            dma::map_again,
        ),
        Check::new("DMA reaches what is mapped", dma::reaches_what_is_mapped),
        Check::new("DMA reaches nothing else", dma::reaches_no_more),
        Check::new("DMA needs bus mastering", dma::needs_bus_mastering),
        Check::new("MSI is turned on, replaced and off", msi::on_and_off),
        Check::new("an interrupt arrives as an MSI", msi::arrives),
        Check::new(
            "a reset clears the command register and keeps the device",
            reset::reset,
        ),
    ]
}

/// Runs all checks and returns what failed.
pub fn run<P: Pci>(pci: &P) -> Vec<Failure> {
    let results = checks().into_iter().map(|check| check.run(pci));
    results.filter_map(Result::err).collect()
}
