// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Sequences on a model's scratch registers, and sequences that cannot be carried out.

use nova_model::Model;
use nova_spec::{
    register::RegisterArray,
    regs::NV_PBUS_SW_SCRATCH,
    rpc::sequencer::{encode, Operation},
};

use super::*;
use crate::testing;

fn scratch() -> u32 {
    NV_PBUS_SW_SCRATCH::at(20).unwrap().offset()
}

fn run(card: &Card<Model>, payload: &[u8]) -> Result<(), Cause> {
    run_for(card, payload, &Timeouts::default())
}

fn run_for(card: &Card<Model>, payload: &[u8], timeouts: &Timeouts) -> Result<(), Cause> {
    Sequencer {
        card,
        timeouts,
        libos_address: 0x1000,
        app_version: 0,
    }
    .run(payload)
}

fn poll(val: u32) -> Operation {
    Operation::RegPoll {
        addr: scratch(),
        mask: 0xffff,
        val,
        timeout: 1000,
        error: 0x77,
    }
}

#[test]
fn registers_are_written_changed_and_waited_for() {
    let card = testing::card();
    let sequence = encode(&[
        Operation::RegWrite {
            addr: scratch(),
            val: 0xabcd_0012,
        },
        Operation::RegModify {
            addr: scratch(),
            mask: 0xff,
            val: 0x34,
        },
        poll(0x34),
        Operation::DelayUs { val: 10 },
        Operation::RegStore {
            addr: scratch(),
            index: 7,
        },
    ]);
    run(&card, &sequence).unwrap();
    assert_eq!(card.registers.read_offset(scratch()).unwrap(), 0xabcd_0034);
    run(&card, &encode(&[])).unwrap();
}

#[test]
fn a_poll_that_does_not_end_says_what_it_saw() {
    let error = run(&testing::card(), &encode(&[poll(1)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RM's sequence waited 1ms for NV_PBUS_SW_SCRATCH(20) & 0xffff to be 0x1: it reads \
         0x00000000 (RM's error 0x77)"
    );
}

#[test]
fn times_that_rm_names_are_cut() {
    let forever = Operation::DelayUs { val: u32::MAX };
    let payload = encode(&[forever; 100]);
    let error = run_for(&testing::card(), &payload, &testing::short()).unwrap_err();
    assert!(matches!(
        error,
        Cause::Sequencer(SequencerError::TooLong { .. })
    ));
}

#[test]
fn addresses_outside_bar0_and_garbage_are_refused() {
    for addr in [1, 2, 16 << 20, u32::MAX - 3, u32::MAX] {
        for operation in [
            Operation::RegWrite { addr, val: 0 },
            Operation::RegStore { addr, index: 0 },
        ] {
            let error = run(&testing::card(), &encode(&[operation])).unwrap_err();
            assert!(
                matches!(error, Cause::Sequencer(SequencerError::Address { address }) if address == addr)
            );
        }
    }
    let mut unknown = encode(&[Operation::CoreStart]);
    let last = unknown.len() - 4;
    unknown[last] = 0x55;
    for payload in [&unknown[..], &unknown[..last], &[]] {
        let error = run(&testing::card(), payload).unwrap_err();
        assert!(
            matches!(error, Cause::Sequencer(SequencerError::Format(_))),
            "{error}"
        );
    }
}
