// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Our driver writes what nova-core writes. `data/nova-core-7.3.4-ga102.trace` has the writes of
//! Linux 7.3.4's nova-core from its probe to its unbind, as `nova-model --trace` recorded them:
//! on the model that a builder makes when nothing is chosen, with synthetic firmware.

#[path = "common/firmware.rs"]
mod firmware;

use std::sync::{Arc, Mutex};

use nova_conformance::traces;
use nova_driver::{BootOptions, Gpu, RegisterAccess, Trace};
use nova_model::Model;
use nova_spec::Chipset;

const NOVA_CORE: &str = include_str!("data/nova-core-7.3.4-ga102.trace");

#[derive(Default)]
struct Lines(Mutex<String>);

impl Trace for Lines {
    fn access(&self, access: &RegisterAccess) {
        let mut lines = self.0.lock().unwrap();
        lines.push_str(&format!("{access}\n"));
    }
}

#[test]
fn the_same_writes_in_the_same_order() {
    let lines = Arc::new(Lines::default());
    let model = Model::builder().build().unwrap();
    let gpu = Gpu::probe_traced(model, lines.clone()).unwrap();
    let firmware = firmware::synthetic(Chipset::GA102);
    let booted = gpu.boot(&firmware, &BootOptions::default()).unwrap();
    booted.unload().unwrap();
    let ours = lines.0.lock().unwrap();
    let same = traces::compare(NOVA_CORE, &ours);
    assert_eq!(same, Ok(NOVA_CORE.lines().count()));
}
