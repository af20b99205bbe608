// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! How long each wait may take.

use std::time::Duration;

/// The longest that each wait may take. The defaults are those of
/// nova-core, which suit real cards, or longer; they are never reached while all is well, because
/// every wait ends when what it waits for is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The card's own firmware (GFW) to finish.
    pub gfw: Duration,
    /// A falcon to say that it may be reset. Going on without is allowed.
    pub reset_ready: Duration,
    /// A falcon's memories to be cleared after its reset.
    pub scrubbing: Duration,
    /// A falcon to switch to its falcon core.
    pub core_select: Duration,
    /// One block to be copied into a falcon.
    pub falcon_dma: Duration,
    /// A program on a falcon to halt.
    pub falcon_halt: Duration,
    /// GSP's RISC-V core to run after booter_load.
    pub riscv_active: Duration,
    /// The next message of GSP-RM, or room for a command.
    pub message: Duration,
    /// A poll in RM's sequencer that names no time itself; also the most that one may name.
    pub sequencer_poll: Duration,
    /// GSP to be handed back by SEC2 in the sequencer's resume.
    pub resume: Duration,
    /// GSP to suspend after it was told to unload.
    pub suspend: Duration,
    /// TLBs to be invalidated.
    pub tlb_invalidate: Duration,
    /// Writes to VRAM to be flushed.
    pub fb_flush: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            // TIMEOUT: GFW takes up to 2 s after a cold start; nova-core allows 4 s.
            gfw: Duration::from_secs(4),
            // TIMEOUT: some boards never raise the bit; nova-core waits as briefly and goes on.
            reset_ready: Duration::from_micros(150),
            // TIMEOUT: clearing 64 KiB takes microseconds on a card and nova-core allows 20 ms; a
            // model in a process that is not scheduled takes longer.
            scrubbing: Duration::from_secs(1),
            // TIMEOUT: a register write inside the chip, for which nova-core allows 10 ms; as above.
            core_select: Duration::from_secs(1),
            // TIMEOUT: 256 bytes over PCIe take microseconds; 2 s also covers a slow transport.
            falcon_dma: Duration::from_secs(2),
            // TIMEOUT: signature check and program take tens of milliseconds on a card.
            falcon_halt: Duration::from_secs(2),
            // TIMEOUT: booter has halted by then and libos starts at once; nova-core allows 5 s.
            riscv_active: Duration::from_secs(5),
            // TIMEOUT: RM's start takes about 2 s to its first event on a card; nova-core allows
            // 5 s for each message.
            message: Duration::from_secs(5),
            // TIMEOUT: NVIDIA's drivers take 4 s where RM names no time.
            sequencer_poll: Duration::from_secs(4),
            // TIMEOUT: SEC2 hands over in milliseconds; nova-core allows 2 s.
            resume: Duration::from_secs(2),
            // TIMEOUT: RM has answered by then and only halts; nova-core allows 5 s.
            suspend: Duration::from_secs(5),
            // TIMEOUT: microseconds on a card, more behind long accesses; nouveau allows 2 s.
            tlb_invalidate: Duration::from_secs(2),
            // TIMEOUT: as above.
            fb_flush: Duration::from_secs(2),
        }
    }
}

impl Timeouts {
    /// The same, none longer than `limit`: for tests against a GPU that is known to answer soon
    /// or never.
    pub fn at_most(self, limit: Duration) -> Self {
        Self {
            gfw: self.gfw.min(limit),
            reset_ready: self.reset_ready.min(limit),
            scrubbing: self.scrubbing.min(limit),
            core_select: self.core_select.min(limit),
            falcon_dma: self.falcon_dma.min(limit),
            falcon_halt: self.falcon_halt.min(limit),
            riscv_active: self.riscv_active.min(limit),
            message: self.message.min(limit),
            sequencer_poll: self.sequencer_poll.min(limit),
            resume: self.resume.min(limit),
            suspend: self.suspend.min(limit),
            tlb_invalidate: self.tlb_invalidate.min(limit),
            fb_flush: self.fb_flush.min(limit),
        }
    }
}
