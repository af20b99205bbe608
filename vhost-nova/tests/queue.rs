// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Rings that make no sense, on real sockets: each has its answer, and the worker stays.

mod common;

use std::time::{Duration, Instant};

use common::{create_context, hdr, negotiate, options, status, Daemon};
use kernel_abi::virtio_nova::{Status, CMD_NEGOTIATE};
use lab_frontend::virtqueue::{Chain, Descriptor, Used, NEXT, WRITE};
use lab_frontend::{Vmm, LONG};

fn used(vmm: &mut Vmm, queue: usize) -> Used {
    let (ram, queue) = vmm.queue(queue);
    queue.wait_used(ram, LONG).unwrap()
}

/// Makes one descriptor of queue 0 available by hand and returns what comes back.
fn raw(vmm: &mut Vmm, descriptor: Descriptor) -> Used {
    let (ram, queue) = vmm.queue(0);
    queue.set_descriptor(ram, 0, descriptor).unwrap();
    queue.make_available(ram, 0).unwrap();
    queue.kick().unwrap();
    used(vmm, 0)
}

#[test]
fn a_chain_that_loops_is_answered_with_an_error() {
    let mut daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    let buffer = vmm.ram.alloc(4096).unwrap();
    let looped = Descriptor {
        addr: buffer,
        len: 24,
        flags: NEXT | WRITE,
        next: 0,
    };
    assert_eq!(raw(&mut vmm, looped), Used { id: 0, len: 24 });
    let answer = vmm.ram.read(buffer, 24).unwrap();
    assert_eq!(status(&answer), Status::ErrInvalidChain);
    daemon.wait_log("a malformed descriptor chain");
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
}

#[test]
fn a_chain_without_room_for_an_answer_is_returned_empty() {
    let daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    let request = hdr(CMD_NEGOTIATE, 0);
    for room in [1, 23] {
        assert_eq!(vmm.request(&request, room).unwrap(), []);
    }
    let buffer = vmm.ram.alloc(4096).unwrap();
    // No writable descriptor at all.
    let readable = Descriptor {
        addr: buffer,
        len: 32,
        flags: 0,
        next: 0,
    };
    assert_eq!(raw(&mut vmm, readable).len, 0);
    // Room for a header, not for the answer.
    let answer = vmm.request(&request, 71).unwrap();
    assert_eq!(status(&answer), Status::ErrInvalidLength);
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
}

#[test]
fn an_available_head_that_is_no_descriptor_is_passed_over() {
    let mut daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    let (ram, queue) = vmm.queue(0);
    for head in [queue.size(), 0xffff] {
        queue.make_available(ram, head).unwrap();
    }
    queue.kick().unwrap();
    daemon.wait_log("a malformed descriptor chain");
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
}

#[test]
fn an_available_index_that_is_too_far_breaks_the_ring_until_it_is_set_up_anew() {
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut bob = daemon.attach("bob", options());
    let mut alice = daemon.attach("alice", options());
    let (ram, queue) = alice.queue(0);
    let far = queue.avail_index().wrapping_add(queue.size() + 1);
    queue.set_avail_index(ram, far).unwrap();
    queue.kick().unwrap();
    daemon.wait_log("the control queue is broken");
    // Even when it makes sense again.
    let (ram, queue) = alice.queue(0);
    queue.set_avail_index(ram, 2).unwrap();
    queue.kick().unwrap();
    assert!(queue.wait_used(ram, Duration::from_millis(50)).is_err());
    assert_eq!(status(&negotiate(&mut bob)), Status::Ok);
    alice.reboot().unwrap();
    assert_eq!(status(&negotiate(&mut alice)), Status::Ok);
}

#[test]
fn rings_outside_guest_memory_are_refused_or_broken() {
    use vhost::{VhostBackend, VringConfigData};
    let mut daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    vmm.stop().unwrap();
    // In the last bytes of guest memory: its index is inside, its entries are not.
    let end = vmm.ram.host_addr(0).unwrap() + (16 << 20);
    let (ram, queue) = vmm.queue(0);
    let (descriptors, _, used) = queue.addresses();
    let addresses = VringConfigData {
        queue_max_size: queue.size(),
        queue_size: queue.size(),
        flags: 0,
        desc_table_addr: ram.host_addr(descriptors).unwrap(),
        used_ring_addr: ram.host_addr(used).unwrap(),
        avail_ring_addr: end - 4,
        log_addr: None,
    };
    ram.write((16 << 20) - 4, &[0, 0, 3, 0]).unwrap();
    let kick = queue.kick_fd().try_clone().unwrap();
    let frontend = vmm.frontend();
    frontend.set_vring_addr(0, &addresses).unwrap();
    frontend.set_vring_base(0, 0).unwrap();
    frontend.set_vring_kick(0, &kick).unwrap();
    vmm.enable(0, true).unwrap();
    daemon.wait_log("the control queue is broken");
    // And where there is no memory at all.
    let nowhere = VringConfigData {
        desc_table_addr: end,
        ..addresses
    };
    assert!(vmm.frontend().set_vring_addr(0, &nowhere).is_err());
    daemon.wait_log("disconnected");
}

