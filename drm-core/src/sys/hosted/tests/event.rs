// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Events: room, order, whole reads, and files that go away.

use super::*;
use crate::event::{Event, PendingEvent, HEADER, SPACE};
use kernel_abi::error::code::{EAGAIN, ENOMEM};
use proptest::prelude::*;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::{collections::VecDeque, thread, vec, vec::Vec};

/// Some bytes.
struct Bytes(Vec<u8>);

impl Event for Bytes {
    const TYPE: u32 = 0x8000_0007;
    type Bytes = Vec<u8>;

    fn to_bytes(&self) -> Vec<u8> {
        self.0.clone()
    }
}

type Pending = PendingEvent<ToyFile>;

fn reserve(file: &File<ToyFile>, payload: &[u8]) -> Result<Pending> {
    Pending::reserve(file, &Bytes(payload.to_vec()))
}

/// What a program reads of an event with this payload.
fn whole(payload: &[u8]) -> Vec<u8> {
    let length = (HEADER + payload.len()) as u32;
    let header = [0x8000_0007u32.to_ne_bytes(), length.to_ne_bytes()].concat();
    [&header, payload].concat()
}

fn read(file: &File<ToyFile>, room: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0xaa; room];
    let len = file.read(&mut bytes, true)?;
    bytes.truncate(len);
    Ok(bytes)
}

fn polls(fd: &impl std::os::fd::AsFd) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now)).unwrap() == 1
}

#[test]
fn events_are_read_whole_and_in_the_order_they_were_sent() {
    let bench = toy();
    let file = bench.open();
    assert_eq!(read(&file, 64), Err(EAGAIN));
    let (one, two) = (
        reserve(&file, b"one.....").unwrap(),
        reserve(&file, b"two.").unwrap(),
    );
    assert!(!file.is_readable());
    two.send();
    one.send();
    assert!(file.is_readable());
    assert_eq!(
        read(&file, 11),
        Ok(vec![]),
        "the first does not fit, and stays"
    );
    assert_eq!(
        read(&file, 27),
        Ok(whole(b"two.")),
        "the second does not fit"
    );
    assert_eq!(read(&file, 64), Ok(whole(b"one.....")));
    assert_eq!(read(&file, 64), Err(EAGAIN));
    for payload in [b"three", b"four.", b"five."] {
        reserve(&file, payload).unwrap().send();
    }
    let all = [whole(b"three"), whole(b"four."), whole(b"five.")].concat();
    assert_eq!(read(&file, 64), Ok(all));
}

#[test]
fn a_file_has_room_for_4096_bytes_of_events() {
    let bench = toy();
    let file = bench.open();
    let payload = [1; 1024 - HEADER];
    assert_eq!(reserve(&file, &[1; SPACE]).err(), Some(ENOMEM));
    let mut four: Vec<_> = (0..4).map(|_| reserve(&file, &payload).unwrap()).collect();
    assert_eq!(reserve(&file, &[]).err(), Some(ENOMEM));
    // Another file has room of its own.
    assert!(reserve(&bench.open(), &payload).is_ok());
    drop(four.pop());
    four.push(reserve(&file, &payload).unwrap());
    four.pop().unwrap().send();
    assert_eq!(reserve(&file, &[]).err(), Some(ENOMEM), "sent is not read");
    assert_eq!(read(&file, 5000), Ok(whole(&payload)));
    assert!(reserve(&file, &payload).is_ok());
}

#[test]
fn a_descriptor_is_readable_while_an_event_is() {
    let bench = toy();
    let file = bench.open();
    reserve(&file, b"before").unwrap().send();
    let fd = file.poll_fd().unwrap();
    assert!(polls(&fd));
    read(&file, 64).unwrap();
    assert!(!polls(&fd));
    reserve(&file, b"one").unwrap().send();
    reserve(&file, b"two").unwrap().send();
    assert!(polls(&fd) && polls(&file.poll_fd().unwrap()));
    read(&file, HEADER + 3).unwrap();
    assert!(polls(&fd), "one is left");
    read(&file, HEADER + 3).unwrap();
    assert!(!polls(&fd));
}

#[test]
fn a_reader_waits_for_the_first_event() {
    let bench = toy();
    let file = bench.open();
    let event = reserve(&file, b"late").unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut bytes = [0; 64];
            let len = file.read(&mut bytes, false).unwrap();
            bytes[..len].to_vec()
        });
        event.send();
        assert_eq!(reader.join().unwrap(), whole(b"late"));
    });
}

#[test]
fn an_event_may_outlive_its_file_and_its_device() {
    let bench = toy();
    let counts = bench.counts.clone();
    let file = bench.open();
    let (sent, cancelled) = (reserve(&file, b"1").unwrap(), reserve(&file, b"2").unwrap());
    reserve(&file, b"unread").unwrap().send();
    drop(file);
    drop(bench);
    sent.send();
    drop(cancelled);
    assert_eq!(Arc::strong_count(&counts), 1);
}

/// One thing that a driver or a program does.
#[derive(Clone, Debug)]
enum Step {
    Reserve(usize),
    Send(usize),
    Cancel(usize),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0usize..1500).prop_map(Step::Reserve),
        any::<usize>().prop_map(Step::Send),
        any::<usize>().prop_map(Step::Cancel),
        (0usize..3000).prop_map(Step::Read),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn room_and_order_are_those_of_a_model(steps in steps()) {
        let bench = toy();
        let file = bench.open();
        let mut space = SPACE;
        let mut pending: Vec<(Pending, Vec<u8>)> = Vec::new();
        let mut ready: VecDeque<Vec<u8>> = VecDeque::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Reserve(len) => {
                    let payload = vec![number as u8; len];
                    let reserved = reserve(&file, &payload);
                    prop_assert_eq!(reserved.is_ok(), len + HEADER <= space);
                    if let Ok(event) = reserved {
                        space -= len + HEADER;
                        pending.push((event, whole(&payload)));
                    }
                }
                Step::Send(at) if !pending.is_empty() => {
                    let (event, bytes) = pending.swap_remove(at % pending.len());
                    event.send();
                    ready.push_back(bytes);
                }
                Step::Cancel(at) if !pending.is_empty() => {
                    let (event, bytes) = pending.swap_remove(at % pending.len());
                    drop(event);
                    space += bytes.len();
                }
                Step::Send(_) | Step::Cancel(_) => {}
                Step::Read(room) => {
                    let mut expected = Vec::new();
                    let was_empty = ready.is_empty();
                    while ready.front().is_some_and(|next| expected.len() + next.len() <= room) {
                        expected.extend(ready.pop_front().unwrap());
                    }
                    space += expected.len();
                    let expected = if was_empty { Err(EAGAIN) } else { Ok(expected) };
                    prop_assert_eq!(read(&file, room), expected);
                }
            }
            prop_assert_eq!(file.is_readable(), !ready.is_empty());
        }
    }
}
