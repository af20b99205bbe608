// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Peers of the server that send what makes no sense. Whatever they send, the next question is
//! answered, or the connection ends; the device stays.

#[path = "../../transport/tests/common/mod.rs"]
mod common;

use std::{
    io::Write,
    os::unix::net::UnixStream,
    thread::{self, JoinHandle},
    time::Duration,
};

use common::*;
use nova_model::Model;
use nova_transport::{vfio_user::ServerOptions, Server};

const EINVAL: u32 = 22;
const EOPNOTSUPP: u32 = 95;
const CONFIG: u32 = 7;

fn serve() -> (UnixStream, JoinHandle<std::io::Result<()>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = Server::new(Model::builder().build().unwrap(), ServerOptions::default());
    let server = server.unwrap();
    let thread = thread::spawn(move || server.serve(&theirs));
    ours.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    (ours, thread)
}

/// The server still works: the device's ids.
fn is_alive(stream: &mut UnixStream) {
    let reply = ask(stream, REGION_READ, &access(0, CONFIG, 4));
    assert_eq!(reply.error, 0);
    assert_eq!(reply.payload[16..], [0xde, 0x10, 0x04, 0x22]);
}

#[test]
fn what_makes_no_sense_is_refused_and_the_next_question_is_answered() {
    let (mut stream, server) = serve();
    let json = |text: &[u8]| [&[0, 0, 0, 0][..], text].concat();
    for (command, payload, error) in [
        // Versions: none, another, no JSON, no end.
        (VERSION, vec![], EINVAL),
        (VERSION, vec![1, 0, 0, 0], EINVAL),
        (VERSION, json(b"{\"capabilities\": 3}\0"), EINVAL),
        (VERSION, json(b"{\"capabilities"), EINVAL),
        (VERSION, json(&[b'['; 8192]), EINVAL),
        // Regions: none, past the end, too much, a count that the message does not have.
        (GET_REGION_INFO, words(&[32, 0, 9, 0, 0, 0, 0, 0]), EINVAL),
        (GET_REGION_INFO, vec![0; 31], EINVAL),
        (REGION_READ, access(0, 9, 4), EINVAL),
        (REGION_READ, access(0, 2, 4), EINVAL),
        (REGION_READ, access(4094, CONFIG, 4), EINVAL),
        (REGION_READ, access(u64::MAX, CONFIG, 4), EINVAL),
        (REGION_READ, access(16 << 20, 0, 4), EINVAL),
        (REGION_READ, access(u64::MAX - 1, 0, 4), EINVAL),
        (REGION_READ, access(0, 1, u32::MAX), EINVAL),
        (REGION_READ, vec![0; 15], EINVAL),
        (REGION_WRITE, access(0, 0, 4), EINVAL),
        (REGION_WRITE, [access(0, 0, 4), vec![0; 5]].concat(), EINVAL),
        (
            REGION_WRITE,
            [access(0, 0, u32::MAX), vec![0; 4]].concat(),
            EINVAL,
        ),
        (REGION_WRITE, [access(0, 6, 4), vec![0; 4]].concat(), EINVAL),
        // Interrupts: no such index, too many, data of a kind that is not taken.
        (GET_IRQ_INFO, words(&[16, 0, 5, 0]), EINVAL),
        (SET_IRQS, words(&[20, 0x24, 5, 0, 1]), EINVAL),
        (SET_IRQS, words(&[20, 0x24, 1, 0, 2]), EINVAL),
        (SET_IRQS, words(&[20, 0x24, 1, u32::MAX, 1]), EINVAL),
        (
            SET_IRQS,
            [words(&[20, 0x22, 1, 0, 1]), vec![1]].concat(),
            EOPNOTSUPP,
        ),
        (SET_IRQS, words(&[20, 0x21, 1, 0, 1]), EINVAL),
        // Memory: no length, not of pages, past the end of addresses, dirty pages.
        (
            DMA_MAP,
            [words(&[32, 3]), longs(&[0, 0x1000, 0])].concat(),
            EINVAL,
        ),
        (
            DMA_MAP,
            [words(&[32, 3]), longs(&[0, 0x1001, 0x1000])].concat(),
            EINVAL,
        ),
        (
            DMA_MAP,
            [words(&[32, 3]), longs(&[0, !0xfff, 0x2000])].concat(),
            EINVAL,
        ),
        (
            DMA_MAP,
            [words(&[32, 0xff]), longs(&[0, 0x1000, 0x1000])].concat(),
            EINVAL,
        ),
        (
            DMA_UNMAP,
            [words(&[24, 0]), longs(&[0x1000, 0x1000])].concat(),
            2,
        ),
        (
            DMA_UNMAP,
            [words(&[24, 1]), longs(&[0x1000, 0x1000])].concat(),
            EOPNOTSUPP,
        ),
        (
            DMA_UNMAP,
            [words(&[24, 2]), longs(&[0x1000, 0x1000])].concat(),
            EINVAL,
        ),
        // Commands that there are not, or that are for servers.
        (0, vec![], EOPNOTSUPP),
        (11, access(0, 0, 4), EOPNOTSUPP),
        (15, vec![0; 64], EOPNOTSUPP),
        (u16::MAX, vec![0; 3], EOPNOTSUPP),
    ] {
        let reply = ask(&mut stream, command, &payload);
        assert_eq!(reply.flags & ERROR, ERROR, "{command}: {payload:x?}");
        assert_eq!(reply.error, error, "{command}: {payload:x?}");
        assert!(reply.payload.is_empty());
        is_alive(&mut stream);
    }
    drop(stream);
    server.join().unwrap().unwrap();
}

