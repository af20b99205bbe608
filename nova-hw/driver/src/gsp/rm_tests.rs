// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Events that come while nobody waits, from a GSP that the test plays.

use nova_spec::{
    queue::{ELEMENT_SIZE, MESSAGES},
    rpc::Message,
};

use super::*;
use crate::{gsp::MessageError, testing};

/// Puts messages of one element each into the queue, from its start.
fn put<M>(memory: &GspMemory<M>, messages: &[Message<'_>]) {
    let shared = memory.queues().memory();
    for (index, message) in messages.iter().enumerate() {
        let at = MESSAGES.elements + index as u64 * u64::from(ELEMENT_SIZE);
        shared.write(at, &message.encode().unwrap()).unwrap();
    }
    let count = messages.len() as u32;
    shared.store32(MESSAGES.write_ptr, count).unwrap();
}

#[test]
fn events_are_taken_and_a_bad_one_is_told() {
    let card = testing::card();
    let memory = testing::memory(&card);
    let mut rm = Rm::new(&card, &Timeouts::default(), &memory, 0);
    rm.state = State::Running;
    assert_eq!(rm.handle_events().unwrap(), 0);
    let mut messages = vec![
        Message::answer(0, RpcFunction::OS_ERROR_LOG, &[b'x'; 16]),
        Message::answer(1, RpcFunction::GSP_POST_NOCAT_RECORD, &[]),
        // Only while RM starts.
        Message::answer(2, RpcFunction::GSP_RUN_CPU_SEQUENCER, &[]),
    ];
    put(&memory, &messages);
    assert_eq!(rm.handle_events().unwrap(), 3);
    assert_eq!(rm.handle_events().unwrap(), 0);

    messages.push(Message::answer(7, RpcFunction::RC_TRIGGERED, &[]));
    put(&memory, &messages);
    let error = rm.handle_events().unwrap_err();
    assert!(
        matches!(
            error,
            Cause::Message(MessageError::Sequence { found: 7, .. })
        ),
        "{error}"
    );
    assert_eq!(rm.handle_events().unwrap(), 0);
    // There is no core to tell that this is the end.
    assert!(matches!(
        rm.unload(),
        Err(Failed {
            step: Step::UnloadRm,
            cause: Cause::RiscvInactive,
        })
    ));
}
