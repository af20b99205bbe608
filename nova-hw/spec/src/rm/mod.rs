// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! RM's objects: clients own devices, devices own address spaces and channels, channels own
//! engine objects. They are made, controlled and freed by RPC. Firmware 570.144.
//!
//! | module | holds |
//! |---|---|
//! | [`status`] | `NV_STATUS`: how a call ended |
//! | [`class`] | which kinds of objects there are |
//! | [`engine`] | numbers of engines |
//! | [`object`] | making, controlling and freeing an object |
//! | [`alloc`] | what an object is made with |
//! | [`channel`] | what a channel is made with |
//! | [`control`] | controls and their parameters |
//! | [`fifo`] | controls about engines and interrupts |
//! | [`memsys`] | controls about the memory system, and the page directories of BARs |
//! | [`scheduling`] | controls about when channels run |
//! | [`event`] | what RM tells of its own accord |

pub mod alloc;
pub mod channel;
pub mod class;
pub mod control;
pub mod engine;
pub mod event;
pub mod fifo;
pub mod memsys;
pub mod object;
pub mod scheduling;
pub mod status;

pub use class::Class;
pub use control::Control;
pub use status::NvStatus;
