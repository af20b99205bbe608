// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Programs for the guest that use and test the render node.
//!
//! | module | role |
//! |---|---|
//! | [`sys`] | system calls with pointers |
//! | [`node`] | the render node and its ioctls: thin, so that a test can send what a library would not |
//! | [`mapping`] | a mapped object |
//! | [`suite`] | the tests, as TAP |
//! | [`data`] | objects filled and checked from both sides |
//! | [`selftest`], [`epoll`], [`kmsg`] | the self-test of `kernel-abi` and `drm-core` |
//! | [`copy`](mod@copy), [`stress`] | what `nova-copy` and `nova-stress` do |
//! | [`nouveau`] | moves of buffers by upstream's nouveau |
//! | [`demo`], [`reload`], [`hold`], [`failslab`] | the other things that `nova-test` does |

pub mod copy;
pub mod data;
pub mod demo;
pub mod epoll;
pub mod failslab;
pub mod hold;
pub mod kmsg;
pub mod mapping;
pub mod node;
pub mod nouveau;
pub mod reload;
pub mod selftest;
pub mod stress;
pub mod suite;
pub mod sys;
