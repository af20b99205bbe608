// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `probe` and `devices` as processes.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use nova_model::Model;
use nova_transport::{vfio_user::ServerOptions, Server};

fn run(args: &[&str]) -> (Output, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vhost-nova"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

/// Serves a model to one peer after another.
fn serve(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    let model = Model::builder().vram(512 << 20).build().unwrap();
    let server = Server::new(model, ServerOptions::default()).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            server.serve(&stream.unwrap()).unwrap();
        }
    });
}

#[test]
fn the_model_is_probed_in_process_and_over_a_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gpu");
    serve(&path);
    let socket = format!("vfio-user:{}", path.display());
    for (gpu, vram) in [
        ("model", 1024u64),
        (socket.as_str(), 512),
        (socket.as_str(), 512),
    ] {
        let (output, stdout, stderr) = run(&["probe", "--gpu", gpu]);
        assert!(output.status.success(), "{stderr}");
        assert!(
            stdout.contains("GA102") && stdout.contains(&format!("{vram} MiB")),
            "{stdout}"
        );
        let (output, stdout, stderr) = run(&["probe", "--gpu", gpu, "--json"]);
        assert!(output.status.success(), "{stderr}");
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(report["gpu"]["vram_size"], vram << 20);
        assert_eq!(report["gpu"]["chipset"], "GA102");
    }
}

#[test]
fn a_gpu_that_is_not_there_is_exit_code_1_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = format!("vfio-user:{}", dir.path().join("gpu").display());
    for (gpu, message) in [
        (nobody.as_str(), "No such file"),
        ("vfio:ffff:ff:1f.7", "there is no PCI device ffff:ff:1f.7"),
    ] {
        let (output, stdout, stderr) = run(&["probe", "--gpu", gpu]);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(message) && stdout.is_empty(), "{stderr}");
    }
}

#[test]
fn devices_lists_from_another_sysfs() {
    let dir = tempfile::tempdir().unwrap();
    let sysfs = dir.path().to_str().unwrap();
    let (output, stdout, _) = run(&["devices", "--sysfs", sysfs, "--json"]);
    assert!(output.status.success());
    assert_eq!(stdout.trim(), "[]");
    let (output, stdout, _) = run(&["devices", "--sysfs", sysfs]);
    assert!(
        output.status.success() && stdout.contains("No NVIDIA GPU"),
        "{stdout}"
    );
}
