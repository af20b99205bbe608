// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A message in a queue: `GSP_MSG_QUEUE_ELEMENT`, in it the RPC header, then the payload, in as
//! many elements as it takes. The ring may end inside of a message; see
//! [`Channel::runs`](crate::queue::Channel::runs).
#![allow(non_snake_case)] // NVIDIA's names

use alloc::vec::Vec;

use zerocopy::{
    little_endian::U32, FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use super::RpcFunction;
use crate::{
    bytes::{slice, structure},
    error::FormatError,
    queue::ELEMENT_SIZE,
};

/// `rpc_message_header_v`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct RpcMessageHeader {
    /// [`HEADER_VERSION`].
    pub header_version: U32,
    /// [`RPC_SIGNATURE`].
    pub signature: U32,
    /// Bytes of this header and the payload.
    pub length: U32,
    /// A [`RpcFunction`].
    pub function: U32,
    /// An `NV_STATUS`; [`RESULT_PENDING`] in a request.
    pub rpc_result: U32,
    /// As the other.
    pub rpc_result_private: U32,
    /// The sender's number.
    pub sequence: U32,
    /// 0.
    pub spare: U32,
}

/// `GSP_MSG_QUEUE_ELEMENT`: how the first element starts.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MsgQueueElement {
    /// For encryption, which is not used.
    pub authTagBuffer: [u8; 16],
    /// For encryption, which is not used.
    pub aadBuffer: [u8; 16],
    /// Makes the checksum of the message 0.
    pub checkSum: U32,
    /// Counts the messages of a queue from 0.
    pub seqNum: U32,
    /// How many elements the message takes.
    pub elemCount: U32,
    /// 0.
    pub padding: U32,
    /// The RPC header.
    pub rpc: RpcMessageHeader,
}

/// Version 3.0.
pub const HEADER_VERSION: u32 = 0x0300_0000;
/// `VRPC`.
pub const RPC_SIGNATURE: u32 = u32::from_le_bytes(*b"VRPC");
/// What a request has in place of a result.
pub const RESULT_PENDING: u32 = 0xffff_ffff;
/// Bytes in front of the RPC header.
pub const ELEMENT_HEADER: u32 = 0x30;
/// Bytes of the RPC header.
pub const RPC_HEADER: u32 = 0x20;
/// Bytes in front of the payload.
pub const HEADERS: u32 = ELEMENT_HEADER + RPC_HEADER;
/// Most elements of a message.
pub const MAX_ELEMENTS: u32 = 16;
/// Most bytes of a payload; what is longer goes on in continuation records.
pub const MAX_PAYLOAD: u32 = MAX_ELEMENTS * ELEMENT_SIZE - HEADERS;

const _: () = {
    assert!(size_of::<MsgQueueElement>() == HEADERS as usize);
    assert!(size_of::<RpcMessageHeader>() == RPC_HEADER as usize);
};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The queue's number, from 0.
    pub seq_num: u32,
    /// What is asked or answered.
    pub function: RpcFunction,
    /// An `NV_STATUS`, or [`RESULT_PENDING`].
    pub rpc_result: u32,
    /// The sender's number; drivers do not agree on what it is.
    pub sequence: u32,
    /// The payload.
    pub payload: &'a [u8],
}

/// Bytes of a message, and elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Bytes, headers included.
    pub len: u32,
    /// Elements that it takes.
    pub elements: u32,
}

impl<'a> Message<'a> {
    /// A request.
    pub fn request(seq_num: u32, function: RpcFunction, payload: &'a [u8]) -> Self {
        Self {
            seq_num,
            function,
            rpc_result: RESULT_PENDING,
            sequence: 0,
            payload,
        }
    }

    /// An answer or an event, which says that all is well.
    pub fn answer(seq_num: u32, function: RpcFunction, payload: &'a [u8]) -> Self {
        Self {
            rpc_result: 0,
            ..Self::request(seq_num, function, payload)
        }
    }

