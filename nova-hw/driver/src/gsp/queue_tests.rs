// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The queues against a GSP that the test plays, well and badly.

use nova_model::Model;
use nova_spec::queue::{ELEMENT_COUNT, QUEUE_MEMORY_SIZE};

use super::*;
use crate::testing;

const LIMIT: Duration = Duration::from_millis(5);
/// A wait that does not end by its limit.
const LONG: Duration = Duration::from_secs(60);

/// GSP's side of the queues.
struct Gsp {
    queues: Queues<Model>,
    memory: Arc<GspMemory<nova_model::ModelMapping>>,
    write_ptr: u32,
    seq_num: u32,
}

impl Gsp {
    fn new() -> Self {
        let card = testing::card();
        let memory = testing::memory(&card);
        let header = MsgqTxHeader::new();
        let shared = memory.queues().memory();
        let bytes = zerocopy::IntoBytes::as_bytes(&header);
        shared.write(STATUS_QUEUE.header, bytes).unwrap();
        Self {
            queues: Queues::new(&card, &memory),
            memory,
            write_ptr: 0,
            seq_num: 0,
        }
    }

    fn shared(&self) -> &DmaMemory {
        self.memory.queues().memory()
    }

    /// Writes bytes as a message of that many elements.
    fn put(&mut self, bytes: &[u8], elements: u32) {
        let [first, second] = MESSAGES.runs(self.write_ptr, bytes.len() as u64);
        let (before, after) = bytes.split_at((first.end - first.start) as usize);
        self.shared().write(first.start, before).unwrap();
        self.shared().write(second.start, after).unwrap();
        self.write_ptr = advance(self.write_ptr, elements);
        let written = self.shared().store32(MESSAGES.write_ptr, self.write_ptr);
        written.unwrap();
    }

    fn message(&mut self, function: RpcFunction, payload: &[u8]) -> Vec<u8> {
        let message = Message::answer(self.seq_num, function, payload);
        self.seq_num += 1;
        message.encode().unwrap()
    }

    fn send(&mut self, function: RpcFunction, payload: &[u8]) {
        let bytes = self.message(function, payload);
        self.put(&bytes, (bytes.len() as u32).div_ceil(ELEMENT_SIZE));
    }

    fn receive(&mut self) -> Result<Option<Received>, MessageError> {
        self.queues.receive(LIMIT).map_err(|cause| match cause {
            Cause::Message(error) => error,
            other => panic!("{other}"),
        })
    }

    /// What a driver can still do after an error: get the next message.
    fn next_is_received(&mut self) {
        self.send(RpcFunction::GSP_INIT_DONE, &[]);
        let received = self.receive().unwrap().unwrap();
        assert_eq!(received.function, RpcFunction::GSP_INIT_DONE);
    }
}

#[test]
fn messages_of_all_lengths_come_in_order_around_the_ring() {
    let mut gsp = Gsp::new();
    for round in 0..200usize {
        let len = [0, 8, 4016, 4017, 9000, 65456][round % 6];
        let payload: Vec<u8> = (0..len).map(|at| (at + round) as u8).collect();
        gsp.send(RpcFunction::POST_EVENT, &payload);
        let received = gsp.queues.receive(LONG).unwrap().unwrap();
        assert_eq!(received.payload, payload, "round {round}");
    }
    let read = gsp.shared().load32(MESSAGES.read_ptr).unwrap();
    assert_eq!(read, gsp.write_ptr);
    assert!(gsp.receive().unwrap().is_none());
}

#[test]
fn commands_are_messages_in_order_and_a_full_queue_is_an_error() {
    let mut gsp = Gsp::new();
    for seq_num in 0..ELEMENT_COUNT - 1 {
        let function = RpcFunction::SET_REGISTRY;
        gsp.queues.send(function, &[7; 100], LIMIT).unwrap();
        let at = COMMANDS.elements + u64::from(seq_num * ELEMENT_SIZE);
        let mut element = vec![0; ELEMENT_SIZE as usize];
        gsp.shared().read(at, &mut element).unwrap();
        let message = Message::decode(&element).unwrap();
        assert_eq!((message.seq_num, message.function), (seq_num, function));
        assert_eq!(message.payload, [7; 100]);
    }
    let function = RpcFunction::GET_GSP_STATIC_INFO;
    let error = gsp.queues.send(function, &[], LIMIT).unwrap_err();
    assert!(
        matches!(error, Cause::Message(MessageError::Full { .. })),
        "{error}"
    );
    // GSP takes three; one of three elements and 0x50 bytes wraps around.
    gsp.shared().store32(COMMANDS.read_ptr, 3).unwrap();
    gsp.queues.send(function, &[9; 8200], LIMIT).unwrap();
    assert_eq!(gsp.shared().load32(COMMANDS.write_ptr).unwrap(), 2);
    let [first, second] = COMMANDS.runs(62, 8280);
    let mut bytes = vec![0; 8280];
    gsp.shared().read(first.start, &mut bytes[..4096]).unwrap();
    gsp.shared().read(second.start, &mut bytes[4096..]).unwrap();
    assert_eq!(Message::decode(&bytes).unwrap().payload, [9; 8200]);
}

