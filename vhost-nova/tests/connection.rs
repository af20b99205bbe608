// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Connections to the real daemon: handshakes, resets, disconnects, isolation.

mod common;

use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::{
    checksum, close_object, create_context, create_object, hdr, negotiate, options, status, Daemon,
};
use kernel_abi::virtio_nova::{
    RespNegotiate, Status, Wire, CMD_CTX_CREATE, CONFIG_MAGIC, VERSION_MAJOR,
};
use lab_frontend::virtqueue::Chain;
use lab_frontend::{Options, Profile, Vmm, LONG};

const INDIRECT_DESC: u64 = 1 << 28;
const EVENT_IDX: u64 = 1 << 29;
const VERSION_1: u64 = 1 << 32;

#[test]
fn both_monitors_handshakes_reach_a_working_device() {
    let daemon = Daemon::start(&["alice"]);
    for profile in Profile::ALL {
        let mut vmm = Vmm::attach(daemon.socket("alice"), Options::new(profile)).unwrap();
        let offered = vmm.offered_features();
        assert_eq!(offered & VERSION_1, VERSION_1, "{profile:?}");
        // Only what is defined: device bits 0-23 do not reach every guest.
        let defined = VERSION_1 | INDIRECT_DESC | EVENT_IDX | 1 << 30;
        assert_eq!(offered & !defined, 0, "{profile:?}");
        use vhost::vhost_user::message::VhostUserProtocolFeatures as Protocol;
        let expected = Protocol::CONFIG | Protocol::MQ | Protocol::REPLY_ACK;
        assert_eq!(vmm.protocol_features(), expected, "{profile:?}");
        let answer = negotiate(&mut vmm);
        assert_eq!(status(&answer), Status::Ok);
        let body = RespNegotiate::decode(&answer[24..]).unwrap();
        assert_eq!((answer.len(), body.version_major), (72, VERSION_MAJOR));
        assert_eq!((body.chipset, body.vram_bar_size), (0x172, 256 << 20));
        let ctx = create_context(&mut vmm);
        let page = vmm.ram.alloc(4096).unwrap();
        for _ in 0..200 {
            let handle = create_object(&mut vmm, page, ctx);
            assert_eq!(close_object(&mut vmm, handle, ctx), Status::Ok);
        }
    }
}

#[test]
fn rings_of_any_size_and_with_any_ring_feature_work() {
    let daemon = Daemon::start(&["alice"]);
    for size in [2, 16, 1024] {
        for without in [0, EVENT_IDX, INDIRECT_DESC, EVENT_IDX | INDIRECT_DESC] {
            let options = options()
                .queue_sizes(&[size, size])
                .without_features(without);
            let mut vmm = daemon.attach("alice", options);
            // Round the small rings more than once.
            for _ in 0..40 {
                assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
            }
            vmm.reboot().unwrap();
            assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
        }
    }
}

#[test]
fn the_configuration_space_answers_at_any_offset() {
    let daemon = Daemon::start(&["alice"]);
    let mut vmm = Vmm::attach(daemon.socket("alice"), options()).unwrap();
    let whole = vmm.config(0, 256).unwrap();
    assert_eq!(whole[..4], CONFIG_MAGIC.to_le_bytes());
    // Zero where no field is defined.
    assert!(whole[88..].iter().all(|&byte| byte == 0));
    for (offset, len) in [
        (0, 1),
        (1, 3),
        (30, 4),
        (31, 1),
        (32, 8),
        (200, 56),
        (0, 256),
    ] {
        let expected = &whole[offset..offset + len];
        let read = vmm.config(offset as u32, len as u32).unwrap();
        assert_eq!(read, expected, "{offset}+{len}");
    }
    assert_eq!(vmm.config(4095, 1).unwrap(), [0]);
    assert_eq!(vmm.config(100, 2000).unwrap(), vec![0; 2000]);
    vmm.set_config(0, &[0xff; 32]).unwrap();
    assert_eq!(vmm.config(0, 256).unwrap(), whole);
}

#[test]
fn nothing_is_answered_before_negotiation_and_after_a_reset() {
    let mut daemon = Daemon::start(&["alice"]);
    let mut vmm = Vmm::attach(daemon.socket("alice"), options()).unwrap();
    let create = [hdr(CMD_CTX_CREATE, 0), vec![0; 24]].concat();
    let refused = vmm.request(&create, 32).unwrap();
    assert_eq!(status(&refused), Status::ErrNotNegotiated);
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
    let ctx = create_context(&mut vmm);
    let page = vmm.ram.alloc(4096).unwrap();
    let handle = create_object(&mut vmm, page, ctx);
    // A reboot: both rings are stopped and set up anew.
    vmm.reboot().unwrap();
    daemon.wait_log("reset, 1 objects freed");
    let refused = vmm.request(&create, 32).unwrap();
    assert_eq!(status(&refused), Status::ErrNotNegotiated);
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
    assert_eq!(
        close_object(&mut vmm, handle, ctx),
        Status::ErrInvalidContext
    );
}

