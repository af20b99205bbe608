// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A virtual machine under stock QEMU, with the agent of [`crate::initramfs`] inside.

use super::{
    cleanup::TempDir,
    kernel_log,
    qemu::{self, PORTS},
    qmp::Qmp,
};
use crate::initramfs::{self, Contents};
use anyhow::{anyhow, bail, ensure, Context, Result};
use serde_json::json;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Child,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

/// What a machine is made of.
pub(crate) struct VmConfig<'a> {
    /// In front of its output.
    pub(crate) name: String,
    pub(crate) contents: &'a Contents<'a>,
    /// The tenant's socket; without one there is no device.
    pub(crate) socket: Option<PathBuf>,
    /// A vfio-user server, which becomes a PCI device.
    pub(crate) gpu: Option<Gpu>,
    pub(crate) memory_mib: u32,
    pub(crate) timeout: Duration,
    /// The kernel's log goes to standard error too.
    pub(crate) verbose: bool,
}

/// A PCI device that is another process.
#[derive(Clone)]
pub(crate) struct Gpu {
    /// The vfio-user server's socket.
    pub(crate) socket: PathBuf,
    /// The machine has an IOMMU, and the device is behind it.
    pub(crate) iommu: bool,
}

/// Where a [`Gpu`] is on the machine's bus.
pub(crate) const GPU_ADDRESS: &str = "0000:00:08.0";

/// Where a [`Gpu`] is that is behind an IOMMU: alone on the bus of a port.
pub(crate) const GPU_BEHIND_IOMMU: &str = "0000:01:00.0";

/// A program's end.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) text: String,
}

/// A machine whose agent has answered.
pub(crate) struct Vm {
    name: String,
    child: Child,
    dir: TempDir,
    agent: BufReader<UnixStream>,
    output: Receiver<String>,
    deadline: Instant,
    /// What the module's load said: 0 when it went well, or was not asked for.
    pub(crate) load_status: i32,
    /// What was printed while the machine came up.
    pub(crate) load_output: String,
}

/// The line that ends a program's output.
const END: &str = "\u{1e}";

impl Vm {
    /// Boots a machine and waits for its agent.
    pub(crate) fn boot(config: &VmConfig<'_>) -> Result<Self> {
        let dir = TempDir::new()?;
        let archive = dir.path().join("initramfs");
        initramfs::write(config.contents, &archive)?;
        let mut child = qemu::start(config, dir.path(), &archive)?;
        let deadline = Instant::now() + config.timeout;
        let ports = PORTS.map(|port| connect(&mut child, dir.path(), port, deadline));
        let (kernel, output, agent) = match ports {
            [Ok(kernel), Ok(output), Ok(agent)] => (kernel, output, agent),
            ports => {
                let _ = child.kill();
                let _ = child.wait();
                let error = ports.into_iter().find_map(Result::err);
                return Err(error
                    .unwrap_or_else(|| anyhow!("no error"))
                    .context(qemu_log(dir.path())));
            }
        };
        kernel_reader(kernel, config);
        agent.set_read_timeout(Some(Duration::from_millis(500)))?;
        let mut vm = Self {
            name: config.name.clone(),
            child,
            output: reader(output),
            agent: BufReader::new(agent),
            dir,
            deadline,
            load_status: 0,
            load_output: String::new(),
        };
        vm.wait_boot()?;
        Ok(vm)
    }

    /// Waits for the agent of a machine that (re)boots.
    fn wait_boot(&mut self) -> Result<()> {
        self.load_status = self.answer("boot")?;
        self.load_output.clear();
        while let Ok(line) = self.output.recv_timeout(Duration::from_millis(50)) {
            self.load_output.push_str(&line);
            self.load_output.push('\n');
        }
        Ok(())
    }

    /// The machine's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs a shell line in the guest; calls `line` for each line of its output.
    pub(crate) fn run(&mut self, command: &str, mut line: impl FnMut(&str)) -> Result<Output> {
        self.start(command)?;
        self.finish(|text| line(text))
    }

