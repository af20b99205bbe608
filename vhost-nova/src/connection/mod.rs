// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One vhost-user connection: a machine monitor, and the guest behind it.
//!
//! Three threads serve a connection. `vhost-user-backend` runs one for the socket's messages and
//! one worker for both rings; a third waits for the end of the first, lets everything go and tells
//! the main loop. What the worker touches is in a [`Session`] behind one lock: a message that
//! stops a ring or changes the memory takes that lock, so it is answered only when the worker is
//! off the guest's memory.

mod backend;
mod guest;
mod live;
mod memory;
mod session;

pub use backend::Backend;
pub use guest::Guest;
pub use live::{End, Live};
pub use memory::{check_regions, Memory, MemoryError};
pub use session::Session;
