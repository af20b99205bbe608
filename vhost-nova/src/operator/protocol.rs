// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One line of JSON each way (`docs/operator.md`).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::device::{ContextView, Inspector, Stats};
use crate::work::WorkInspector;

/// Bytes of a request, its newline included.
pub const MAX_REQUEST: usize = 4096;

/// What an operator asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which question.
    pub command: Command,
}

/// The questions that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Tenants, contexts, objects.
    Status,
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Command::Status`].
    Status(Status),
    /// Why there is no other answer, for people.
    Error(String),
}

impl Answer {
    /// The line that is sent.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_else(|error| {
            // Strings and numbers alone can always be encoded.
            tracing::error!("encoding an answer: {error}");
            br#"{"error":"the answer can not be encoded"}"#.to_vec()
        });
        line.push(b'\n');
        line
    }
}

/// The daemon at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// The GPU that is shared.
    pub gpu: String,
    /// In the order of the command line.
    pub tenants: Vec<TenantStatus>,
}

/// A tenant at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantStatus {
    /// From the command line.
    pub name: String,
    /// Where its machine monitor connects.
    pub socket: String,
    /// Whether one is connected. All that follows is empty when none is.
    pub connected: bool,
    /// Handles, over all contexts.
    pub handles: u32,
    /// Objects; one that several contexts share counts once.
    pub objects: u32,
    /// Bytes of these objects.
    pub bytes: u64,
    /// By id.
    pub contexts: Vec<ContextStatus>,
    /// Its work on the GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkStatus>,
}

impl TenantStatus {
    /// Of a tenant whose connection `live` looks into.
    pub fn new(name: &str, socket: &Path, live: Option<&Inspector>) -> Self {
        let contexts = live.map(Inspector::contexts).unwrap_or_default();
        let Stats {
            handles,
            objects,
            bytes,
            ..
        } = live.map(Inspector::stats).unwrap_or_default();
        Self {
            name: name.to_owned(),
            socket: socket.display().to_string(),
            connected: live.is_some(),
            handles,
            objects,
            bytes,
            contexts: contexts.iter().map(ContextStatus::from).collect(),
            work: live.and_then(Inspector::work).map(WorkStatus::from),
        }
    }
}

/// A tenant's work at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkStatus {
    /// Address spaces.
    pub vms: u32,
    /// Queues.
    pub queues: u32,
    /// Binds that were accepted since the tenant connected.
    pub binds: u64,
    /// Submissions that were accepted since then.
    pub execs: u64,
    /// Queues and address spaces that were lost since then.
    pub lost: u64,
    /// Bytes of video memory that the tenant has.
    pub vram_used: u64,
    /// And may have.
    pub vram_quota: u64,
}

impl From<&WorkInspector> for WorkStatus {
    fn from(work: &WorkInspector) -> Self {
        let (figures, vram) = (work.figures(), work.vram());
        Self {
            vms: figures.vms,
            queues: figures.queues,
            binds: figures.binds,
            execs: figures.execs,
            lost: figures.lost,
            vram_used: vram.used,
            vram_quota: vram.quota,
        }
    }
}

/// A context at one moment, with who opened it as its guest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextStatus {
    /// Its id.
    pub id: u32,
    /// Process id of the opener, in the guest's initial namespace.
    pub pid: u32,
    /// Its effective user id.
    pub uid: u32,
    /// Its name: printable ASCII, where other bytes are escaped as in Rust (`\x1b`).
    pub name: String,
    /// Handles in the context.
    pub handles: u32,
    /// Bytes of the objects that they name.
    pub bytes: u64,
}

impl From<&ContextView> for ContextStatus {
    fn from(view: &ContextView) -> Self {
        Self {
            id: view.id,
            pid: view.opener.pid,
            uid: view.opener.uid,
            name: view.opener.escaped_name(),
            handles: view.handles,
            bytes: view.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_as_documented() {
        let request: Request = serde_json::from_str(r#"{"command":"status"}"#).unwrap();
        assert_eq!(request.command, Command::Status);
        for wrong in ["", "{}", "[]", r#"{"command":"reboot"}"#, r#""status""#] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
        let answer = Answer::Error("a \"reason\"\n".into());
        assert_eq!(answer.to_line(), b"{\"error\":\"a \\\"reason\\\"\\n\"}\n");
        let status = Status {
            version: "1".into(),
            gpu: "GA102".into(),
            tenants: vec![TenantStatus {
                name: "alice".into(),
                ..TenantStatus::default()
            }],
        };
        let line = String::from_utf8(Answer::Status(status).to_line()).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"status":{"version":"1","gpu":"GA102","tenants":[{"name":"alice","socket":"","#,
                r#""connected":false,"handles":0,"objects":0,"bytes":0,"contexts":[]}]}}"#,
                "\n"
            )
        );
    }
}