    /// Starts a shell line; [`Vm::finish`] or [`Vm::wait_line`] follow.
    pub(crate) fn start(&mut self, command: &str) -> Result<()> {
        ensure!(!command.contains('\n'), "one line only");
        writeln!(self.agent.get_mut(), "{command}").context("writing to the agent")?;
        Ok(())
    }

    /// Waits for the end of what [`Vm::start`] started.
    pub(crate) fn finish(&mut self, mut line: impl FnMut(&str)) -> Result<Output> {
        let mut lines: Vec<String> = Vec::new();
        // The agent ends an unfinished line before its mark; after a finished one that is an empty
        // line, which nobody printed. So empty lines wait until another follows.
        let mut empty = false;
        loop {
            let text = self.next_line()?;
            if text == END {
                break;
            }
            let ready = empty.then(String::new);
            empty = text.is_empty();
            let text = (!empty).then_some(text);
            for text in ready.into_iter().chain(text) {
                line(&text);
                lines.push(text);
            }
        }
        let status = self.answer("exit")?;
        let text = lines.join("\n");
        Ok(Output { status, text })
    }

    /// Waits until the running program prints this line.
    pub(crate) fn wait_line(&mut self, wanted: &str) -> Result<()> {
        loop {
            let line = self.next_line()?;
            if line == wanted {
                return Ok(());
            }
            ensure!(
                line != END,
                "{}: ended before it printed {wanted:?}",
                self.name
            );
        }
    }