#[test]
fn pointers_that_make_no_sense_are_errors() {
    let mut gsp = Gsp::new();
    for pointer in [ELEMENT_COUNT, u32::MAX] {
        gsp.shared().store32(MESSAGES.write_ptr, pointer).unwrap();
        let error = gsp.receive().unwrap_err();
        assert!(matches!(error, MessageError::Queue(_)), "{error}");
        gsp.shared().store32(COMMANDS.read_ptr, pointer).unwrap();
        let error = gsp.queues.send(RpcFunction::NOP, &[], LONG).unwrap_err();
        assert!(
            matches!(error, Cause::Message(MessageError::Queue(_))),
            "{error}"
        );
    }
    gsp.shared().store32(MESSAGES.write_ptr, 0).unwrap();
    gsp.next_is_received();
}

#[test]
fn a_flipped_bit_anywhere_is_an_error_and_the_next_message_is_received() {
    let mut gsp = Gsp::new();
    for bit in 0..8 * 0x58 {
        let mut bytes = gsp.message(RpcFunction::POST_EVENT, &[1, 2, 3, 4, 5, 6, 7, 8]);
        bytes[bit / 8] ^= 1 << (bit % 8);
        gsp.put(&bytes, 1);
        assert!(gsp.receive().is_err(), "bit {bit}");
        gsp.next_is_received();
    }
}

#[test]
fn what_is_cut_off_lost_unknown_or_failed_is_named() {
    let mut gsp = Gsp::new();
    let bytes = gsp.message(RpcFunction::POST_EVENT, &[0; 5000]);
    gsp.put(&bytes, 1);
    let error = gsp.receive().unwrap_err();
    let text = "GSP sent a message of 2 elements, of which 1 are there";
    assert_eq!(error.to_string(), text);
    gsp.next_is_received();

    gsp.seq_num += 1;
    gsp.send(RpcFunction::GSP_INIT_DONE, &[]);
    let error = gsp.receive().unwrap_err();
    let text = "GSP's message GSP_INIT_DONE has number 3 and not 2";
    assert_eq!(error.to_string(), text);
    gsp.next_is_received();

    gsp.send(RpcFunction(0x1234), &[]);
    let error = gsp.receive().unwrap_err();
    let text = "GSP sent function 0x1234, which firmware of this version does not have";
    assert_eq!(error.to_string(), text);
    gsp.next_is_received();

    let message = Message {
        rpc_result: 0x1f,
        ..Message::answer(gsp.seq_num, RpcFunction::GET_GSP_STATIC_INFO, &[])
    };
    gsp.seq_num += 1;
    gsp.put(&message.encode().unwrap(), 1);
    let answer = gsp.receive().unwrap().unwrap();
    let error = answer.into_payload().unwrap_err();
    assert_eq!(
        error.to_string(),
        "RM answers GET_GSP_STATIC_INFO with NV_ERR_INVALID_ARGUMENT"
    );
    gsp.next_is_received();
}

#[test]
fn random_memory_harms_nobody() {
    let mut gsp = Gsp::new();
    let mut state = 0x1234_5678_9abc_def0u64;
    for _ in 0..300 {
        let mut noise = vec![0; QUEUE_MEMORY_SIZE as usize / 16];
        for chunk in noise.chunks_mut(8) {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
        }
        gsp.shared().write(MESSAGES.elements, &noise).unwrap();
        let pointer = (state >> 40) as u32 % ELEMENT_COUNT;
        gsp.shared().store32(MESSAGES.write_ptr, pointer).unwrap();
        assert!(!matches!(gsp.receive(), Ok(Some(_))));
    }
}
