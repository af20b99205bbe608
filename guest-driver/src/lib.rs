// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `virtio_nova.ko`: a virtio-nova device as a DRM render node.
//!
//! | module | role |
//! |---|---|
//! | `module` | what is done when the module is loaded and unloaded |
//! | `driver` | the virtio driver: looks at the device, brings it up and down |
//! | `control` | the control queue: who owns a request, waits and late answers |
//! | `event` | the event queue |
//! | `context` | the host's counterpart of an open file |
//! | `drm` | the DRM driver: what the node is and which ioctls it has |
//! | `file` | an open file and its ioctls |
//! | `gem` | GEM objects and their handles on the host |
//!
//! It exists in the kernel home only: built by kbuild, and by cargo for lints and documentation.
#![no_std]
#![cfg(home = "kernel")]

mod context;
mod control;
mod driver;
mod drm;
mod event;
mod file;
mod gem;
mod module;

kernel_abi::module! {
    type: module::VirtioNova,
    name: "virtio_nova",
    authors: ["The vhost-nova project"],
    description: "virtio-nova: a share of an NVIDIA GPU as a DRM render node",
    license: "Dual MIT/GPL",
    // As `module::IDS`; udev and modprobe find the module by it.
    alias: ["virtio:d00000006v*"],
    params: {
        timeout_ms: u32 {
            default: 30_000,
            description: "Milliseconds after which a host that does not answer is given up for the call at hand",
        },
    },
}
