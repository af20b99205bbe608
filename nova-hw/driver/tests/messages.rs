// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP-RM's messages, the driver's commands and the card's DMA go wrong, by the model's own plans
//! of faults: each gives a typed error or none, and a boot without fault works afterwards.

#[path = "common/attempt.rs"]
mod attempt;
#[path = "common/firmware.rs"]
mod firmware;

use attempt::{attempt, impatient, Failure};
use nova_driver::{BootOptions, Cause, FirmwareSet, MessageError, Step};
use nova_model::Model;
use nova_pci::Pci;
use nova_spec::Chipset;

/// Attempts a boot and an unload on a card with one fault, then one on the same card without.
fn with_fault(fault: &str, firmware: &FirmwareSet) -> Result<(), Box<Failure>> {
    let plan = fault.parse().unwrap();
    let model = Model::builder().faults(plan).build().unwrap();
    let result = attempt(model.clone(), firmware, &impatient());
    if fault.contains("all-ones") {
        // A card that has fallen off the bus comes back by a reset of the bus only.
        model.reset().unwrap();
    }
    let mut again = attempt(model.clone(), firmware, &BootOptions::default());
    if result.is_ok() && again.is_err() {
        // Only now was the occurrence reached that is hit.
        again = attempt(model, firmware, &BootOptions::default());
    }
    assert!(again.is_ok(), "after {fault}: {result:?}: {again:?}");
    result
}

fn firmware() -> FirmwareSet {
    firmware::synthetic(Chipset::GA102)
}

/// The message's error and the step, or a panic.
fn message_error(fault: &str) -> (Step, MessageError) {
    let failure = with_fault(fault, &firmware()).expect_err(fault);
    match *failure {
        Failure {
            step: Some(step),
            cause: Some(Cause::Message(error)),
            ..
        } => (step, error),
        other => panic!("{fault}: {other:?}"),
    }
}

#[test]
fn each_message_in_each_way() {
    let firmware = firmware();
    for message in ["0x1002", "0x1001", "65", "47"] {
        for what in [
            "drop",
            "delay=5ms",
            "corrupt checksum",
            "corrupt sequence",
            "corrupt function",
            "corrupt length",
            "corrupt result",
            "corrupt signature",
            "corrupt payload",
            "hang",
            "all-ones",
        ] {
            let fault = format!("message {message} {what}");
            let result = with_fault(&fault, &firmware);
            // Late, or with another content of what nobody reads, is not wrong.
            if !["delay=5ms", "corrupt payload"].contains(&what) {
                assert!(result.is_err(), "{fault}");
            }
        }
    }
}

#[test]
fn each_command_in_each_way() {
    let firmware = firmware();
    for command in ["72", "73", "65", "47"] {
        for what in ["drop", "delay=5ms", "hang", "all-ones"] {
            let _ = with_fault(&format!("command {command} {what}"), &firmware);
        }
    }
}

#[test]
fn dma_in_each_way() {
    let firmware = firmware();
    for place in ["dma-read * ", "dma-write *"] {
        for nth in [1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 60] {
            for what in ["drop", "corrupt xor=0xffffffff", "hang", "all-ones"] {
                let _ = with_fault(&format!("{place} nth={nth} {what}"), &firmware);
            }
        }
    }
}

#[test]
fn each_way_has_its_own_error() {
    let (step, error) = message_error("message 0x1001 corrupt checksum");
    assert_eq!(step, Step::WaitForRm);
    assert!(matches!(error, MessageError::Format(_)), "{error}");
    assert!(error_chain(&error).contains("checksum"), "{error:?}");

    let (step, error) = message_error("message 65 corrupt sequence");
    assert_eq!(step, Step::GetStaticInfo);
    assert!(matches!(error, MessageError::Sequence { .. }), "{error}");

    let (step, error) = message_error("message 0x1002 corrupt function");
    assert_eq!(step, Step::WaitForRm);
    assert!(matches!(error, MessageError::UnknownFunction(_)), "{error}");

    let (step, error) = message_error("message 47 corrupt result");
    assert_eq!(step, Step::UnloadRm);
    assert!(matches!(error, MessageError::Status { .. }), "{error}");

    let (step, error) = message_error("command 65 drop");
    assert_eq!(step, Step::GetStaticInfo);
    assert!(matches!(error, MessageError::Silence { .. }), "{error}");
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(error_chain).unwrap_or_default();
    format!("{error}: {source}")
}
