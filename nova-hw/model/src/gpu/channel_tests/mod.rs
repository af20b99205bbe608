// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests of channels and copies on a whole card, whose channels are made without GSP-RM.

mod copies;
mod errors;
mod hostile;
mod late;
mod random;
mod rig;
mod schedule;
mod semaphores;
mod tlb;
