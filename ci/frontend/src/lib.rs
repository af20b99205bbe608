// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A machine monitor without a machine: a vhost-user frontend whose "guest" is the test itself.
//!
//! | module | role |
//! |---|---|
//! | [`ram`] | guest memory, as memfds that can be lied about and truncated |
//! | [`profile`] | what QEMU 11.1 and cloud-hypervisor 53 ask for in their handshakes |
//! | [`vmm`] | connect, start, stop, reset; configuration space |
//! | [`virtqueue`] | the driver's side of a split ring: chains, and raw access for hostile ones |
//!
//! It knows vhost-user and virtqueues and nothing of any device: bytes go in, bytes come out, so
//! that a test of a device's protocol stands on that protocol's document alone. All integers in
//! rings are little-endian; addresses are guest-physical.
//!
//! A well-behaved request:
//!
//! ```no_run
//! use lab_frontend::{Options, Profile, Vmm};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut vmm = Vmm::attach("/run/alice.sock", Options::new(Profile::Qemu))?;
//! let request = [0; 32];
//! let answer = vmm.request(&request, 72)?; // room for 72 bytes; as long as the device says
//! # Ok(())
//! # }
//! ```
//!
//! A hostile one, by hand:
//!
//! ```no_run
//! use lab_frontend::{virtqueue::{Descriptor, NEXT, WRITE}, Options, Profile, Vmm, SHORT};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut vmm = Vmm::attach("/run/alice.sock", Options::new(Profile::Qemu))?;
//! let buffer = vmm.ram.alloc(4096)?;
//! let (ram, queue) = vmm.queue(0);
//! // A chain that points at itself.
//! let looped = Descriptor { addr: buffer, len: 24, flags: NEXT | WRITE, next: 0 };
//! queue.set_descriptor(ram, 0, looped)?;
//! queue.make_available(ram, 0)?;
//! queue.kick()?;
//! let used = queue.wait_used(ram, SHORT)?;
//! assert_eq!(used.id, 0);
//! let answer = ram.read(buffer, used.len as usize)?;
//! # Ok(())
//! # }
//! ```

pub mod profile;
pub mod ram;
pub mod virtqueue;
pub mod vmm;

pub use profile::Profile;
pub use ram::Ram;
pub use virtqueue::Virtqueue;
pub use vmm::{Options, Vmm};

use std::time::Duration;

/// How long to wait for something that must come.
// TIMEOUT: the device answers in microseconds; the rest is for a machine that is busy.
pub const LONG: Duration = Duration::from_secs(10);
/// How long to wait for something that should not come, or comes from a device that is idle.
pub const SHORT: Duration = Duration::from_secs(2);
