// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A record of every access to BAR0 as the card sees it, a line each, in the form of
//! `vhost-nova probe --trace`: `wr 0x110040 NV_PFALCON_FALCON_MAILBOX0(GSP) 0x00000000`. So the
//! traces of any driver can be compared, whether it can write one itself or not.

use std::{
    fmt,
    io::{self, Write},
};

use nova_spec::regs::name_at;

use crate::register_file::{Part, Written};

/// Where the record goes.
pub(crate) struct Trace {
    to: Box<dyn Write + Send>,
}

impl Trace {
    pub(crate) fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to }
    }

    /// A read of a part of a register, which answers `value`.
    pub(crate) fn read(&mut self, part: &Part, value: u32) -> io::Result<()> {
        let mut bytes = [0; 4];
        let count = part.lanes.len();
        bytes[..count].copy_from_slice(&value.to_le_bytes()[part.lanes.clone()]);
        self.line("rd", part, u32::from_le_bytes(bytes))
    }

    /// A write to a part of a register.
    pub(crate) fn write(&mut self, part: &Part, written: Written) -> io::Result<()> {
        // At most three bytes.
        self.line("wr", part, written.bits >> (8 * part.lanes.start))
    }

    fn line(&mut self, direction: &str, part: &Part, value: u32) -> io::Result<()> {
        // BAR0 is smaller than 4 GiB.
        let offset = part.register as u32 + part.lanes.start as u32;
        let name = name_at(offset);
        writeln!(self.to, "{direction} {offset:#08x} {name} {value:#010x}")
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if let Err(error) = self.to.flush() {
            tracing::warn!(%error, "a part of the register trace is missing");
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").finish_non_exhaustive()
    }
}
