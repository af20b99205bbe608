// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `vhost-nova status`: asks a daemon, and prints its answer.

use std::fmt::{self, Display, Formatter};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::protocol::{Answer, Command, ContextStatus, Request, Status, TenantStatus, WorkStatus};
use crate::error::{Context, Error};

/// How long the daemon may be silent.
// TIMEOUT: it answers from tables in memory; silence means that something else has the socket.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of the longest answer that is taken.
const MAX_ANSWER: u64 = 64 << 20;

/// Asks the daemon behind the socket at `path`.
///
/// # Errors
/// When there is none, when it refuses, or when what answers is no such daemon.
pub fn status(path: &Path) -> Result<Status, Error> {
    let doing = |what: &str| format!("{what} the control socket {}", path.display());
    let mut stream = UnixStream::connect(path).context(doing("connecting to"))?;
    let limits = [
        stream.set_read_timeout(Some(TIMEOUT)),
        stream.set_write_timeout(Some(TIMEOUT)),
    ];
    for limit in limits {
        limit.context(doing("using"))?;
    }
    let request = Request {
        command: Command::Status,
    };
    let mut line = serde_json::to_vec(&request).context(doing("asking"))?;
    line.push(b'\n');
    // A daemon that refuses answers before it is asked, and may be gone when the question comes.
    let asked = stream.write_all(&line);
    let mut answer = Vec::new();
    let read = stream.take(MAX_ANSWER).read_to_end(&mut answer);
    if answer.is_empty() {
        asked.context(doing("asking"))?;
        read.context(doing("reading"))?;
    }
    match serde_json::from_slice(&answer).context(doing("understanding what comes from"))? {
        Answer::Status(status) => Ok(status),
        Answer::Error(why) => Err(Error::runtime(
            "the daemon refuses",
            anyhow::anyhow!("{}", printable(&why)),
        )),
    }
}

/// The answer as JSON, on one line.
///
/// # Errors
/// None that can come.
pub fn json(status: &Status) -> Result<String, Error> {
    serde_json::to_string(status).context("encoding the status")
}

/// The answer for people.
pub struct Text<'a>(pub &'a Status);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Status {
            version,
            gpu,
            tenants,
        } = self.0;
        writeln!(f, "vhost-nova {}: {}", printable(version), printable(gpu))?;
        for tenant in tenants {
            print_tenant(f, tenant)?;
        }
        Ok(())
    }
}

fn print_tenant(f: &mut Formatter<'_>, tenant: &TenantStatus) -> fmt::Result {
    let name = printable(&tenant.name);
    if !tenant.connected {
        let socket = printable(&tenant.socket);
        return writeln!(f, "{name}: not connected ({socket})");
    }
    writeln!(
        f,
        "{name}: {}, {}, {}, {}",
        count(tenant.contexts.len(), "context"),
        count(tenant.handles, "handle"),
        count(tenant.objects, "object"),
        Bytes(tenant.bytes)
    )?;
    if let Some(work) = &tenant.work {
        print_work(f, work)?;
    }
    for context in &tenant.contexts {
        print_context(f, context)?;
    }
    Ok(())
}

fn print_work(f: &mut Formatter<'_>, work: &WorkStatus) -> fmt::Result {
    writeln!(
        f,
        "  GPU: {}, {}, {}, {}, {} lost, {} of {} VRAM",
        count(work.vms, "address space"),
        count(work.queues, "queue"),
        count(work.binds, "bind"),
        count(work.execs, "submission"),
        work.lost,
        Bytes(work.vram_used),
        Bytes(work.vram_quota)
    )
}

fn print_context(f: &mut Formatter<'_>, context: &ContextStatus) -> fmt::Result {
    writeln!(
        f,
        "  context {:#x}: pid {}, user {}, \"{}\": {}, {}",
        context.id,
        context.pid,
        context.uid,
        printable(&context.name),
        count(context.handles, "handle"),
        Bytes(context.bytes)
    )
}

fn count(number: impl TryInto<u64>, what: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

/// What a terminal would act on is shown as a question mark; the daemon has escaped guests' names.
fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(plain).collect()
}

/// A number of bytes in the largest unit that has a whole number of them.
struct Bytes(u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        for (shift, unit) in units {
            if self.0 != 0 && self.0 % (1 << shift) == 0 {
                return write!(f, "{} {unit}", self.0 >> shift);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_tenants_and_openers_and_nothing_that_a_terminal_acts_on() {
        let status = Status {
            version: "0.1.0".into(),
            gpu: "GA102".into(),
            tenants: vec![
                TenantStatus {
                    name: "alice".into(),
                    connected: true,
                    handles: 3,
                    objects: 1,
                    bytes: 8192,
                    contexts: vec![ContextStatus {
                        id: 0x1002,
                        pid: 77,
                        uid: 1000,
                        name: "glx\u{1b}[2J".into(),
                        handles: 3,
                        bytes: 24 << 20,
                    }],
                    work: Some(WorkStatus {
                        vms: 1,
                        queues: 2,
                        binds: 30,
                        execs: 400,
                        lost: 0,
                        vram_used: 4 << 20,
                        vram_quota: 1 << 30,
                    }),
                    ..TenantStatus::default()
                },
                TenantStatus {
                    name: "bob".into(),
                    socket: "/run/b.sock".into(),
                    ..TenantStatus::default()
                },
            ],
        };
        assert_eq!(
            Text(&status).to_string(),
            "vhost-nova 0.1.0: GA102\n\
             alice: 1 context, 3 handles, 1 object, 8 KiB\n  \
             GPU: 1 address space, 2 queues, 30 binds, 400 submissions, 0 lost, 4 MiB of 1 GiB VRAM\n  \
             context 0x1002: pid 77, user 1000, \"glx?[2J\": 3 handles, 24 MiB\n\
             bob: not connected (/run/b.sock)\n"
        );
    }

    #[test]
    fn bytes_are_shown_whole() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (4097, "4097 bytes"),
            (4096, "4 KiB"),
            (3 << 30, "3 GiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
    }
}
