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
//! | `work` | address spaces, queues and fences |
//!
//! It exists in the kernel home: built by kbuild, and by cargo for lints and documentation. In the hosted home there is what
//! needs no kernel, for its tests.
#![no_std]
#![cfg_attr(home = "hosted", allow(dead_code))]

#[cfg(home = "kernel")]
mod context;
#[cfg(home = "kernel")]
mod control;
#[cfg(home = "kernel")]
mod driver;
#[cfg(home = "kernel")]
mod drm;
#[cfg(home = "kernel")]
mod event;
#[cfg(home = "kernel")]
mod file;
#[cfg(home = "kernel")]
mod gem;
#[cfg(home = "kernel")]
mod module;
mod work;

#[cfg(home = "kernel")]
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
