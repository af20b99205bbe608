// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What the programs on the falcons do, as far as a driver can see it.

use nova_spec::falcon::FalconEngine;

use super::Gpu;

impl Gpu {
    /// Time passes: one register access.
    pub(super) fn tick(&mut self) {
        for engine in FalconEngine::ALL {
            if self.falcon(engine).0.tick() {
                self.program_ends(engine);
            }
        }
    }

    /// A falcon was started.
    pub(super) fn start(&mut self, engine: FalconEngine) {
        let accesses = self.board.program_accesses;
        if self.falcon(engine).0.run(accesses) {
            self.program_ends(engine);
        }
    }

    fn program_ends(&mut self, engine: FalconEngine) {
        tracing::debug!(%engine, "a program ended");
    }

    /// An engine was put into reset.
    pub(super) fn engine_was_reset(&mut self, engine: FalconEngine) {
        tracing::trace!(%engine, "engine reset");
    }

    /// The driver rang for GSP.
    pub(super) fn doorbell(&mut self) {}
}