#[test]
fn a_pause_keeps_objects_and_loses_no_kick() {
    let daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", Options::new(Profile::CloudHypervisor53));
    let ctx = create_context(&mut vmm);
    let page = vmm.ram.alloc(4096).unwrap();
    let handle = create_object(&mut vmm, page, ctx);
    for index in 0..2 {
        vmm.enable(index, false).unwrap();
    }
    // Sent while the ring is disabled, answered when it is enabled.
    let request = vmm.ram.alloc(4096).unwrap();
    vmm.ram.write(request, &checksum(handle, ctx)).unwrap();
    let chain = Chain {
        readable: vec![(request, 56)],
        writable: vec![(request + 64, 32)],
        indirect: None,
    };
    let (ram, queue) = vmm.queue(0);
    queue.send(ram, &chain).unwrap();
    assert!(queue.wait_used(ram, Duration::from_millis(50)).is_err());
    for index in 0..2 {
        vmm.enable(index, true).unwrap();
    }
    let (ram, queue) = vmm.queue(0);
    let used = queue.wait_used(ram, LONG).unwrap();
    let answer = ram.read(request + 64, used.len as usize).unwrap();
    assert_eq!(status(&answer), Status::Ok);
}

#[test]
fn rings_that_go_on_where_they_stopped_keep_objects_and_event_buffers() {
    // QEMU's `stop` and `cont`.
    for profile in [Profile::Qemu, Profile::CloudHypervisor53] {
        let mut daemon = Daemon::start(&["alice"]);
        let mut vmm = daemon.attach("alice", Options::new(profile));
        let buffer = vmm.ram.alloc(4096).unwrap();
        let (ram, events) = vmm.queue(1);
        let chain = Chain {
            writable: vec![(buffer, 32)],
            ..Chain::default()
        };
        events.send(ram, &chain).unwrap();
        let ctx = create_context(&mut vmm);
        let page = vmm.ram.alloc(4096).unwrap();
        let handle = create_object(&mut vmm, page, ctx);
        for _ in 0..3 {
            let bases = vmm.stop().unwrap();
            assert_eq!(bases[1], 1, "the event buffer was taken");
            vmm.start().unwrap();
            let answer = vmm.request(&checksum(handle, ctx), 32).unwrap();
            assert_eq!(status(&answer), Status::Ok);
        }
        assert!(daemon.logged("objects freed").is_empty());
        assert_eq!(close_object(&mut vmm, handle, ctx), Status::Ok);
        vmm.reboot().unwrap();
        assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
        daemon.wait_log("reset, 0 objects freed");
    }
}

#[test]
fn a_disconnect_frees_the_objects_and_the_tenant_may_come_again() {
    let mut daemon = Daemon::start(&["alice"]);
    for round in 0..3 {
        let mut vmm = daemon.attach("alice", options());
        let ctx = create_context(&mut vmm);
        for _ in 0..=round {
            let page = vmm.ram.alloc(4096).unwrap();
            create_object(&mut vmm, page, ctx);
        }
        drop(vmm);
        daemon.wait_log(&format!("disconnected, {} objects freed", round + 1));
    }
}

#[test]
fn reconnecting_leaks_no_descriptor() {
    let daemon = Daemon::start(&["alice"]);
    // How many there are when no connection is being served or torn down.
    let at_rest = || {
        let samples = (0..50).map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            daemon.descriptors()
        });
        samples.min().unwrap()
    };
    drop(daemon.attach("alice", options()));
    let before = at_rest();
    for _ in 0..50 {
        drop(daemon.attach("alice", options()));
    }
    assert_eq!(at_rest(), before);
}

#[test]
fn a_second_connection_is_refused_and_the_first_undisturbed() {
    let mut daemon = Daemon::start(&["alice"]);
    let mut first = daemon.attach("alice", options());
    let second = Vmm::attach(daemon.socket("alice"), options());
    assert!(second.is_err());
    daemon.wait_log("a second connection was closed");
    assert_eq!(status(&negotiate(&mut first)), Status::Ok);
    drop(first);
    let mut third = daemon.attach("alice", options());
    assert_eq!(status(&negotiate(&mut third)), Status::Ok);
}

#[test]
fn two_tenants_do_not_see_each_other() {
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut alice = daemon.attach("alice", options());
    let mut bob = daemon.attach("bob", options());
    let ctx = create_context(&mut alice);
    let page = alice.ram.alloc(4096).unwrap();
    let handle = create_object(&mut alice, page, ctx);
    // Bob guesses Alice's context and handle.
    assert_eq!(
        close_object(&mut bob, handle, ctx),
        Status::ErrInvalidContext
    );
    let bobs = create_context(&mut bob);
    assert_eq!(
        close_object(&mut bob, handle, bobs),
        Status::ErrInvalidHandle
    );
    drop(bob);
    daemon.wait_log("disconnected, 0 objects freed");
    assert_eq!(close_object(&mut alice, handle, ctx), Status::Ok);
}

#[test]
fn garbage_on_a_socket_ends_that_connection_alone() {
    use std::io::Write;
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut bob = daemon.attach("bob", options());
    let mut stream = UnixStream::connect(daemon.socket("alice")).unwrap();
    stream.write_all(&[0xa5; 4096]).unwrap();
    daemon.wait_log("disconnected");
    drop(stream);
    assert_eq!(status(&negotiate(&mut bob)), Status::Ok);
    let mut alice = daemon.attach("alice", options());
    assert_eq!(status(&negotiate(&mut alice)), Status::Ok);
}