#[test]
fn a_command_that_wants_no_answer_gets_none_even_when_it_is_refused() {
    let (mut stream, server) = serve();
    for payload in [access(0, 9, 4), [access(0, 9, 4), vec![0; 4]].concat()] {
        let quiet = message(1, REGION_WRITE, NO_REPLY, 0, &payload);
        stream.write_all(&quiet).unwrap();
    }
    is_alive(&mut stream);
    drop(stream);
    server.join().unwrap().unwrap();
}

#[test]
fn what_breaks_the_framing_ends_the_connection() {
    let header = |size: u32, flags: u32| {
        let mut bytes = message(1, REGION_READ, flags, 0, &[]);
        bytes[4..8].copy_from_slice(&size.to_ne_bytes());
        bytes
    };
    for bytes in [
        header(0, 0),
        header(15, 0),
        header(u32::MAX, 0),
        header(16, REPLY),
    ] {
        let (mut stream, server) = serve();
        stream.write_all(&bytes).unwrap();
        assert!(receive(&mut stream).is_none());
        let error = server.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    }
    // Half a message, and then nothing more.
    let (mut stream, server) = serve();
    stream
        .write_all(&message(1, REGION_READ, 0, 0, &[0; 16])[..20])
        .unwrap();
    drop(stream);
    let error = server.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[test]
fn memory_without_a_file_is_taken_split_and_unmapped_over_several_maps() {
    let (mut stream, server) = serve();
    let map = |stream: &mut UnixStream, address: u64, size: u64| {
        let payload = [words(&[32, 3]), longs(&[0, address, size])].concat();
        ask(stream, DMA_MAP, &payload).error
    };
    let unmap = |stream: &mut UnixStream, address: u64, size: u64| {
        let payload = [words(&[24, 0]), longs(&[address, size])].concat();
        ask(stream, DMA_UNMAP, &payload).error
    };
    const EEXIST: u32 = 17;
    assert_eq!(map(&mut stream, 0, 0x10_0000), 0);
    assert_eq!(map(&mut stream, 0x10_0000, 0x1000), 0);
    assert_eq!(map(&mut stream, 0xa_0000, 0x1000), EEXIST);
    // A hole in the first, and something else in it.
    assert_eq!(unmap(&mut stream, 0xa_0000, 0x2_0000), 0);
    assert_eq!(map(&mut stream, 0xa_0000, 0x1_0000), 0);
    assert_eq!(map(&mut stream, 0xb_0000, 0x1_1000), EEXIST);
    // Over all of them: nothing is left, and all of it is free.
    assert_eq!(unmap(&mut stream, 0, 0x20_0000), 0);
    assert_eq!(map(&mut stream, 0, 0x20_0000), 0);
    let all = [words(&[24, 2]), longs(&[0, 0])].concat();
    assert_eq!(ask(&mut stream, DMA_UNMAP, &all).error, 0);
    assert_eq!(map(&mut stream, 0x1000, 0x1000), 0);
    drop(stream);
    server.join().unwrap().unwrap();
}
