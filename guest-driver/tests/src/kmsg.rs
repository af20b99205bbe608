// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The kernel's log, record by record (`Documentation/ABI/testing/dev-kmsg`).

use anyhow::{bail, Context, Result};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

/// A reader that begins at the log's end.
pub struct Kmsg(File);

impl Kmsg {
    /// From now on.
    pub fn at_end() -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .context("opening /dev/kmsg")?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self(file))
    }

    /// The lines that are there by now and begin with `prefix` and a colon, without them; each with its level.
    ///
    /// An error when the log was too small for all of them.
    pub fn lines_of(&mut self, prefix: &str) -> Result<Vec<(u8, String)>> {
        let mut lines = Vec::new();
        let mut record = [0; 8192];
        loop {
            let len = match self.0.read(&mut record) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(lines),
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {
                    bail!("the kernel's log was overwritten before it was read")
                }
                Err(error) => return Err(error).context("reading /dev/kmsg"),
            };
            let record = String::from_utf8_lossy(record.get(..len).unwrap_or_default());
            lines.extend(message(&record, prefix));
        }
    }
}

/// `6,1234,56789,-;prefix: message`, then lines that begin with a space. The level is the number's low three bits.
fn message(record: &str, prefix: &str) -> Option<(u8, String)> {
    let (head, text) = record.split_once(';')?;
    let number: u32 = head.split(',').next()?.parse().ok()?;
    let line = text.lines().next()?;
    let line = line.strip_prefix(prefix)?.strip_prefix(": ")?;
    Some(((number & 7) as u8, line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn records_are_told_apart_by_their_prefix() {
        let record = "6,339,5140900,-;nova: ok 1; done\n SUBSYSTEM=x\n";
        assert_eq!(message(record, "nova"), Some((6, "ok 1; done".into())));
        assert_eq!(message(record, "no"), None);
        assert_eq!(message("nova: ok", "nova"), None);
    }
}
