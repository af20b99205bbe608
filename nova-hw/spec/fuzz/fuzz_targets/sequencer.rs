// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#![no_main]

#[path = "../../tests/fuzz_bodies/mod.rs"]
mod fuzz_bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::sequencer(data));
