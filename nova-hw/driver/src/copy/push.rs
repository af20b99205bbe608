// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Methods, as the words of a push buffer.

use nova_spec::{
    ce::{self, LaunchDma, RemapComponents},
    host::{self, MethodHeader, SemExecute, SemOperation},
};

use super::{
    launch::{launches, Launch, Operation},
    Command, FillValue,
};
use crate::device::COPY_CLASS;

/// The subchannel of the copy object. Any below 5 would do; this is the one that it has in
/// NVIDIA's and other drivers.
const SUBCHANNEL: u8 = 4;
/// The subchannel of the host engine's methods: they are the same on all.
const HOST: u8 = 0;
/// The most words of one launch, semaphore or notification: what never is cut in two.
pub(crate) const MAX_WORDS: usize = 16;
/// Values below this fit a header.
const IMMEDIATE: u32 = 1 << 13;

/// What takes words: a buffer, or a count of them.
pub(crate) trait Push {
    /// Takes the words of one launch, semaphore or notification: [`MAX_WORDS`] at most.
    fn push(&mut self, words: &[u32]);

    /// Takes all words of an operation.
    fn operation(&mut self, operation: &Operation) {
        match *operation {
            Operation::Command(Command::Acquire { semaphore, value }) => {
                let execute = SemExecute::DEFAULT
                    .with_operation(SemOperation::ACQ_STRICT_GEQ)
                    .with_acquire_switch_tsg(true);
                self.semaphore(semaphore, value, execute);
            }
            Operation::Command(Command::Release { semaphore, value }) => {
                self.semaphore(semaphore, value, release());
            }
            Operation::Fence { semaphore, value } => {
                self.semaphore(semaphore, value, release().with_release_timestamp(true));
            }
            Operation::SetObject => {
                let mut words = Words::default();
                words.many(SUBCHANNEL, host::method::SET_OBJECT, &[COPY_CLASS.0]);
                self.push(words.as_slice());
            }
            Operation::Notify => {
                let mut words = Words::default();
                words.one(HOST, host::method::WFI, 0);
                words.one(HOST, host::method::NON_STALL_INTERRUPT, 0);
                self.push(words.as_slice());
            }
            Operation::Command(_) | Operation::Scrub { .. } => {
                for launch in launches(operation) {
                    self.launch(&launch);
                }
            }
        }
    }

    /// `SEM_ADDR_LO` to `SEM_EXECUTE` are in a row.
    fn semaphore(&mut self, address: u64, value: u64, execute: SemExecute) {
        let mut words = Words::default();
        let execute = execute.with_payload_size_64bit(true).raw_value();
        let values = [
            address as u32,
            (address >> 32) as u32,
            value as u32,
            (value >> 32) as u32,
            execute,
        ];
        words.many(HOST, host::method::SEM_ADDR_LO, &values);
        self.push(words.as_slice());
    }

    /// `OFFSET_IN_UPPER` to `LINE_COUNT` are in a row, as are those of the remap.
    fn launch(&mut self, it: &Launch) {
        let mut words = Words::default();
        let mut launch = LaunchDma::copy()
            .with_multi_line_enable(it.lines > 1)
            .with_dst_type_physical(it.is_physical);
        if it.is_physical {
            // 0: the card's own memory.
            words.one(SUBCHANNEL, ce::method::SET_DST_PHYS_MODE, 0);
        }
        if let Some(fill) = it.fill {
            let (value, size) = match fill {
                FillValue::U8(value) => (value.into(), 1),
                FillValue::U32(value) => (value, 4),
            };
            // PANIC: there are components of 1 and of 4 bytes.
            let components = RemapComponents::fill(size).expect("a size that there is");
            let values = [value, 0, components.raw_value()];
            words.many(SUBCHANNEL, ce::method::SET_REMAP_CONST_A, &values);
            launch = launch.with_remap_enable(true);
        }
        let values = [
            (it.src >> 32) as u32,
            it.src as u32,
            (it.dst >> 32) as u32,
            it.dst as u32,
            it.src_pitch,
            it.dst_pitch,
            it.line,
            it.lines,
        ];
        words.many(SUBCHANNEL, ce::method::OFFSET_IN_UPPER, &values);
        words.one(SUBCHANNEL, ce::method::LAUNCH_DMA, launch.raw_value());
        self.push(words.as_slice());
    }
}

fn release() -> SemExecute {
    SemExecute::DEFAULT
        .with_operation(SemOperation::RELEASE)
        .with_release_wfi(true)
}

/// The words of one launch, semaphore or notification.
#[derive(Default)]
struct Words {
    words: [u32; MAX_WORDS],
    len: usize,
}

impl Words {
    fn one(&mut self, subchannel: u8, method: u32, value: u32) {
        match MethodHeader::immediate(subchannel, method, value) {
            Some(header) if value < IMMEDIATE => self.put(header.raw_value()),
            _ => self.many(subchannel, method, &[value]),
        }
    }

    fn many(&mut self, subchannel: u8, method: u32, values: &[u32]) {
        let header = MethodHeader::incrementing(subchannel, method, values.len() as u32);
        // PANIC: methods and counts are those above.
        self.put(header.expect("a method's header").raw_value());
        for &value in values {
            self.put(value);
        }
    }

    fn put(&mut self, word: u32) {
        // PANIC: the longest sequence above has MAX_WORDS words; tests have them all.
        self.words[self.len] = word;
        self.len += 1;
    }

    fn as_slice(&self) -> &[u32] {
        &self.words[..self.len]
    }
}
