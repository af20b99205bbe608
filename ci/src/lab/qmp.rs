// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! QEMU's machine protocol: JSON lines on a socket.

use anyhow::{bail, ensure, Context, Result};
use serde_json::{json, Value};
use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// A connection to a QEMU.
pub(super) struct Qmp {
    reader: BufReader<UnixStream>,
}

impl Qmp {
    pub(super) fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).context("connecting to QMP")?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut qmp = Self {
            reader: BufReader::new(stream),
        };
        qmp.receive()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    fn receive(&mut self) -> Result<Value> {
        let mut line = String::new();
        let len = self
            .reader
            .read_line(&mut line)
            .context("reading from QMP")?;
        ensure!(len != 0, "QEMU closed QMP");
        Ok(serde_json::from_str(&line)?)
    }

    /// Runs a command; events are passed over.
    pub(super) fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let line = json!({ "execute": command, "arguments": arguments });
        writeln!(self.reader.get_mut(), "{line}")?;
        loop {
            let answer = self.receive()?;
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(error) = answer.get("error") {
                bail!("QMP {command}: {error}");
            }
        }
    }
}
