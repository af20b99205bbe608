// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The message queues, the driver's side. GSP may write the queues' memory at any time, so
//! everything is copied out first and then checked, and no length is believed before.

use std::{sync::Arc, time::Duration};

use nova_pci::{DmaMemory, Pci, PciError};
use nova_spec::{
    queue::{
        advance, check_pointer, free, used, MsgqTxHeader, COMMANDS, ELEMENT_SIZE, MESSAGES,
        STATUS_QUEUE,
    },
    register::RegisterArray,
    regs::NV_PGSP_QUEUE_HEAD,
    rm::NvStatus,
    rpc::{
        message::{fragments, Extent},
        Message, RpcFunction,
    },
    FormatError,
};

use super::{memory::GspMemory, MessageError};
use crate::{card::Card, dma::DmaError, error::Cause, wait};

/// A message of GSP's, copied and checked: known, and in turn.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) function: RpcFunction,
    /// How RM says it went: an answer may be that something did not work.
    pub(super) status: NvStatus,
    pub(super) payload: Vec<u8>,
}

impl Received {
    /// The payload of a message that says that all is well.
    pub(super) fn into_payload(self) -> Result<Vec<u8>, MessageError> {
        let Self {
            function, status, ..
        } = self;
        match status.is_ok() {
            true => Ok(self.payload),
            false => Err(MessageError::Status { function, status }),
        }
    }
}

/// Both queues. The pointers that the driver owns are kept here and only written to memory.
pub(super) struct Queues<P: Pci> {
    card: Arc<Card<P>>,
    memory: Arc<GspMemory<P::Mapping>>,
    write_ptr: u32,
    read_ptr: u32,
    next_command: u32,
    /// The number of the next message; `None` when one was thrown away unread.
    next_message: Option<u32>,
    is_header_checked: bool,
}

impl<P: Pci> Queues<P> {
    pub(super) fn new(card: &Arc<Card<P>>, memory: &Arc<GspMemory<P::Mapping>>) -> Self {
        Self {
            card: card.clone(),
            memory: memory.clone(),
            write_ptr: 0,
            read_ptr: 0,
            next_command: 0,
            next_message: Some(0),
            is_header_checked: false,
        }
    }

    fn shared(&self) -> &DmaMemory {
        self.memory.queues().memory()
    }

    /// Sends a command and rings GSP's doorbell; waits for room for `limit` at most.
    pub(super) fn send(
        &mut self,
        function: RpcFunction,
        payload: &[u8],
        limit: Duration,
    ) -> Result<(), Cause> {
        for (function, part) in fragments(function, payload) {
            let message = Message::request(self.next_command, function, part);
            let bytes = message.encode().map_err(MessageError::Format)?;
            let elements = (bytes.len() as u32).div_ceil(ELEMENT_SIZE);
            let room = wait::until(limit, || {
                Ok::<_, Cause>((self.room()? >= elements).then_some(()))
            })?;
            room.ok_or(MessageError::Full { function, limit })?;
            self.copy_in(&bytes).map_err(DmaError::Access)?;
            self.write_ptr = advance(self.write_ptr, elements);
            self.next_command = self.next_command.wrapping_add(1);
            let shared = self.shared();
            let written = shared.store32(COMMANDS.write_ptr, self.write_ptr);
            written.map_err(DmaError::Access)?;
        }
        // PANIC: the array has eight.
        let doorbell = NV_PGSP_QUEUE_HEAD::at(0).expect("a first doorbell");
        let registers = &self.card.registers;
        registers.write_at(doorbell, NV_PGSP_QUEUE_HEAD::DEFAULT)?;
        tracing::debug!(%function, bytes = payload.len(), "command");
        Ok(())
    }

    /// The elements that GSP has taken.
    fn room(&self) -> Result<u32, Cause> {
        let read_ptr = self.shared().load32(COMMANDS.read_ptr);
        let read_ptr = read_ptr.map_err(DmaError::Access)?;
        let read_ptr = check_pointer("GSP's readPtr", read_ptr).map_err(MessageError::Queue)?;
        Ok(free(self.write_ptr, read_ptr))
    }

    fn copy_in(&self, bytes: &[u8]) -> Result<(), PciError> {
        let [first, second] = COMMANDS.runs(self.write_ptr, bytes.len() as u64);
        let (before, after) = bytes.split_at((first.end - first.start) as usize);
        self.shared().write(first.start, before)?;
        self.shared().write(second.start, after)
    }

