// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GFW, the firmware that the card runs by itself after a reset: it trains VRAM and leaves what
//! it found. Nothing on the card may be used before it is done.

use nova_pci::Bar;
use nova_spec::{
    register::{FixedRegister, Register},
    regs::{
        NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT as GfwBoot,
        NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_PRIV_LEVEL_MASK as PrivLevelMask,
    },
};

use crate::{error::Cause, registers::Registers, timeouts::Timeouts, wait};

/// Waits until GFW is done. Its progress is only readable once it has let go of the register,
/// and what is read before has no meaning.
pub(crate) fn wait<B: Bar>(registers: &Registers<B>, timeouts: &Timeouts) -> Result<(), Cause> {
    let mut last = (PrivLevelMask::LOCATION.name(), 0);
    let done = wait::until(timeouts.gfw, || {
        let mask: PrivLevelMask = registers.read()?;
        last = (PrivLevelMask::LOCATION.name(), mask.into_raw());
        if !mask.read_protection_level0() {
            return Ok(None);
        }
        let progress: GfwBoot = registers.read()?;
        last = (GfwBoot::LOCATION.name(), progress.into_raw());
        Ok::<_, Cause>(progress.completed().then_some(()))
    })?;
    done.ok_or(Cause::Timeout {
        waited_for: "the card's own firmware to finish",
        register: last.0,
        value: last.1,
        limit: timeouts.gfw,
    })
}