#[test]
fn event_buffers_that_can_not_take_an_event_come_back_empty() {
    let daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    let buffer = vmm.ram.alloc(4096).unwrap();
    let send = |vmm: &mut Vmm, readable: &[(u64, u32)], writable: &[(u64, u32)]| {
        let chain = Chain {
            readable: readable.to_vec(),
            writable: writable.to_vec(),
            indirect: None,
        };
        let (ram, queue) = vmm.queue(1);
        u32::from(queue.send(ram, &chain).unwrap())
    };
    // A good one is kept.
    send(&mut vmm, &[], &[(buffer, 32)]);
    for (readable, writable) in [
        (&[][..], &[(buffer, 31)][..]),
        (&[(buffer, 8)], &[(buffer, 64)]),
        (&[(buffer, 32)], &[]),
        (&[], &[(1 << 40, 32)]),
    ] {
        let id = send(&mut vmm, readable, writable);
        assert_eq!(used(&mut vmm, 1), Used { id, len: 0 });
    }
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
}

#[test]
fn a_flood_of_mistakes_is_logged_a_few_times() {
    let mut daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    for _ in 0..2000 {
        let answer = vmm.request(&hdr(0xdead, 0), 24).unwrap();
        assert_eq!(status(&answer), Status::ErrInvalidCommand);
    }
    drop(vmm);
    daemon.wait_log("messages about this tenant suppressed");
    let lines = daemon.logged("refused").len();
    // Ten at once and one a second.
    assert!((1..100).contains(&lines), "{lines}");
}

#[test]
fn a_flood_of_requests_does_not_keep_the_monitor_out() {
    use std::sync::atomic::{AtomicBool, Ordering};
    use vhost::VhostBackend;
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut bob = daemon.attach("bob", options());
    let mut alice = daemon.attach("alice", options());
    let buffer = alice.ram.alloc(4096).unwrap();
    alice.ram.write(buffer, &hdr(CMD_NEGOTIATE, 0)).unwrap();
    let request = Descriptor {
        addr: buffer,
        len: 24,
        flags: 0,
        next: 0,
    };
    let monitor = alice.frontend().clone();
    let (ram, queue) = alice.queue(0);
    queue.set_descriptor(ram, 0, request).unwrap();
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut room = queue.size();
            while !stopped.load(Ordering::Relaxed) {
                // The ring is kept full.
                while room > 0 {
                    queue.make_available(ram, 0).unwrap();
                    room -= 1;
                }
                queue.kick().unwrap();
                while queue.pop_used(ram).unwrap().is_some() {
                    room += 1;
                }
            }
        });
        // A flood of mistakes, too, so that its log shows when it has begun.
        daemon.wait_log("a request without room for its answer");
        assert_eq!(status(&negotiate(&mut bob)), Status::Ok);
        let base = monitor.get_vring_base(0);
        stopped.store(true, Ordering::Relaxed);
        base.unwrap();
    });
    daemon.wait_log("control queue stopped");
}

#[test]
fn a_monitor_that_saturates_its_call_eventfd_blocks_its_own_worker_at_most() {
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut bob = daemon.attach("bob", options());
    for _ in 0..3 {
        let mut alice = daemon.attach("alice", options());
        let (ram, queue) = alice.queue(0);
        // Empty, then as full as it gets.
        queue.call_fd().write(1).unwrap();
        queue.call_fd().read().unwrap();
        queue.call_fd().write(u64::MAX - 1).unwrap();
        let readable = Descriptor {
            addr: 0,
            len: 24,
            flags: 0,
            next: 0,
        };
        queue.set_descriptor(ram, 0, readable).unwrap();
        queue.make_available(ram, 0).unwrap();
        queue.kick().unwrap();
        assert_eq!(status(&negotiate(&mut bob)), Status::Ok);
        drop(alice);
        daemon.wait_log("disconnected");
    }
    let mut alice = daemon.attach("alice", options());
    assert_eq!(status(&negotiate(&mut alice)), Status::Ok);
}

#[test]
fn a_guest_that_moves_the_index_to_and_fro_does_not_hold_its_worker() {
    let mut daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    let (ram, queue) = vmm.queue(0);
    let index = queue.avail_index();
    let end = Instant::now() + Duration::from_millis(200);
    while Instant::now() < end {
        queue.set_avail_index(ram, index.wrapping_add(1)).unwrap();
        queue.kick().unwrap();
        queue.set_avail_index(ram, index).unwrap();
    }
    vmm.reboot().unwrap();
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);
    create_context(&mut vmm);
    assert!(daemon.is_running());
}

#[test]
fn descriptors_that_are_no_eventfds_are_ignored() {
    use std::os::fd::{FromRawFd, IntoRawFd};
    use vhost::VhostBackend;
    use vmm_sys_util::eventfd::EventFd;
    let mut daemon = Daemon::start(&["alice"]);
    let mut vmm = daemon.attach("alice", options());
    vmm.stop().unwrap();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let socket = unsafe_eventfd(theirs.into_raw_fd());
    for _ in 0..100 {
        vmm.frontend().set_vring_kick(0, &socket).unwrap();
        vmm.frontend().set_vring_call(0, &socket).unwrap();
    }
    drop(ours);
    let line = daemon.wait_log("no eventfd is ignored");
    assert!(line.contains("alice"), "{line}");
    assert!(daemon.logged("no eventfd is ignored").len() <= 20);
    // It works again with the right ones.
    vmm.reboot().unwrap();
    assert_eq!(status(&negotiate(&mut vmm)), Status::Ok);

    #[allow(unsafe_code)] // The frontend wants its eventfd type for any descriptor.
    fn unsafe_eventfd(fd: i32) -> EventFd {
        // SAFETY: the descriptor was just given up by its owner.
        unsafe { EventFd::from_raw_fd(fd) }
    }
}
