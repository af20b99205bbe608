// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Guest memory that is not what the monitor says, or goes away.

mod common;

use common::{checksum, create_context, create_object, negotiate, options, status, Daemon};
use kernel_abi::virtio_nova::{Status, EVENT_DEVICE_LOST};
use lab_frontend::virtqueue::Chain;
use lab_frontend::{Vmm, LONG};

const MIB: u64 = 1 << 20;

#[test]
fn a_region_longer_than_its_file_fails_that_connection() {
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut bob = daemon.attach("bob", options());
    let regions = [(0, 16 * MIB), (16 * MIB, 4 * MIB)];
    let mut alice = Vmm::connect(daemon.socket("alice"), options().regions(&regions)).unwrap();
    alice.ram.regions()[1].claimed_len += 4096;
    assert!(alice.start().is_err());
    let line = daemon.wait_log("longer than its file");
    assert!(
        line.contains("alice") && line.contains("region 1"),
        "{line}"
    );
    daemon.wait_log("disconnected");
    assert_eq!(status(&negotiate(&mut bob)), Status::Ok);
    // The next connection of the same tenant is a new one.
    let mut alice = daemon.attach("alice", options().regions(&regions));
    assert_eq!(status(&negotiate(&mut alice)), Status::Ok);
}

#[test]
fn a_short_region_told_later_ends_the_connection_and_nothing_is_touched() {
    let mut daemon = Daemon::start(&["alice"]);
    let mut alice = daemon.attach("alice", options());
    alice.ram.regions()[0].claimed_len += 64 * MIB;
    assert!(alice.set_memory().is_err());
    daemon.wait_log("longer than its file");
    daemon.wait_log("disconnected");
    assert!(daemon.is_running());
}

#[test]
fn a_file_that_is_truncated_in_use_loses_that_tenants_device_alone() {
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let regions = [(0, 16 * MIB), (64 * MIB, 4 * MIB)];
    let mut alice = daemon.attach("alice", options().regions(&regions));
    let mut bob = daemon.attach("bob", options().regions(&regions));
    let mut handles = Vec::new();
    for vmm in [&mut alice, &mut bob] {
        let ctx = create_context(vmm);
        handles.push((create_object(vmm, 64 * MIB, ctx), ctx));
    }
    // Room for an event.
    let event = alice.ram.alloc(4096).unwrap();
    let buffer = Chain {
        writable: vec![(event, 32)],
        ..Chain::default()
    };
    let (ram, queue) = alice.queue(1);
    queue.send(ram, &buffer).unwrap();

    let read = |vmm: &mut Vmm, (handle, ctx): (u32, u32)| {
        status(&vmm.request(&checksum(handle, ctx), 32).unwrap())
    };
    assert_eq!(read(&mut alice, handles[0]), Status::Ok);
    alice.ram.truncate(1, 0).unwrap();
    assert_eq!(read(&mut alice, handles[0]), Status::ErrDeviceLost);
    let line = daemon.wait_log("device lost");
    assert!(line.contains("alice"), "{line}");

    let (ram, queue) = alice.queue(1);
    let used = queue.wait_used(ram, LONG).unwrap();
    assert_eq!(used.len, 32);
    assert_eq!(ram.read(event, 4).unwrap(), EVENT_DEVICE_LOST.to_le_bytes());
    // Lost stays lost, and one line is enough.
    assert_eq!(read(&mut alice, handles[0]), Status::ErrDeviceLost);
    assert_eq!(status(&negotiate(&mut alice)), Status::Ok);
    assert_eq!(daemon.logged("device lost").len(), 1);

    assert_eq!(read(&mut bob, handles[1]), Status::Ok);
    drop(alice);
    daemon.wait_log("disconnected");
    assert_eq!(read(&mut bob, handles[1]), Status::Ok);
}

#[test]
fn rings_in_a_truncated_file_fail_that_tenant_alone() {
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut alice = daemon.attach("alice", options());
    let mut bob = daemon.attach("bob", options());
    alice.ram.truncate(0, 0).unwrap();
    let (_, queue) = alice.queue(0);
    queue.kick().unwrap();
    daemon.wait_log("the control queue is broken");
    assert_eq!(status(&negotiate(&mut bob)), Status::Ok);
    assert!(daemon.is_running());
}

#[test]
fn objects_whose_memory_is_unplugged_answer_with_an_error() {
    let daemon = Daemon::start(&["alice"]);
    let regions = [(0, 16 * MIB), (64 * MIB, 4 * MIB)];
    let mut alice = daemon.attach("alice", options().regions(&regions));
    let ctx = create_context(&mut alice);
    let handle = create_object(&mut alice, 64 * MIB, ctx);
    let table = alice.ram.table().unwrap();
    use vhost::VhostBackend;
    alice.frontend().set_mem_table(&table[..1]).unwrap();
    let answer = alice.request(&checksum(handle, ctx), 32).unwrap();
    assert_eq!(status(&answer), Status::ErrInvalidAddress);
    alice.frontend().set_mem_table(&table).unwrap();
    let answer = alice.request(&checksum(handle, ctx), 32).unwrap();
    assert_eq!(status(&answer), Status::Ok);
}