    /// How long a message with that payload is.
    pub fn extent(payload: usize) -> Result<Extent, FormatError> {
        let max = MAX_PAYLOAD as usize;
        if payload > max {
            let field = "bytes of an RPC's payload";
            return Err(FormatError::value(field, payload as u64, "0xffb0 at most"));
        }
        let len = HEADERS + payload as u32;
        Ok(Extent {
            len,
            elements: len.div_ceil(ELEMENT_SIZE),
        })
    }

    /// Learns a message's length from the bytes of its first element.
    pub fn extent_of(first: &[u8]) -> Result<Extent, FormatError> {
        let element: &MsgQueueElement = structure(first, "message header", 0u64)?;
        let rpc = &element.rpc;
        if rpc.signature.get() != RPC_SIGNATURE {
            let expected = "0x43505256 (\"VRPC\")";
            return Err(FormatError::value("RPC signature", rpc.signature, expected));
        }
        let length = rpc.length.get();
        if !(RPC_HEADER..=RPC_HEADER + MAX_PAYLOAD).contains(&length) {
            return Err(FormatError::value("RPC length", length, "0x20 to 0xffd0"));
        }
        Self::extent((length - RPC_HEADER) as usize)
    }

    /// Reads a message of which all bytes are there; what follows it in its last element is
    /// not looked at.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let extent = Self::extent_of(bytes)?;
        let element: &MsgQueueElement = structure(bytes, "message header", 0u64)?;
        let message = slice(bytes, "message", 0u64, extent.len)?;
        let rpc = &element.rpc;
        if rpc.header_version.get() != HEADER_VERSION {
            let expected = "0x3000000";
            return Err(FormatError::value(
                "RPC header_version",
                rpc.header_version,
                expected,
            ));
        }
        if element.elemCount.get() != extent.elements {
            let expected = "what the length says";
            return Err(FormatError::value("elemCount", element.elemCount, expected));
        }
        let sum = checksum(message);
        if sum != 0 {
            return Err(FormatError::value("checksum of the message", sum, "0"));
        }
        Ok(Self {
            seq_num: element.seqNum.get(),
            function: RpcFunction(rpc.function.get()),
            rpc_result: rpc.rpc_result.get(),
            sequence: rpc.sequence.get(),
            payload: &message[HEADERS as usize..],
        })
    }

    /// Writes a message: its bytes, which need not fill the last element.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let extent = Self::extent(self.payload.len())?;
        let mut element = MsgQueueElement::new_zeroed();
        element.seqNum = self.seq_num.into();
        element.elemCount = extent.elements.into();
        element.rpc = RpcMessageHeader {
            header_version: HEADER_VERSION.into(),
            signature: RPC_SIGNATURE.into(),
            length: (extent.len - ELEMENT_HEADER).into(),
            function: self.function.0.into(),
            rpc_result: self.rpc_result.into(),
            rpc_result_private: self.rpc_result.into(),
            sequence: self.sequence.into(),
            spare: 0.into(),
        };
        let mut bytes = [element.as_bytes(), self.payload].concat();
        let sum = checksum(&bytes);
        bytes[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&sum.to_le_bytes());
        Ok(bytes)
    }
}

const CHECKSUM_AT: usize = core::mem::offset_of!(MsgQueueElement, checkSum);

/// Both halves of the XOR of all 64-bit words, XORed; the last word is padded with zeros. 0 for
/// a message in order, whose checksum field is among the words.
pub fn checksum(message: &[u8]) -> u32 {
    let sum = message.chunks(8).fold(0, |sum, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum ^ u64::from_le_bytes(word)
    });
    (sum >> 32) as u32 ^ sum as u32
}

/// A payload of any length in parts that fit a message: the first with `function`, the others
/// as continuation records. There is always a first.
pub fn fragments(
    function: RpcFunction,
    payload: &[u8],
) -> impl Iterator<Item = (RpcFunction, &[u8])> {
    let (first, rest) = payload.split_at(payload.len().min(MAX_PAYLOAD as usize));
    let rest = rest.chunks(MAX_PAYLOAD as usize);
    let rest = rest.map(|part| (RpcFunction::CONTINUATION_RECORD, part));
    core::iter::once((function, first)).chain(rest)
}
