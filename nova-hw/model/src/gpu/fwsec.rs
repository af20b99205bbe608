// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! FWSEC on GSP's falcon: FRTS makes the write-protected region 2, SB ends what it began.

use nova_spec::{
    register::RegisterArray,
    regs::*,
    vbios::{appif, Command},
};

use super::{brom, brom::BromError, wpr, Gpu};

/// Codes in the scratch register of FRTS. The card's own are not public; 0 alone is.
mod frts_error {
    /// The command makes no sense.
    pub(super) const COMMAND: u16 = 1;
    /// There is a region already.
    pub(super) const EXISTS: u16 = 2;
    /// The region is not in VRAM.
    pub(super) const REGION: u16 = 3;
}

impl Gpu {
    /// What was loaded into GSP's falcon runs to its end.
    pub(super) fn run_fwsec(&mut self) {
        if !self.gsp.is_loaded() {
            // No program: the core halts where it stands, and the mailboxes keep their words.
            return;
        }
        match self.fwsec_command() {
            Err(error) => tracing::warn!(%error, "the boot ROM of GSP does not run what is loaded"),
            Ok(Command::Frts { address, size }) => {
                let error = self.frts(address, size);
                self.set_frts_error(error);
                self.gsp.set_mailbox0(&mut self.registers, 0);
            }
            Ok(Command::Sb) => {
                tracing::info!("FWSEC: SB");
                let index = NV_PBUS_SW_SCRATCH_15_FWSEC_SB::INDEX;
                self.change_scratch(index, |value| value & !0xffff);
                self.gsp.set_mailbox0(&mut self.registers, 0);
            }
        }
    }

    /// What the program is to do: the boot ROM's checks, then the command in DMEM.
    fn fwsec_command(&mut self) -> Result<Command, BromError> {
        let vbios = self.board.vbios.parse()?;
        let fwsec = vbios.fwsec()?;
        brom::check_fwsec(&fwsec, self.board.fwsec_version, &self.registers, &self.gsp)?;
        let base = fwsec.desc.dmem_phys_base.get() as usize;
        let dmem = self.gsp.dmem.get(base..).unwrap_or(&[]);
        let command = appif::read_command(dmem, fwsec.desc.interface_offset.get());
        if command.is_err() {
            // FWSEC runs, and finds no command that it knows.
            self.set_frts_error(Some(frts_error::COMMAND));
        }
        Ok(command?)
    }

    /// Makes the region; an error's code when it cannot.
    fn frts(&mut self, address: u64, size: u64) -> Option<u16> {
        let end = address.checked_add(size).filter(|_| size > 0);
        let inside = end.filter(|end| *end <= self.board.vram);
        tracing::info!(
            address = format_args!("{address:#x}"),
            size = format_args!("{size:#x}"),
            "FWSEC: FRTS"
        );
        if self.wpr2().is_some() {
            return Some(frts_error::EXISTS);
        }
        match inside {
            Some(end) if wpr::set_wpr2(&mut self.registers, address..end) => None,
            _ => Some(frts_error::REGION),
        }
    }

    fn set_frts_error(&mut self, error: Option<u16>) {
        let code = u32::from(error.unwrap_or(0));
        if code != 0 {
            tracing::warn!(code, "FWSEC: FRTS failed");
        }
        let index = NV_PBUS_SW_SCRATCH_0E_FRTS_ERR::INDEX;
        self.change_scratch(index, |value| value & 0xffff | code << 16);
    }

    pub(super) fn change_scratch(&mut self, index: u32, change: impl FnOnce(u32) -> u32) {
        if let Some(location) = NV_PBUS_SW_SCRATCH::at(index) {
            let value = change(self.registers.value(location.offset()));
            self.registers.set_value(location.offset(), value);
        }
    }
}
