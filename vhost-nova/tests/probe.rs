// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `probe` and `devices` as processes.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use nova_model::Model;
use nova_spec::chip::CHIPS;
use nova_spec::firmware::set::Synthetic;
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

/// Firmware files of the right form.
fn firmware(dir: &Path) -> String {
    for chip in CHIPS {
        let folder = dir.join(chip.chipset.firmware_folder());
        fs::create_dir_all(&folder).unwrap();
        for file in Synthetic::default().files(chip.chipset).unwrap() {
            fs::write(folder.join(file.name), file.content).unwrap();
        }
    }
    dir.display().to_string()
}

#[test]
fn the_model_boots_in_process_and_over_a_socket_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gpu");
    serve(&path);
    let firmware = firmware(dir.path());
    let socket = format!("vfio-user:{}", path.display());
    for (gpu, vram) in [
        ("model", 1024u64),
        (socket.as_str(), 512),
        (socket.as_str(), 512),
    ] {
        let args = ["probe", "--gpu", gpu, "--firmware", &firmware];
        let (output, stdout, stderr) = run(&args);
        assert!(output.status.success(), "{stderr}");
        for part in [
            "GA102",
            &format!("{vram} MiB"),
            "570.144",
            "GSP-RM",
            "VBIOS",
            "engines",
        ] {
            assert!(stdout.contains(part), "{part}: {stdout}");
        }
        let (output, stdout, stderr) = run(&[&args[..], &["--json"]].concat());
        assert!(output.status.success(), "{stderr}");
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(report["gpu"]["vram_size"], vram << 20);
        assert_eq!(report["gpu"]["chipset"], "GA102");
        assert_eq!(report["firmware"]["version"], "570.144");
    }
}

#[test]
fn a_trace_has_every_step_by_name_and_is_the_same_on_every_transport() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gpu");
    serve(&path);
    let firmware = firmware(dir.path());
    let socket = format!("vfio-user:{}", path.display());
    let trace = |gpu: &str| {
        let file = dir.path().join("trace");
        let file = file.to_str().unwrap();
        let args = [
            "probe",
            "--gpu",
            gpu,
            "--firmware",
            &firmware,
            "--trace",
            file,
        ];
        let (output, _, stderr) = run(&args);
        assert!(output.status.success(), "{stderr}");
        fs::read_to_string(file).unwrap()
    };
    // Which addresses memory gets, and how often something is polled, is not of the sequence.
    let writes = |trace: &str| -> Vec<String> {
        let writes = trace.lines().filter(|line| line.starts_with("wr "));
        writes
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    let (model, over_socket) = (trace("model"), trace(&socket));
    for name in [
        "NV_PMC_BOOT_42",
        "NV_PFALCON_FALCON_CPUCTL(SEC2)",
        "NV_PROM",
    ] {
        assert!(model.contains(name), "{name}");
    }
    assert_eq!(writes(&model), writes(&over_socket));
}

#[test]
fn missing_firmware_is_named_with_the_package() {
    let dir = tempfile::tempdir().unwrap();
    let (output, _, stderr) = run(&[
        "probe",
        "--gpu",
        "model",
        "--firmware",
        dir.path().to_str().unwrap(),
    ]);
    // Where Debian's package is installed there is nothing missing.
    if Path::new("/lib/firmware/nvidia/ga102/gsp").exists() {
        eprintln!("skipped: this host has NVIDIA's firmware");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("firmware-nvidia-graphics"), "{stderr}");
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
