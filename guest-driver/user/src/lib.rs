// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Work on the GPU of a virtual machine, through the render node of `virtio_nova.ko`.
//!
//! | module | holds |
//! |---|---|
//! | [`gpu`] | the node, and what the GPU is |
//! | [`buffer`] | memory, of the machine or of the card |
//! | [`vm`] | address spaces: where the GPU finds buffers |
//! | [`queue`] | channels that take work |
//! | [`sync`] | sync objects: what work waits for, and what waits for work |
//! | [`event`] | what was lost |
//! | [`copy`](mod@copy) | push buffers for the copy engine |
//! | [`sys`] | system calls with pointers |
//!
//! Errors are the driver's: [`std::io::Error`] with its errno. `EOPNOTSUPP` is a device that offers no work, `ENODEV` something
//! that is lost.
//!
//! # A copy
//!
//! ```no_run
//! use nova_guest::{copy::Copies, Buffer, Domain, Gpu, SyncObj};
//! use std::time::Duration;
//!
//! # fn main() -> std::io::Result<()> {
//! let gpu = Gpu::open()?;
//! let info = gpu.info()?;
//! let vm = gpu.address_space()?;
//! let queue = vm.queue(Default::default())?;
//!
//! // A source, a destination, and a push buffer, all where the GPU sees them.
//! let size = 1 << 20;
//! let from = Buffer::new(&gpu, size, Domain::System)?;
//! let to = Buffer::new(&gpu, size, Domain::Vram)?;
//! let pushes = Buffer::new(&gpu, 4096, Domain::System)?;
//! let base = info.va_start;
//! vm.map(&from, base, 0, size)?;
//! vm.map(&to, base + size, 0, size)?;
//! vm.map(&pushes, base + 2 * size, 0, 4096)?;
//!
//! let mut copies = Copies::new(info.copy_class);
//! copies.copy(base, base + size, size)?;
//! pushes.map()?.write(0, copies.bytes());
//!
//! let done = SyncObj::new(&gpu)?;
//! queue.submit(&[copies.push(base + 2 * size)], &[], &[done.signal()])?;
//! done.wait(Duration::from_secs(10))?;
//! # Ok(())
//! # }
//! ```

pub mod buffer;
pub mod copy;
pub mod event;
pub mod gpu;
pub mod queue;
pub mod sync;
pub mod sys;
pub mod vm;

pub use buffer::{Buffer, Domain, Mapping};
pub use event::{Lost, What};
pub use gpu::{Gpu, Info};
pub use queue::{Priority, Push, Queue};
pub use sync::{Signal, SyncObj, Wait};
pub use vm::{AddressSpace, Op};
