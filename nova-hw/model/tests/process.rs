// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `nova-model` as a process: command line, socket file, signals, exit codes.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::net::UnixListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use nova_pci::{Bar, BarIndex, Pci};
use nova_spec::pci::{command, header};
use nova_transport::VfioUser;

fn nova_model() -> Command {
    Command::new(env!("CARGO_BIN_EXE_nova-model"))
}

fn run(args: &[&str]) -> (Output, String) {
    let output = nova_model().args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, stderr)
}

/// Starts it and waits until it listens.
fn start(socket: &Path, args: &[&str]) -> Child {
    let mut child = nova_model()
        .arg("--socket")
        .arg(socket)
        .args(args)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = lines.any(|line| line.unwrap().contains("serving on"));
    assert!(ready, "it ended: {:?}", child.wait());
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn stop(mut child: Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn version_and_help_are_there() {
    let (output, _) = run(&["--version"]);
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        version.trim(),
        concat!("nova-model ", env!("CARGO_PKG_VERSION"))
    );
    let (output, _) = run(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("Examples:") && help.contains("Exit codes"),
        "{help}"
    );
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs::write(at("file"), "precious").unwrap();
    let long = at(&"x".repeat(120));
    let (socket, file, nowhere) = (at("socket"), at("file"), at("nowhere/socket"));
    for (args, message) in [
        (vec![], "--socket"),
        (vec!["--socket", &file], "not a socket"),
        (vec!["--socket", &long], "too long"),
        (vec!["--socket", &nowhere], "no directory"),
        (vec!["--socket", &socket, "--chip", "gv100"], "ga102, ad102"),
        (vec!["--socket", &socket, "--vram", "1T"], "no unit"),
        (
            vec!["--socket", &socket, "--trace", &nowhere],
            "No such file",
        ),
        (
            vec!["--socket", &socket, "--vram", "1K"],
            "whole number of MiB",
        ),
    ] {
        let (output, stderr) = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    let child = start(&path, &[]);
    let (output, stderr) = run(&["--socket", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("somebody listens"), "{stderr}");
    stop(child, Signal::SIGINT);
    assert!(!path.exists());
}

#[test]
fn peers_come_one_after_the_other_and_the_card_keeps_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let child = start(&path, &["--chip", "ad102", "--vram", "512M"]);
    let enabled = || {
        let client = VfioUser::connect(&path).unwrap();
        client
            .config_write(header::COMMAND, &command::MEMORY.to_le_bytes())
            .unwrap();
        client
    };
    let first = enabled();
    let bar0 = first.bar(BarIndex::Bar0).unwrap();
    assert_eq!(bar0.read32(0xa00).unwrap(), 0x192a_1000);
    assert_eq!(bar0.read32(0x1183a4).unwrap(), 512);
    first
        .bar(BarIndex::Bar1)
        .unwrap()
        .write32(0x1000, 0x1234)
        .unwrap();
    drop((bar0, first));
    let second = enabled();
    let bar1 = second.bar(BarIndex::Bar1).unwrap();
    assert_eq!(bar1.read32(0x1000).unwrap(), 0x1234);
    // A peer is connected.
    stop(child, Signal::SIGTERM);
    assert!(!path.exists());
    assert!(bar1.read32(0x1000).is_err());
}

#[test]
fn faults_come_from_a_file_and_firmware_goes_to_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (path, plan) = (dir.path().join("socket"), dir.path().join("plan"));
    fs::write(
        &plan,
        "read NV_PMC_BOOT_42 times=* corrupt value=0x12345678\n",
    )
    .unwrap();
    let lib = dir.path().join("lib");
    let args = [
        "--fault",
        plan.to_str().unwrap(),
        "--write-firmware",
        lib.to_str().unwrap(),
    ];
    let child = start(&path, &args);
    let client = VfioUser::connect(&path).unwrap();
    client
        .config_write(header::COMMAND, &command::MEMORY.to_le_bytes())
        .unwrap();
    let bar0 = client.bar(BarIndex::Bar0).unwrap();
    assert_eq!(bar0.read32(0xa00).unwrap(), 0x1234_5678);
    assert!(lib.join("nvidia/ga102/gsp/gsp-570.144.bin").is_file());
    stop(child, Signal::SIGTERM);
}

#[test]
fn a_trace_is_whole_when_the_process_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (path, trace) = (dir.path().join("socket"), dir.path().join("trace"));
    let trace_arg = trace.display().to_string();
    let child = start(&path, &["--trace", &trace_arg, "--delayed-writes", "200"]);
    let client = VfioUser::connect(&path).unwrap();
    client
        .config_write(header::COMMAND, &command::MEMORY.to_le_bytes())
        .unwrap();
    let bar0 = client.bar(BarIndex::Bar0).unwrap();
    bar0.write32(0x1700, 7).unwrap();
    assert_eq!(bar0.read32(0x1700).unwrap(), 7);
    drop((bar0, client));
    stop(child, Signal::SIGTERM);
    assert_eq!(
        fs::read_to_string(&trace).unwrap(),
        "wr 0x001700 NV_PBUS_BAR0_WINDOW 0x00000007\n\
         rd 0x001700 NV_PBUS_BAR0_WINDOW 0x00000007\n"
    );
}
