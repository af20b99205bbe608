// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What can be wrong with GSP-RM's messages and with what it asks for.

use std::time::Duration;

use nova_spec::{regs::Named, rm::NvStatus, rpc::RpcFunction, FormatError};

/// Something is wrong with a message or its queue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// GSP's pointers into the queues make no sense.
    #[error("GSP's queue is out of order")]
    Queue(#[source] FormatError),
    /// A message is cut off, corrupt, or no message.
    #[error("GSP sent a message that is not in order")]
    Format(#[source] FormatError),
    /// A message says that it is longer than what has been written of it.
    #[error("GSP sent a message of {elements} elements, of which {there} are there")]
    CutOff {
        /// Elements that it should have.
        elements: u32,
        /// Elements in the queue.
        there: u32,
    },
    /// A message was lost, or came twice.
    #[error("GSP's message {function} has number {found} and not {expected}")]
    Sequence {
        /// What it is.
        function: RpcFunction,
        /// The number it should have.
        expected: u32,
        /// The number it has.
        found: u32,
    },
    /// A message that is neither an answer nor an event of this firmware.
    #[error("GSP sent {0}, which firmware of this version does not have")]
    UnknownFunction(RpcFunction),
    /// RM says that something did not work.
    #[error("RM answers {function} with {status}")]
    Status {
        /// What was asked, or the event.
        function: RpcFunction,
        /// What went wrong.
        status: NvStatus,
    },
    /// RM says nothing.
    #[error("GSP was silent for {limit:?} instead of sending {awaited}")]
    Silence {
        /// What was waited for.
        awaited: RpcFunction,
        /// How long.
        limit: Duration,
    },
    /// RM says a lot, and not what was waited for.
    #[error("GSP sent {count} messages and no {awaited}")]
    Flood {
        /// What was waited for.
        awaited: RpcFunction,
        /// How many others came.
        count: u32,
    },
    /// The command queue stays full.
    #[error("GSP took no command for {limit:?}, and {function} does not fit its queue")]
    Full {
        /// What was to be sent.
        function: RpcFunction,
        /// How long was waited.
        limit: Duration,
    },
}

/// RM's sequencer asks for something that does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SequencerError {
    /// An operation that is cut off or unknown.
    #[error("RM's sequence is not in order")]
    Format(#[from] FormatError),
    /// A register outside BAR0.
    #[error("RM's sequence names a register at {address:#x}")]
    Address {
        /// Where it would be.
        address: u32,
    },
    /// A register did not become what RM waits for.
    #[error(
        "RM's sequence waited {limit:?} for {register} & {mask:#x} to be {wanted:#x}: it reads \
         {found:#010x} (RM's error {error:#x})"
    )]
    Poll {
        /// The register.
        register: Named,
        /// The bits that are looked at.
        mask: u32,
        /// What they should be.
        wanted: u32,
        /// What the register read last.
        found: u32,
        /// RM's own number for it.
        error: u32,
        /// How long was waited.
        limit: Duration,
    },
    /// All of it takes too long.
    #[error("RM's sequence takes longer than {limit:?}")]
    TooLong {
        /// The most that it may take.
        limit: Duration,
    },
}
