// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! When the programs on the falcons run, and GSP-RM on the RISC-V core.

use nova_spec::{
    falcon::FalconEngine,
    register::{FixedRegister, RelativeRegister},
    regs::{NV_PBUS_BAR1_BLOCK, NV_PBUS_BAR2_BLOCK, NV_PRISCV_RISCV_CPUCTL},
    rpc::unload::LIBOS_SUSPENDED,
};

use super::{
    gsp::{self, Phase},
    Gpu,
};

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
        match engine {
            FalconEngine::GSP => self.run_fwsec(),
            FalconEngine::SEC2 => self.run_booter(),
        }
    }

    /// An engine was put into reset.
    pub(super) fn engine_was_reset(&mut self, engine: FalconEngine) {
        if engine == FalconEngine::GSP {
            self.rm.engine_was_reset();
            if self.rm.phase() == Phase::Off {
                self.host.reset();
            }
        }
    }

    /// GSP-RM looks at its queues, as after a doorbell.
    pub(crate) fn run_rm(&mut self) {
        let outcome = self.rm.run(&mut gsp::Env {
            dma: &mut self.dma,
            vram: &self.vram,
            host: &mut self.host,
        });
        if let Some(bars) = outcome.up {
            let (bar1, bar2) = (bars.bar1_block(), bars.bar2_block());
            self.registers.set(NV_PBUS_BAR1_BLOCK::LOCATION, bar1);
            self.registers.set(NV_PBUS_BAR2_BLOCK::LOCATION, bar2);
        }
        if outcome.sent {
            self.gsp.raise_swgen0(&mut self.registers);
            self.raise(FalconEngine::GSP);
        }
        if outcome.suspended {
            self.host.reset();
            let counters = self.host.counters();
            let (launches, bytes) = (counters.launches, counters.bytes);
            tracing::info!(
                launches,
                bytes,
                "GSP-RM has ended; what copy engines have done"
            );
            let (bar1, bar2) = (NV_PBUS_BAR1_BLOCK::DEFAULT, NV_PBUS_BAR2_BLOCK::DEFAULT);
            self.registers.set(NV_PBUS_BAR1_BLOCK::LOCATION, bar1);
            self.registers.set(NV_PBUS_BAR2_BLOCK::LOCATION, bar2);
            self.gsp.set_mailbox0(&mut self.registers, LIBOS_SUSPENDED);
            let halted = NV_PRISCV_RISCV_CPUCTL::DEFAULT.with_halted(true);
            let location = NV_PRISCV_RISCV_CPUCTL::of(FalconEngine::GSP);
            self.registers.set(location, halted);
        }
        if let Some(kind) = outcome.fault {
            self.fail(kind);
        }
    }
}
