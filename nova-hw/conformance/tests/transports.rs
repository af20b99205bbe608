// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The suite on the model in this process, and behind a socket. `cargo xtask judge vfio` runs it
//! on the kernel's VFIO.

use std::{os::unix::net::UnixStream, thread, time::Duration};

use nova_model::Model;
use nova_pci::Pci;
use nova_transport::{vfio_user::ServerOptions, Server, VfioUser};

fn model() -> Model {
    Model::builder().build().unwrap()
}

fn passes<P: Pci>(pci: &P) {
    let failures = nova_conformance::run(pci);
    let text: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", text.join("\n"));
}

fn over_a_socket(options: ServerOptions) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = Server::new(model(), options).unwrap();
    let server = thread::spawn(move || server.serve(&theirs));
    let client = VfioUser::new(ours, Duration::from_secs(20)).unwrap();
    passes(&client);
    drop(client);
    server.join().unwrap().unwrap();
}

#[test]
fn in_process() {
    passes(&model());
}

#[test]
fn vfio_user() {
    over_a_socket(ServerOptions::default());
}

#[test]
fn vfio_user_with_mapped_bars() {
    over_a_socket(ServerOptions { mmap_bars: true });
}
