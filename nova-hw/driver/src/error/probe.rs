// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why a GPU could not be probed. Each error names what was read, for the reader has the
//! card and not the code.

use nova_pci::PciError;

use super::Cause;
use crate::dma::DmaError;

/// Why [`Gpu::probe`](crate::Gpu::probe) refused a device, which is left as it was, except
/// that bus mastering is off once it is known to be a GPU.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// An access through the seam failed.
    #[error("cannot {step}")]
    Pci {
        /// What was being done.
        step: &'static str,
        /// What came of it.
        source: PciError,
    },
    /// Configuration space reads as all-ones.
    #[error("no PCI device answers: its vendor id reads 0xffff")]
    NoDevice,
    /// Another maker's device.
    #[error("PCI device {vendor:04x}:{device:04x} is not NVIDIA's (10de)")]
    NotNvidia {
        /// Vendor id read.
        vendor: u16,
        /// Device id read.
        device: u16,
    },
    /// NVIDIA's, and not a GPU: often the audio function of the card.
    #[error("PCI device 10de:{device:04x} has class {class:06x} and is no GPU (03xxxx)")]
    NotGpu {
        /// Device id read.
        device: u16,
        /// Base class, subclass and programming interface read.
        class: u32,
    },
    /// The command register did not take what was written.
    #[error("the PCI command register does not take {wanted:#06x}: it reads {command:#06x}")]
    CommandRefused {
        /// What was written: memory decode, later bus mastering too.
        wanted: u16,
        /// Command register read.
        command: u16,
    },
    /// A BAR is too small for what is read in it.
    #[error("{bar} has {size:#x} bytes and at least {min:#x} are needed")]
    BarTooSmall {
        /// Its name.
        bar: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The size needed in bytes.
        min: u64,
    },
    /// A register that is never all-ones reads so.
    #[error("the GPU has fallen off the bus: {register} reads 0xffffffff")]
    OffTheBus {
        /// The register.
        register: &'static str,
    },
    /// A GPU, and not one that this driver knows.
    #[error(
        "unsupported GPU: NV_PMC_BOOT_0 {boot_0:#010x}, NV_PMC_BOOT_42 {}",
        .boot_42.map_or("absent".into(), |boot_42| format!("{boot_42:#010x}"))
    )]
    Unsupported {
        /// `NV_PMC_BOOT_0` read.
        boot_0: u32,
        /// `NV_PMC_BOOT_42` read; older chips have none.
        boot_42: Option<u32>,
    },
    /// The card's own firmware does not finish.
    #[error("cannot wait for the card's own firmware")]
    Gfw(#[source] Cause),
    /// The transport does not say where memory can be mapped.
    #[error(transparent)]
    Dma(DmaError),
    /// The card's firmware left no memory size: it has not run yet, or not to its end.
    #[error("the GPU reports no VRAM: NV_USABLE_FB_SIZE_IN_MB reads 0")]
    NoVram,
}

/// Names the step of a failed access.
pub(crate) fn at(step: &'static str) -> impl FnOnce(PciError) -> ProbeError {
    move |source| ProbeError::Pci { step, source }
}
