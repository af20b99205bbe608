// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Remote procedure calls to GSP-RM and its events, firmware 570.144.
//!
//! | module | holds |
//! |---|---|
//! | [`message`] | a message in a queue: header, checksum, how many elements it takes |
//! | [`function`] | numbers of functions and events |
//! | [`system_info`] | what RM is told about the system |
//! | [`registry`] | what RM is told to do differently |
//! | [`static_info`] | what RM tells about the GPU |
//! | [`unload`] | the end |
//! | [`sequencer`] | register accesses that GSP asks the driver for |

pub mod function;
pub mod message;
pub mod registry;
pub mod sequencer;
pub mod static_info;
pub mod system_info;
pub mod unload;

pub use function::RpcFunction;
pub use message::Message;
