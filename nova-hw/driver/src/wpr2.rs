// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! WPR2, the write-protected region of VRAM in which GSP's firmware lives: FWSEC makes it,
//! booter_load fills it, and the way back ends it.

use std::{ops::Range, sync::Arc};

use nova_pci::{Bar, Pci};
use nova_spec::{
    falcon::FalconEngine,
    firmware::booter::UNLOAD_MAILBOX,
    regs::{
        NV_PBUS_SW_SCRATCH_0E_FRTS_ERR, NV_PBUS_SW_SCRATCH_15_FWSEC_SB,
        NV_PFB_PRI_MMU_WPR2_ADDR_HI, NV_PFB_PRI_MMU_WPR2_ADDR_LO,
    },
    vbios::{Command, Fwsec},
};

use crate::{
    card::Card,
    error::{Cause, During, Failed, Step},
    falcon::{Falcon, Mailboxes},
    firmware::Images,
    registers::Registers,
    timeouts::Timeouts,
    ucode::Ucode,
};

/// Where the region is now; `None` when there is none.
fn region<B: Bar>(registers: &Registers<B>) -> Result<Option<Range<u64>>, Cause> {
    let end: NV_PFB_PRI_MMU_WPR2_ADDR_HI = registers.read()?;
    if !end.is_set() {
        return Ok(None);
    }
    let start: NV_PFB_PRI_MMU_WPR2_ADDR_LO = registers.read()?;
    Ok(Some(start.address()..end.address()))
}

/// Refuses a card on which somebody left the region.
pub(crate) fn check_clear<B: Bar>(registers: &Registers<B>) -> Result<(), Cause> {
    match region(registers)? {
        None => Ok(()),
        Some(Range { start, end }) => Err(Cause::Wpr2Set {
            start,
            end,
            reset: None,
        }),
    }
}

/// Has FWSEC make the region over `frts`, and checks that it did.
pub(crate) fn run_fwsec_frts<P: Pci>(
    card: &Card<P>,
    timeouts: &Timeouts,
    fwsec: &Fwsec<'_>,
    frts: &Range<u64>,
) -> Result<(), Cause> {
    let command = Command::Frts {
        address: frts.start,
        size: frts.end - frts.start,
    };
    let ucode = Ucode::fwsec(card, "FWSEC-FRTS", fwsec, command)?;
    let gsp = Falcon::new(card, timeouts, FalconEngine::GSP);
    ucode.run(&gsp, Mailboxes::First(0))?;
    let error: NV_PBUS_SW_SCRATCH_0E_FRTS_ERR = card.registers.read()?;
    if error.frts_err_code() != 0 {
        let code = error.frts_err_code();
        return Err(Cause::Frts { code });
    }
    let region = region(&card.registers)?.unwrap_or_default();
    if region.start != frts.start || region.is_empty() {
        return Err(Cause::Wpr2Misplaced {
            start: region.start,
            end: region.end,
            expected: frts.start,
        });
    }
    Ok(())
}

/// The way back, prepared before there is anything to take back, so that it needs neither a
/// file nor the ROM. It is gone once, at the latest when this is dropped.
pub(crate) struct UnloadBundle<P: Pci> {
    card: Arc<Card<P>>,
    timeouts: Timeouts,
    fwsec_sb: Ucode<P::Mapping>,
    booter_unload: Ucode<P::Mapping>,
    is_done: bool,
}

impl<P: Pci> UnloadBundle<P> {
    pub(crate) fn new(
        card: &Arc<Card<P>>,
        timeouts: &Timeouts,
        fwsec: &Fwsec<'_>,
        images: &Images<'_>,
    ) -> Result<Self, Cause> {
        Ok(Self {
            card: card.clone(),
            timeouts: *timeouts,
            fwsec_sb: Ucode::fwsec(card, "FWSEC-SB", fwsec, Command::Sb)?,
            booter_unload: Ucode::booter(card, "booter_unload", &images.booter_unload)?,
            is_done: false,
        })
    }

    /// Ends the region. Where that fails, the card may still run what it was given, or hang: then
    /// its bus mastering goes off, and it is reset where it can be.
    pub(crate) fn run(&mut self) -> Result<(), Failed> {
        if std::mem::replace(&mut self.is_done, true) {
            return Ok(());
        }
        let fwsec_sb = self.run_fwsec_sb().during(Step::RunFwsecSb);
        let booter_unload = self.run_booter_unload().during(Step::RunBooterUnload);
        let result = fwsec_sb.and(booter_unload);
        if let Err(Failed { step, cause }) = &result {
            tracing::warn!(error = %cause, "cannot {step}: resetting the GPU");
            self.card.silence();
        }
        result
    }

    fn run_fwsec_sb(&self) -> Result<(), Cause> {
        let gsp = Falcon::new(&self.card, &self.timeouts, FalconEngine::GSP);
        self.fwsec_sb.run(&gsp, Mailboxes::First(0))?;
        let error: NV_PBUS_SW_SCRATCH_15_FWSEC_SB = self.card.registers.read()?;
        match error.err_code() {
            0 => Ok(()),
            code => Err(Cause::FwsecSb { code }),
        }
    }

    /// Only where FWSEC has left the region.
    fn run_booter_unload(&self) -> Result<(), Cause> {
        if region(&self.card.registers)?.is_none() {
            return Ok(());
        }
        let sec2 = Falcon::new(&self.card, &self.timeouts, FalconEngine::SEC2);
        let nothing = Mailboxes::Both(UNLOAD_MAILBOX, UNLOAD_MAILBOX);
        self.booter_unload.run(&sec2, nothing)?;
        match region(&self.card.registers)? {
            None => Ok(()),
            Some(Range { start, end }) => Err(Cause::Wpr2Left { start, end }),
        }
    }
}

impl<P: Pci> Drop for UnloadBundle<P> {
    fn drop(&mut self) {
        if let Err(Failed { step, cause }) = self.run() {
            tracing::warn!(error = %cause, "cannot {step}");
        }
    }
}
