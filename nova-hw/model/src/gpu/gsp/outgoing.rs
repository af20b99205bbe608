// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A message on its way to the driver, and what a fault makes of it.

use std::mem::offset_of;

use nova_spec::{
    rm::NvStatus,
    rpc::{
        message::{checksum, MsgQueueElement, RpcMessageHeader, HEADERS},
        Message, RpcFunction,
    },
};

use crate::fault::{Corruption, Kind};

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) function: RpcFunction,
    pub(crate) rpc_result: u32,
    pub(crate) sequence: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) fault: Option<Kind>,
}

/// A function that there is not.
const NO_FUNCTION: u32 = 0x1fff;
/// A length that no message has.
const NO_LENGTH: u32 = u32::MAX;
/// A result that is an error.
const ERROR: u32 = NvStatus::NV_ERR_INVALID_ARGUMENT.0;

const CHECKSUM: usize = offset_of!(MsgQueueElement, checkSum);
const SEQ_NUM: usize = offset_of!(MsgQueueElement, seqNum);
const RPC: usize = offset_of!(MsgQueueElement, rpc);

impl Outgoing {
    /// An event.
    pub(crate) fn event(function: RpcFunction, payload: Vec<u8>) -> Self {
        Self {
            function,
            rpc_result: 0,
            sequence: 0,
            payload,
            fault: None,
        }
    }

    /// The bytes to send as the queue's message `seq_num`; none when there are none.
    pub(crate) fn encode(&self, seq_num: u32) -> Option<Vec<u8>> {
        let message = Message {
            seq_num,
            function: self.function,
            rpc_result: self.rpc_result,
            sequence: self.sequence,
            payload: &self.payload,
        };
        // The payloads here are GSP-RM's own, and shorter than the most there may be.
        let mut bytes = message.encode().ok()?;
        match self.fault {
            None | Some(Kind::Delay(_)) => {}
            Some(Kind::Corrupt(corruption)) => corrupt(&mut bytes, corruption),
            Some(Kind::Drop | Kind::Hang | Kind::AllOnes) => return None,
        }
        Some(bytes)
    }
}

fn corrupt(bytes: &mut [u8], corruption: Corruption) {
    let rpc = |field: usize| RPC + field;
    match corruption {
        Corruption::Checksum => {
            bytes[CHECKSUM] ^= 1;
            return;
        }
        Corruption::Sequence => change(bytes, SEQ_NUM, |number| number.wrapping_add(1)),
        Corruption::Function => {
            change(bytes, rpc(offset_of!(RpcMessageHeader, function)), |_| {
                NO_FUNCTION
            });
        }
        Corruption::Length => {
            change(bytes, rpc(offset_of!(RpcMessageHeader, length)), |_| {
                NO_LENGTH
            });
        }
        Corruption::RpcResult => {
            change(bytes, rpc(offset_of!(RpcMessageHeader, rpc_result)), |_| {
                ERROR
            });
        }
        Corruption::Signature => {
            change(bytes, rpc(offset_of!(RpcMessageHeader, signature)), |s| {
                s ^ 1
            });
        }
        Corruption::Payload | Corruption::Xor(_) | Corruption::Value(_) => {
            let (bits, value) = match corruption {
                Corruption::Xor(bits) => (bits, None),
                Corruption::Value(value) => (0, Some(value)),
                _ => (0xff, None),
            };
            change(bytes, HEADERS as usize, |old| value.unwrap_or(old ^ bits));
        }
    }
    change(bytes, CHECKSUM, |_| 0);
    let sum = checksum(bytes);
    change(bytes, CHECKSUM, |_| sum);
}

/// Changes the number at `at`, if the message has it.
fn change(bytes: &mut [u8], at: usize, change: impl FnOnce(u32) -> u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        let old = u32::from_le_bytes(place.try_into().unwrap_or_default());
        place.copy_from_slice(&change(old).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(corruption: Corruption) -> Vec<u8> {
        let mut message = Outgoing::event(RpcFunction::GSP_INIT_DONE, vec![0x11; 8]);
        message.fault = Some(Kind::Corrupt(corruption));
        message.encode(7).unwrap()
    }

    #[test]
    fn only_what_is_named_is_wrong() {
        let error = |corruption| {
            let bytes = encoded(corruption);
            Message::decode(&bytes).unwrap_err().to_string()
        };
        assert!(error(Corruption::Checksum).contains("checksum"));
        assert!(error(Corruption::Length).contains("length"));
        assert!(error(Corruption::Signature).contains("signature"));
        let bytes = encoded(Corruption::Sequence);
        assert_eq!(Message::decode(&bytes).unwrap().seq_num, 8);
        let bytes = encoded(Corruption::RpcResult);
        assert_eq!(Message::decode(&bytes).unwrap().rpc_result, ERROR);
        let bytes = encoded(Corruption::Function);
        assert_eq!(Message::decode(&bytes).unwrap().function.name(), None);
        let bytes = encoded(Corruption::Payload);
        assert_eq!(Message::decode(&bytes).unwrap().payload[..2], [0xee, 0x11]);
        let bytes = encoded(Corruption::Value(2));
        assert_eq!(Message::decode(&bytes).unwrap().payload[..2], [2, 0]);
    }

    #[test]
    fn what_is_dropped_has_no_bytes() {
        let mut message = Outgoing::event(RpcFunction::GSP_INIT_DONE, Vec::new());
        assert!(message.encode(0).is_some());
        message.fault = Some(Kind::Drop);
        assert!(message.encode(0).is_none());
    }
}