    fn next_line(&mut self) -> Result<String> {
        loop {
            match self.output.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => return Ok(line),
                Err(mpsc::RecvTimeoutError::Timeout) => self.check_alive()?,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(self.gone());
                }
            }
        }
    }

    /// Reads the agent's next answer.
    fn answer(&mut self, kind: &str) -> Result<i32> {
        let mut line = String::new();
        loop {
            match self.agent.read_line(&mut line) {
                Ok(0) => return Err(self.gone()),
                Ok(_) if line.ends_with('\n') => break,
                Ok(_) => {}
                Err(error) if would_block(&error) => self.check_alive()?,
                Err(error) => return Err(error).context("reading from the agent"),
            }
        }
        let line = line.trim();
        line.strip_prefix(kind)
            .and_then(|status| status.trim().parse().ok())
            .with_context(|| format!("{}: the agent said {line:?}", self.name))
    }

    /// What to say of a machine that ended.
    fn gone(&self) -> anyhow::Error {
        anyhow!(
            "{}: the machine ended\n{}{}",
            self.name,
            qemu_log(self.dir.path()),
            self.kernel_tail()
        )
    }

    fn check_alive(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Err(self.gone());
        }
        if Instant::now() > self.deadline {
            return Err(
                TimedOut(format!("{}: timed out\n{}", self.name, self.kernel_tail())).into(),
            );
        }
        Ok(())
    }

    /// The kernel's log.
    pub(crate) fn kernel_log(&self) -> String {
        let bytes = fs::read(self.dir.path().join("kernel.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\r', "")
    }

    fn kernel_tail(&self) -> String {
        let log = self.kernel_log();
        format!("{}: kernel log:\n{}\n", self.name, kernel_log::tail(&log))
    }

    /// Fails when the kernel has complained: a warning, an oops, a report of a debug kernel; and when such a kernel
    /// finds a leak. No program may be running.
    pub(crate) fn check_kernel_log(&mut self) -> Result<()> {
        let leaks = self.leaks()?;
        ensure!(leaks.is_empty(), "{}: kmemleak says:\n{leaks}", self.name);
        match self.complaint(0) {
            None => Ok(()),
            Some(line) => bail!(
                "{}: the kernel says {line:?}\n{}",
                self.name,
                self.kernel_tail()
            ),
        }
    }

    /// The first complaint in the kernel's log behind its first `from` bytes.
    pub(crate) fn complaint(&self, from: usize) -> Option<String> {
        let log = self.kernel_log();
        kernel_log::complaint(log.get(from..)?).map(str::to_owned)
    }

    /// What a kernel with kmemleak finds; nothing on others. No program may be running.
    pub(crate) fn leaks(&mut self) -> Result<String> {
        let leaks = self.run(kernel_log::FIND_LEAKS, |_| {})?;
        ensure!(
            leaks.status == 0,
            "{}: kmemleak does not work: {}",
            self.name,
            leaks.text
        );
        Ok(leaks.text)
    }

    /// Resets the machine, as its reset button does, and waits for its agent.
    pub(crate) fn reset(&mut self) -> Result<()> {
        self.restart(|_, qmp| {
            let reset = qmp.execute("system_reset", json!({}));
            reset.map(drop)
        })
    }

    /// Has the guest reboot, whatever its programs do, and waits for its agent.
    pub(crate) fn reboot(&mut self) -> Result<()> {
        self.restart(|vm, _| vm.start("reboot -f"))
    }

    /// Holds the machine: its processor stands still and its devices stop.
    pub(crate) fn pause(&mut self) -> Result<()> {
        self.monitor("stop")
    }

    /// Lets a paused machine go on.
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.monitor("cont")
    }

    fn monitor(&self, command: &str) -> Result<()> {
        let mut qmp = Qmp::connect(&self.dir.path().join("qmp"))?;
        qmp.execute(command, json!({})).map(drop)
    }

    /// Lets the machine start anew once: otherwise that is taken for the end of a panic.
    fn restart(&mut self, how: impl FnOnce(&mut Self, &mut Qmp) -> Result<()>) -> Result<()> {
        let mut qmp = Qmp::connect(&self.dir.path().join("qmp"))?;
        qmp.execute("set-action", json!({ "reboot": "reset" }))?;
        how(self, &mut qmp)?;
        self.wait_boot()?;
        let back = qmp.execute("set-action", json!({ "reboot": "shutdown" }));
        back.map(drop)
    }

    /// Kills the machine at once.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Turns the machine off from inside and waits for it.
    pub(crate) fn power_off(mut self) -> Result<()> {
        self.start("poweroff -f")?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait()?.is_none() {
            ensure!(
                Instant::now() < deadline,
                "{}: does not turn off",
                self.name
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program or a machine took too long: exit code 124.
#[derive(Debug)]
pub(crate) struct TimedOut(pub(crate) String);

impl std::fmt::Display for TimedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TimedOut {}

fn would_block(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

/// Lines of a port, in a thread of their own, so that a slow reader does not stop the guest.
fn reader(port: UnixStream) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = BufReader::new(port);
        let mut line = Vec::new();
        while bytes
            .by_ref()
            .read_until(b'\n', &mut line)
            .is_ok_and(|len| len > 0)
        {
            let text = String::from_utf8_lossy(&line);
            if send
                .send(text.trim_end_matches(['\r', '\n']).to_owned())
                .is_err()
            {
                break;
            }
            line.clear();
        }
    });
    receive
}

/// Takes the kernel's log off its port. QEMU writes it to a file as well.
fn kernel_reader(port: UnixStream, config: &VmConfig<'_>) {
    let shown = config.verbose.then(|| config.name.clone());
    let lines = reader(port);
    thread::spawn(move || {
        for line in lines {
            if let Some(name) = &shown {
                eprintln!("{name} kernel| {line}");
            }
        }
    });
}

fn connect(child: &mut Child, dir: &Path, port: &str, deadline: Instant) -> Result<UnixStream> {
    loop {
        match UnixStream::connect(dir.join(port)) {
            Ok(stream) => return Ok(stream),
            Err(_) if Instant::now() < deadline => {}
            Err(error) => return Err(error).with_context(|| format!("connecting to port {port}")),
        }
        if let Some(status) = child.try_wait()? {
            bail!("QEMU ended at once: {status}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn qemu_log(dir: &Path) -> String {
    fs::read_to_string(dir.join("qemu.log")).unwrap_or_default()
}
