// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The daemon as a process: command line, socket files, signals, exit codes.

mod common;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::process::Output;

use common::{command, negotiate, options, status, Daemon};
use kernel_abi::virtio_nova::Status;
use nix::sys::signal::Signal;

fn run(args: &[&str]) -> (Output, String) {
    let output = command().args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, stderr)
}

#[test]
fn version_and_help_are_there() {
    let (output, _) = run(&["--version"]);
    assert!(output.status.success());
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        version.trim(),
        concat!("vhost-nova ", env!("CARGO_PKG_VERSION"))
    );
    for args in [&["--help"][..], &["serve", "--help"], &["status", "--help"]] {
        let (output, _) = run(args);
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(
            help.contains("Examples:") && help.contains("Exit codes"),
            "{help}"
        );
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let tenant = |name: &str, socket: &str| format!("--tenant=name={name},socket={socket}");
    let alice = tenant("alice", &at("a"));
    let file = at("file");
    fs::write(&file, "precious").unwrap();
    for (gpu, tenants, message) in [
        ("model", vec![], "--tenant"),
        ("modle", vec![alice.clone()], "there is: model"),
        ("vfio:01:00.8", vec![alice.clone()], "no PCI address"),
        ("vfio-user:", vec![alice.clone()], "names no socket"),
        (
            "model",
            vec![alice.clone(), tenant("alice", &at("b"))],
            "given twice",
        ),
        (
            "model",
            vec![alice.clone(), tenant("bob", &at("a"))],
            "given twice",
        ),
        ("model", vec![tenant("bob", &at("none/b"))], "no directory"),
        (
            "model",
            vec![tenant("bob", &at(&"x".repeat(120)))],
            "too long",
        ),
        ("model", vec![tenant("bob", &file)], "not a socket"),
        ("model", vec![format!("{alice},colour=red")], "unknown key"),
        (
            "model",
            vec!["--tenant=name=alice".into()],
            "socket= is missing",
        ),
    ] {
        let mut args = vec!["serve", "--gpu", gpu];
        args.extend(tenants.iter().map(String::as_str));
        let (output, stderr) = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
    // Nothing was made and nothing removed.
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alice");
    // Dropping a listener leaves its file.
    drop(UnixListener::bind(&path).unwrap());
    let daemon = Daemon::start_in(dir, &["alice"]);
    let mut vmm = daemon.attach("alice", options());

    let spec = format!("--tenant=name=alice,socket={}", path.display());
    let (output, stderr) = run(&["serve", "--gpu", "model", &spec]);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("somebody listens there already"),
        "{stderr}"
    );
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
}

#[test]
fn a_socket_has_the_mode_asked_for() {
    let daemon = Daemon::start(&["alice", "bob,mode=660"]);
    for (tenant, mode) in [("alice", 0o600), ("bob", 0o660)] {
        let metadata = fs::metadata(daemon.socket(tenant)).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{tenant}");
    }
}

#[test]
fn signals_stop_it_in_good_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut daemon = Daemon::start(&["alice", "bob"]);
        let mut alice = daemon.attach("alice", options());
        assert_eq!(status(&negotiate(&mut alice)), Status::Ok);
        daemon.signal(signal);
        assert_eq!(daemon.wait_exit().code(), Some(0));
        assert_eq!(fs::read_dir(daemon.dir.path()).unwrap().count(), 0);
        // The connection is closed, not left hanging.
        assert!(alice.config(0, 32).is_err());
    }
}

#[test]
fn a_killed_daemon_can_be_started_again() {
    let mut daemon = Daemon::start(&["alice"]);
    daemon.signal(Signal::SIGKILL);
    daemon.wait_exit();
    let dir = std::mem::replace(&mut daemon.dir, tempfile::tempdir().unwrap());
    let mut daemon = Daemon::start_in(dir, &["alice"]);
    daemon.logged("");
    let mut vmm = daemon.attach("alice", options());
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
}
