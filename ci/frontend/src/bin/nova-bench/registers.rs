// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Registers of the GPU model in another process, over vfio-user, and what a socket costs at
//! least: two threads that send each other messages of the same sizes.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{ensure, Result};
use nova_pci::{Bar, BarIndex, Pci};
use nova_transport::{vfio_user::VfioUserBar, VfioUser};

use crate::pin;
use crate::report::Row;

/// Of the question for a dword, and of its answer.
const QUESTION: usize = 32;
const ANSWER: usize = 36;
/// NV_PMC_BOOT_0.
const REGISTER: u64 = 0;
/// The command register, and the memory decode in it.
const COMMAND: u16 = 4;
const MEMORY: u16 = 1 << 1;

/// Measures in blocks that take turns; everything runs on `cpu`.
pub fn measure(program: &Path, cpu: usize, samples: usize, blocks: usize) -> Result<Vec<Row>> {
    pin::this_thread(cpu)?;
    let model = Model::start(program)?;
    let device = model.connect()?;
    device.config_write(COMMAND, &MEMORY.to_le_bytes())?;
    let bar0 = device.bar(BarIndex::Bar0)?;
    let mut floor = SocketPingPong::start(cpu)?;
    let mut rows = [
        Row::new("socket ping-pong, 32 and 36 bytes"),
        Row::new("register read"),
        Row::new("register write"),
    ];
    // The first block warms up and is not counted.
    for number in 0..=blocks {
        for (kind, row) in rows.iter_mut().enumerate() {
            for _ in 0..samples / blocks {
                let start = Instant::now();
                match kind {
                    0 => floor.round_trip()?,
                    1 => read(&bar0)?,
                    _ => bar0.write32(REGISTER, 0)?,
                }
                if number > 0 {
                    row.add(start.elapsed());
                }
            }
        }
    }
    Ok(rows.into())
}

fn read(bar0: &VfioUserBar) -> Result<()> {
    let value = bar0.read32(REGISTER)?;
    ensure!(value != u32::MAX, "the model does not answer");
    Ok(())
}

struct SocketPingPong(UnixStream);

impl SocketPingPong {
    fn start(cpu: usize) -> Result<Self> {
        let (near, mut far) = UnixStream::pair()?;
        // Ends with the near end.
        thread::spawn(move || -> Result<()> {
            pin::this_thread(cpu)?;
            loop {
                far.read_exact(&mut [0; QUESTION])?;
                far.write_all(&[0; ANSWER])?;
            }
        });
        Ok(Self(near))
    }

    fn round_trip(&mut self) -> Result<()> {
        self.0.write_all(&[0; QUESTION])?;
        Ok(self.0.read_exact(&mut [0; ANSWER])?)
    }
}

/// `nova-model` as a process.
struct Model {
    child: Child,
    dir: tempfile::TempDir,
}

impl Model {
    fn start(program: &Path) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let child = Command::new(program)
            .arg("--socket")
            .arg(dir.path().join("gpu"))
            .args(["--log-level", "error"])
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self { child, dir })
    }

    fn connect(&self) -> Result<VfioUser> {
        // TIMEOUT: a process starts in milliseconds.
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match VfioUser::connect(&self.dir.path().join("gpu")) {
                Err(error) if Instant::now() >= deadline => return Err(error.into()),
                Err(_) => thread::sleep(Duration::from_millis(5)),
                Ok(device) => return Ok(device),
            }
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