    /// Takes the next message, waiting `limit` at most; `None` when there is none. One that is
    /// not in order is thrown away with all that follow it, so that the queue is usable again.
    pub(super) fn receive(&mut self, limit: Duration) -> Result<Option<Received>, Cause> {
        let there = wait::until(limit, || {
            let there = self.available()?;
            Ok::<_, Cause>((there > 0).then_some(there))
        });
        let Some(there) = there.inspect_err(|_| self.next_message = None)? else {
            return Ok(None);
        };
        self.check_header()?;
        let taken = self.take(there);
        if taken.is_err() {
            self.next_message = None;
            self.set_read_ptr(advance(self.read_ptr, there))?;
        }
        taken.map(Some)
    }

    /// Elements that GSP has written and that were not read yet.
    fn available(&self) -> Result<u32, Cause> {
        let write_ptr = self.shared().load32(MESSAGES.write_ptr);
        let write_ptr = write_ptr.map_err(DmaError::Access)?;
        let write_ptr = check_pointer("GSP's writePtr", write_ptr).map_err(MessageError::Queue)?;
        Ok(used(write_ptr, self.read_ptr))
    }

    /// GSP writes its queue's header before its first message. Nothing here depends on it, so a
    /// header that is not as it should be is only told of.
    fn check_header(&mut self) -> Result<(), Cause> {
        if !std::mem::replace(&mut self.is_header_checked, true) {
            let mut header = [0; size_of::<MsgqTxHeader>()];
            let read = self.shared().read(STATUS_QUEUE.header, &mut header);
            read.map_err(DmaError::Access)?;
            if let Err(error) = MsgqTxHeader::check(&header) {
                tracing::warn!(%error, "GSP's queue has an unexpected header");
            }
        }
        Ok(())
    }

    /// Copies out and checks the message that starts the `there` elements.
    fn take(&mut self, there: u32) -> Result<Received, Cause> {
        let first = self.copy_out(u64::from(ELEMENT_SIZE))?;
        let Extent { len, elements } = Message::extent_of(&first).map_err(MessageError::Format)?;
        if elements > there {
            return Err(MessageError::CutOff { elements, there }.into());
        }
        let bytes = match elements {
            1 => first,
            _ => self.copy_out(u64::from(len))?,
        };
        // The header was copied twice: what counts is the second copy, and that it agrees.
        let message = Message::decode(&bytes).map_err(MessageError::Format)?;
        let length = size_of_message(&message);
        if length != Some(len) {
            let error = FormatError::Missing("length that stays the same");
            return Err(MessageError::Format(error).into());
        }
        self.check(&message)?;
        let received = Received {
            function: message.function,
            status: NvStatus(message.rpc_result),
            payload: message.payload.to_vec(),
        };
        self.next_message = Some(message.seq_num.wrapping_add(1));
        self.set_read_ptr(advance(self.read_ptr, elements))?;
        tracing::debug!(function = %received.function, bytes = received.payload.len(), "message");
        Ok(received)
    }

    fn check(&self, message: &Message<'_>) -> Result<(), MessageError> {
        let (function, found) = (message.function, message.seq_num);
        if let Some(expected) = self.next_message.filter(|expected| *expected != found) {
            return Err(MessageError::Sequence {
                function,
                expected,
                found,
            });
        }
        if function.name().is_none() {
            return Err(MessageError::UnknownFunction(function));
        }
        Ok(())
    }

    fn copy_out(&self, len: u64) -> Result<Vec<u8>, DmaError> {
        let [first, second] = MESSAGES.runs(self.read_ptr, len);
        let mut bytes = vec![0; len as usize];
        let (before, after) = bytes.split_at_mut((first.end - first.start) as usize);
        let shared = self.shared();
        shared.read(first.start, before).map_err(DmaError::Access)?;
        shared.read(second.start, after).map_err(DmaError::Access)?;
        Ok(bytes)
    }

    fn set_read_ptr(&mut self, read_ptr: u32) -> Result<(), DmaError> {
        self.read_ptr = read_ptr;
        let written = self.shared().store32(MESSAGES.read_ptr, read_ptr);
        written.map_err(DmaError::Access)
    }
}

fn size_of_message(message: &Message<'_>) -> Option<u32> {
    Message::extent(message.payload.len())
        .ok()
        .map(|extent| extent.len)
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
