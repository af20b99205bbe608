// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The operator's socket (`docs/operator.md`) and `vhost-nova status`.

mod common;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use common::{command, create_context, create_object, hdr, options, status, Daemon};
use kernel_abi::virtio_nova::{CtxCreate, RespCtxCreate, Status, Wire, CMD_CTX_CREATE};
use lab_frontend::{Vmm, LONG};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

/// A daemon with a control socket.
fn start(tenants: &[&str], keys: &str) -> Daemon {
    let dir = tempfile::tempdir().unwrap();
    let control = format!("--control={}{keys}", dir.path().join("control").display());
    Daemon::start_with(dir, tenants, &[&control])
}

fn control(daemon: &Daemon) -> PathBuf {
    daemon.dir.path().join("control")
}

fn run_status(daemon: &Daemon, args: &[&str]) -> (Output, String, String) {
    let mut command = command();
    command.arg("status").arg("--control").arg(control(daemon));
    let output = command.args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

fn json(daemon: &Daemon) -> serde_json::Value {
    let (output, stdout, stderr) = run_status(daemon, &["--json"]);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

fn open_context(vmm: &mut Vmm, pid: u32, uid: u32, name: &[u8]) -> u32 {
    let mut body = CtxCreate {
        pid,
        uid,
        ..CtxCreate::default()
    };
    body.name[..name.len()].copy_from_slice(name);
    let request = [hdr(CMD_CTX_CREATE, 0), body.to_bytes().to_vec()].concat();
    let answer = vmm.request(&request, 32).unwrap();
    assert_eq!(status(&answer), Status::Ok);
    RespCtxCreate::decode(&answer[24..]).unwrap().ctx_id
}

/// What comes back for these bytes, until the daemon closes.
fn ask(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(control(daemon)).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // Behind the answer: the end, or a reset when the daemon did not read all of it.
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn tenants_contexts_and_their_openers_are_listed() {
    let daemon = start(&["alice", "bob"], "");
    let mut alice = daemon.attach("alice", options());
    let first = open_context(&mut alice, 77, 1000, b"glxgears");
    let second = open_context(&mut alice, 78, 0, b"\x1b[2J\"\\\n");
    create_object(&mut alice, 0x5000, first);
    create_object(&mut alice, 0x6000, first);
    create_object(&mut alice, 0x7000, second);

    let seen = json(&daemon);
    assert_eq!(seen["version"], env!("CARGO_PKG_VERSION"));
    let tenants = seen["tenants"].as_array().unwrap();
    assert_eq!(tenants.len(), 2);
    let tenant = &tenants[0];
    assert_eq!(tenant["name"], "alice");
    assert_eq!(tenant["connected"], true);
    assert_eq!(
        (&tenant["handles"], &tenant["objects"], &tenant["bytes"]),
        (&3.into(), &3.into(), &(3 * 4096).into())
    );
    assert_eq!(
        tenant["contexts"],
        serde_json::json!([
            {"id": first, "pid": 77, "uid": 1000, "name": "glxgears", "handles": 2, "bytes": 8192},
            {"id": second, "pid": 78, "uid": 0, "name": r#"\x1b[2J\"\\\n"#, "handles": 1, "bytes": 4096},
        ])
    );
    assert_eq!(tenants[1]["name"], "bob");
    assert_eq!(tenants[1]["connected"], false);
    assert_eq!(tenants[1]["contexts"], serde_json::json!([]));

    let (output, stdout, _) = run_status(&daemon, &[]);
    assert!(output.status.success());
    assert!(
        stdout.contains("alice: 2 contexts, 3 handles, 3 objects, 12 KiB"),
        "{stdout}"
    );
    assert!(
        stdout.contains(r#"pid 77, user 1000, "glxgears": 2 handles, 8 KiB"#),
        "{stdout}"
    );
    assert!(stdout.contains("bob: not connected"), "{stdout}");
    assert!(!stdout.contains('\x1b'), "{stdout:?}");
}

#[test]
fn what_is_gone_is_not_listed() {
    let mut daemon = start(&["alice"], "");
    let mut alice = daemon.attach("alice", options());
    let context = create_context(&mut alice);
    create_object(&mut alice, 0x5000, context);
    assert_eq!(json(&daemon)["tenants"][0]["contexts"][0]["handles"], 1);
    common::close_object(&mut alice, 1, context);
    let tenant = json(&daemon)["tenants"][0].clone();
    assert_eq!(
        (&tenant["objects"], &tenant["bytes"]),
        (&0.into(), &0.into())
    );
    assert_eq!(tenant["contexts"][0]["handles"], 0);
    drop(alice);
    daemon.wait_log("disconnected");
    let tenant = json(&daemon)["tenants"][0].clone();
    assert_eq!(tenant["connected"], false);
    assert_eq!(tenant["contexts"], serde_json::json!([]));
}

#[test]
fn nonsense_is_answered_with_an_error() {
    let daemon = start(&["alice"], "");
    let long = [vec![b' '; 5000], b"\n".to_vec()].concat();
    for (bytes, part) in [
        (&b"\n"[..], "no request"),
        (b"status\n", "no request"),
        (b"{\"command\":\"reboot\"}\n", "unknown variant"),
        (b"\xff\xfe\n", "no request"),
        (&long, "at most 4096 bytes"),
    ] {
        let answer: serde_json::Value = serde_json::from_str(&ask(&daemon, bytes)).unwrap();
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(part), "{error}");
    }
    // In pieces, and with something behind it.
    let answer = ask(&daemon, b"{\"command\":\n");
    assert!(answer.starts_with("{\"error\""), "{answer}");
    let answer = ask(
        &daemon,
        b"{\"command\":\"status\"}\n{\"command\":\"status\"}\n",
    );
    assert!(answer.starts_with("{\"status\""), "{answer}");
    assert_eq!(answer.lines().count(), 1);
}

#[test]
fn silent_clients_keep_nobody_out_for_ever_and_no_tenant_waits_for_them() {
    let daemon = start(&["alice"], "");
    let before = daemon.descriptors();
    // As many as are served at once, and more; some of them say a part.
    let mut silent = Vec::new();
    for number in 0..12 {
        let mut stream = UnixStream::connect(control(&daemon)).unwrap();
        if number % 2 == 0 {
            stream.write_all(b"{\"comm").unwrap();
        }
        silent.push(stream);
    }
    // Tenants come and go all the while.
    let mut alice = daemon.attach("alice", options());
    create_context(&mut alice);
    // Behind them all, and served when their time is over.
    let answer = ask(&daemon, b"{\"command\":\"status\"}\n");
    assert!(answer.contains("\"connected\":true"), "{answer}");
    drop(alice);
    drop(silent);
    let deadline = Instant::now() + LONG;
    while daemon.descriptors() > before {
        assert!(Instant::now() < deadline, "descriptors are left");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn signals_stop_it_with_operators_connected() {
    let mut daemon = start(&["alice"], "");
    let _alice = daemon.attach("alice", options());
    let mut operator = UnixStream::connect(control(&daemon)).unwrap();
    daemon.signal(Signal::SIGINT);
    assert_eq!(daemon.wait_exit().code(), Some(0));
    assert_eq!(fs::read_dir(daemon.dir.path()).unwrap().count(), 0);
    let mut rest = Vec::new();
    assert!(matches!(operator.read_to_end(&mut rest), Ok(0) | Err(_)));
}

#[test]
fn only_root_and_the_daemons_user_may_ask() {
    let mut daemon = start(&["alice"], ",mode=666");
    let mode = fs::metadata(control(&daemon)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    assert!(run_status(&daemon, &[]).0.status.success(), "its own user");
    assert!(
        geteuid().is_root(),
        "to ask as somebody else, this test runs as root"
    );
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(daemon.dir.path(), open).unwrap();
    let mut nobody = command();
    nobody.arg("status").arg("--control").arg(control(&daemon));
    let output = nobody.uid(65534).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("user 65534") && stderr.contains("may not ask: only root"),
        "{stderr}"
    );
    assert!(output.stdout.is_empty());
    let line = daemon.wait_log("may not ask");
    assert!(line.contains("user 65534"), "{line}");
}

#[test]
fn a_daemon_that_is_not_there_is_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none");
    let output = command()
        .arg("status")
        .arg("--control")
        .arg(&path)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("connecting to the control socket"),
        "{stderr}"
    );
}

#[test]
fn a_control_socket_that_is_a_tenants_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a").display().to_string();
    let output = command()
        .args(["serve", "--gpu", "model", "--control", &path])
        .arg(format!("--tenant=name=alice,socket={path}"))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("given twice"), "{stderr}");
}
