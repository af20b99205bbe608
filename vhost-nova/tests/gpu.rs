// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The daemon and its GPU: booted at the start, shut down at the end.

mod common;

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::{fs, thread};

use common::Daemon;
use nix::sys::signal::Signal;
use nova_model::Model;
use nova_spec::chip::GA102;
use nova_spec::firmware::set::Synthetic;
use nova_transport::{vfio_user::ServerOptions, Server};

/// Serves a model to one peer after another, some of which are killed.
fn serve(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    let model = Model::builder().build().unwrap();
    let server = Server::new(model, ServerOptions::default()).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = server.serve(&stream.unwrap());
        }
    });
}

fn write_firmware(dir: &Path) {
    let folder = dir.join(GA102.chipset.firmware_folder());
    fs::create_dir_all(&folder).unwrap();
    for file in Synthetic::default().files(GA102.chipset).unwrap() {
        fs::write(folder.join(file.name), file.content).unwrap();
    }
}

#[test]
fn a_stopped_daemon_shuts_the_gpu_down_and_a_killed_ones_gpu_is_reset() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gpu");
    serve(&path);
    write_firmware(dir.path());
    let gpu = format!("vfio-user:{}", path.display());
    let firmware = dir.path().to_str().unwrap();
    let args = ["--gpu", gpu.as_str(), "--firmware", firmware];
    let start = || Daemon::start_with(tempfile::tempdir().unwrap(), &["alice"], &args);
    let resets = |daemon: &mut Daemon| daemon.logged("resetting the GPU").len();

    let mut daemon = start();
    assert_eq!(resets(&mut daemon), 0);
    daemon.signal(Signal::SIGTERM);
    daemon.wait_log("GSP-RM unloaded");
    assert_eq!(daemon.wait_exit().code(), Some(0));

    let mut daemon = start();
    assert_eq!(resets(&mut daemon), 0, "it was shut down");
    daemon.signal(Signal::SIGKILL);
    daemon.wait_exit();

    let mut daemon = start();
    assert_eq!(resets(&mut daemon), 1, "it was left in use");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_exit().code(), Some(0));
}
