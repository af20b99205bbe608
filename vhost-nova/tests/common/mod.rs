// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The real daemon as a child process, and the requests that these tests send it.
#![allow(dead_code)] // Each test program uses a part.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

use kernel_abi::virtio_nova::{
    CtxCreate, GemChecksum, GemClose, GemCreate, Hdr, MemEntry, Negotiate, RespCtxCreate,
    RespGemCreate, Status, Wire, CMD_CTX_CREATE, CMD_GEM_CHECKSUM, CMD_GEM_CLOSE, CMD_GEM_CREATE,
    CMD_NEGOTIATE, DOMAIN_SYSTEM, VERSION_MAJOR, VERSION_MINOR,
};
use lab_frontend::{Options, Profile, Vmm, LONG};
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

/// A running daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    pub dir: tempfile::TempDir,
}

pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vhost-nova"));
    command.stdin(Stdio::null());
    command
}

impl Daemon {
    /// Starts a daemon with these tenants and waits until it serves.
    pub fn start(tenants: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), tenants)
    }

    pub fn start_in(dir: tempfile::TempDir, tenants: &[&str]) -> Self {
        Self::start_with(dir, tenants, &[])
    }

    /// With these arguments too; without a GPU among them it is the model.
    pub fn start_with(dir: tempfile::TempDir, tenants: &[&str], args: &[&str]) -> Self {
        let mut command = command();
        command.args(["serve", "--log-level", "debug"]);
        if !args.contains(&"--gpu") {
            // All video memory is erased at the start: the least that the model has.
            command.args(["--gpu", "model:256"]);
        }
        command.args(args);
        for tenant in tenants {
            // Keys may follow the name.
            let (name, keys) = tenant.split_once(',').unwrap_or((tenant, ""));
            let socket = dir.path().join(name);
            let comma = if keys.is_empty() { "" } else { "," };
            let socket = socket.display();
            command.arg(format!("--tenant=name={name},socket={socket}{comma}{keys}"));
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut daemon = Self {
            child,
            log,
            seen: Vec::new(),
            dir,
        };
        daemon.wait_log("serving ");
        daemon
    }

    pub fn socket(&self, tenant: &str) -> PathBuf {
        self.dir.path().join(tenant)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a log line that contains `text` and returns it. Lines before it are taken too.
    pub fn wait_log(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.log.recv_timeout(left) else {
                panic!("no log line with {text:?} after:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// All lines up to now that contain `text`.
    pub fn logged(&mut self, text: &str) -> Vec<String> {
        self.seen.extend(self.log.try_iter());
        let has = |line: &&String| line.contains(text);
        self.seen.iter().filter(has).cloned().collect()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the daemon does not end");
    }

    /// Attaches and negotiates the protocol's version.
    pub fn attach(&self, tenant: &str, options: Options) -> Vmm {
        let mut vmm = Vmm::attach(self.socket(tenant), options).unwrap();
        assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
        vmm
    }

    /// Number of the daemon's open descriptors.
    pub fn descriptors(&self) -> usize {
        let dir = format!("/proc/{}/fd", self.pid());
        std::fs::read_dir(dir).unwrap().count()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn options() -> Options {
    Options::new(Profile::Qemu)
}

pub fn hdr(type_: u32, ctx_id: u32) -> Vec<u8> {
    let hdr = Hdr {
        type_,
        ctx_id,
        ..Hdr::default()
    };
    hdr.to_bytes().to_vec()
}

pub fn status(answer: &[u8]) -> Status {
    let hdr = Hdr::decode(answer).expect("an answer has a header");
    Status::from_raw(hdr.type_).expect("an answer has a status")
}

pub fn negotiate(vmm: &mut Vmm) -> Vec<u8> {
    let body = Negotiate {
        version_major: VERSION_MAJOR,
        version_minor: VERSION_MINOR,
        ..Negotiate::default()
    };
    let request = [hdr(CMD_NEGOTIATE, 0), body.to_bytes().to_vec()].concat();
    vmm.request(&request, 72).unwrap()
}

pub fn create_context(vmm: &mut Vmm) -> u32 {
    let body = CtxCreate::default().to_bytes().to_vec();
    let request = [hdr(CMD_CTX_CREATE, 0), body].concat();
    let answer = vmm.request(&request, 32).unwrap();
    assert_eq!(status(&answer), Status::Ok);
    RespCtxCreate::decode(&answer[24..]).unwrap().ctx_id
}

/// GEM_CREATE of one page at `addr`.
pub fn gem_create(addr: u64, ctx_id: u32) -> Vec<u8> {
    let body = GemCreate {
        size: 4096,
        domain: DOMAIN_SYSTEM,
        nr_entries: 1,
    };
    let entry = MemEntry {
        addr,
        length: 4096,
        padding: 0,
    };
    let body = [body.to_bytes().to_vec(), entry.to_bytes().to_vec()].concat();
    [hdr(CMD_GEM_CREATE, ctx_id), body].concat()
}

pub fn create_object(vmm: &mut Vmm, addr: u64, ctx_id: u32) -> u32 {
    let answer = vmm.request(&gem_create(addr, ctx_id), 32).unwrap();
    assert_eq!(status(&answer), Status::Ok);
    RespGemCreate::decode(&answer[24..]).unwrap().handle
}

pub fn close_object(vmm: &mut Vmm, handle: u32, ctx_id: u32) -> Status {
    let body = GemClose { handle, padding: 0 };
    let request = [hdr(CMD_GEM_CLOSE, ctx_id), body.to_bytes().to_vec()].concat();
    status(&vmm.request(&request, 24).unwrap())
}

pub fn checksum(handle: u32, ctx_id: u32) -> Vec<u8> {
    let body = GemChecksum {
        handle,
        length: 4096,
        ..GemChecksum::default()
    };
    [hdr(CMD_GEM_CHECKSUM, ctx_id), body.to_bytes().to_vec()].concat()
}
