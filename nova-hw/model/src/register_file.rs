// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Access to a declared register file: one table says which registers there are, one helper
//! ([`parts`]) does partial, split and read-modify-write access for all of them.

use std::{collections::HashSet, ops::Range};

use nova_spec::register::{Access, FixedRegister, Location, Register};

/// Offsets that are remembered as logged. Past it nothing more is logged, so that a peer that
/// walks 16 MiB fills neither the memory nor the log.
const MAX_LOGGED: usize = 1024;

/// Registers that are declared together: one, or an array of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Bytes from the start of the BAR; a multiple of 4.
    pub(crate) start: u32,
    /// Bytes; a multiple of 4.
    pub(crate) len: u32,
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    /// Content of each register at power-on.
    pub(crate) reset: u32,
}

/// What a write to a register of the table was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The bytes written; those that were not are 0.
    pub(crate) bits: u32,
    /// Ones in the bytes that were written.
    pub(crate) mask: u32,
}

/// The part of an access that falls into one register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Offset of the register; a multiple of 4.
    pub(crate) register: u64,
    /// The bytes of the register, within 0..4.
    pub(crate) lanes: Range<usize>,
    /// The bytes of the access's buffer; as many.
    pub(crate) buffer: Range<usize>,
}

impl Part {
    /// The bytes of `data`, the access's buffer, that this part writes.
    pub(crate) fn written(&self, data: &[u8]) -> Written {
        let (mut bytes, mut enables) = ([0; 4], [0; 4]);
        bytes[self.lanes.clone()].copy_from_slice(&data[self.buffer.clone()]);
        enables[self.lanes.clone()].fill(0xff);
        Written {
            bits: u32::from_le_bytes(bytes),
            mask: u32::from_le_bytes(enables),
        }
    }

    /// Puts the bytes of `value` that this part reads into `data`, the access's buffer.
    pub(crate) fn put(&self, value: u32, data: &mut [u8]) {
        data[self.buffer.clone()].copy_from_slice(&value.to_le_bytes()[self.lanes.clone()]);
    }
}

/// Splits an access into its registers, in ascending order. `offset + len` must not overflow.
pub(crate) fn parts(offset: u64, len: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let first = (at % 4) as usize;
        let count = (4 - first).min(len - done);
        let buffer = done..done + count;
        done += count;
        Some(Part {
            register: at - first as u64,
            lanes: first..first + count,
            buffer,
        })
    })
}

/// The registers of one BAR and their content.
///
/// # Invariants
/// `entries` is sorted, does not overlap, and has whole registers; `values` has the registers
/// of each entry in turn, its first at `firsts`.
#[derive(Debug)]
pub(crate) struct RegisterFile {
    entries: Vec<Entry>,
    firsts: Vec<usize>,
    values: Vec<u32>,
    logged: HashSet<u64>,
}

impl RegisterFile {
    /// A register file at power-on. The table is the program's own, so a wrong one is a slip:
    /// `table_is_sound` in the tests of each table finds it.
    pub(crate) fn new(mut entries: Vec<Entry>) -> Self {
        // INVARIANT: sorted here; the rest is the table's, checked by its test.
        entries.sort_by_key(|entry| entry.start);
        let (mut firsts, mut values) = (Vec::new(), Vec::new());
        for entry in &entries {
            firsts.push(values.len());
            values.extend((0..entry.len / 4).map(|_| entry.reset));
        }
        Self {
            entries,
            firsts,
            values,
            logged: HashSet::new(),
        }
    }

    /// Back to the state at power-on.
    pub(crate) fn reset(&mut self) {
        let resets = self
            .entries
            .iter()
            .flat_map(|entry| (0..entry.len / 4).map(|_| entry.reset));
        self.values = resets.collect();
    }

    /// Back to the state at power-on, for the registers in a part of the BAR.
    pub(crate) fn reset_range(&mut self, range: Range<u32>) {
        for (entry, first) in self.entries.iter().zip(&self.firsts) {
            if range.contains(&entry.start) {
                let values = *first..*first + (entry.len / 4) as usize;
                self.values[values].fill(entry.reset);
            }
        }
    }

    /// The content of a register of the table; 0 for one that is not in it.
    pub(crate) fn get<R: FixedRegister>(&self) -> R {
        self.at(R::LOCATION)
    }

    /// As [`Self::get`], for any kind of register.
    pub(crate) fn at<R: Register>(&self, location: Location<R>) -> R {
        R::from_raw(self.value(location.offset()))
    }

    /// Whether there is a register at `offset`.
    pub(crate) fn has(&self, offset: u32) -> bool {
        self.find(u64::from(offset)).is_some()
    }

    /// As [`Self::get`], by offset.
    pub(crate) fn value(&self, offset: u32) -> u32 {
        self.find(u64::from(offset))
            .map_or(0, |(_, index)| self.values[index])
    }

    /// Changes a register as the hardware does, whatever software may.
    pub(crate) fn set<R: Register>(&mut self, location: Location<R>, register: R) {
        self.set_value(location.offset(), register.into_raw());
    }

    /// As [`Self::set`], by offset; nothing where there is no register.
    pub(crate) fn set_value(&mut self, offset: u32, value: u32) {
        if let Some((_, index)) = self.find(u64::from(offset)) {
            self.values[index] = value;
        }
    }

    /// Reads the register at `offset`, a multiple of 4. An undefined one is 0.
    pub(crate) fn read(&mut self, offset: u64) -> u32 {
        match self.find(offset) {
            Some((entry, _)) if entry.access == Access::WriteOnly => 0,
            Some((_, index)) => self.values[index],
            None => {
                self.log_once(offset, "read of an undefined register");
                0
            }
        }
    }

    /// Writes bytes of the register at `offset`, a multiple of 4, with the effect that its
    /// access has; the bytes that are not written keep their content. False when there is no
    /// register, or it is read-only.
    pub(crate) fn write(&mut self, offset: u64, written: Written) -> bool {
        let Some((entry, index)) = self.find(offset) else {
            self.log_once(offset, "write to an undefined register");
            return false;
        };
        let access = entry.access;
        let value = &mut self.values[index];
        match access {
            Access::ReadOnly => {
                self.log_once(offset, "write to a read-only register");
                return false;
            }
            Access::ReadWrite | Access::WriteOnly => {
                *value = *value & !written.mask | written.bits;
            }
            Access::WriteOneToSet => *value |= written.bits,
            Access::WriteOneToClear => *value &= !written.bits,
        }
        true
    }

    fn find(&self, register: u64) -> Option<(&Entry, usize)> {
        let after = self
            .entries
            .partition_point(|entry| u64::from(entry.start) <= register);
        let at = after.checked_sub(1)?;
        let entry = &self.entries[at];
        let within = register - u64::from(entry.start);
        (within < u64::from(entry.len)).then(|| (entry, self.firsts[at] + (within / 4) as usize))
    }

    /// Tells the developer of a driver, not a user: a driver may poke where there is nothing.
    fn log_once(&mut self, register: u64, what: &'static str) {
        if self.logged.len() < MAX_LOGGED && self.logged.insert(register) {
            let name = self.find(register).map(|(entry, _)| entry.name);
            tracing::debug!(register = format_args!("{register:#08x}"), name, "{what}");
            if self.logged.len() == MAX_LOGGED {
                tracing::debug!("no more of these are logged");
            }
        }
    }
}

/// Panics when `entries` breaks the invariants of a register file of `size` bytes.
#[cfg(test)]
pub(crate) fn table_is_sound(entries: &[Entry], size: u64) {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| entry.start);
    for entry in &entries {
        assert!(
            entry.start % 4 == 0 && entry.len % 4 == 0 && entry.len > 0,
            "{entry:?}"
        );
        assert!(
            u64::from(entry.start) + u64::from(entry.len) <= size,
            "{entry:?}"
        );
    }
    for pair in entries.windows(2) {
        assert!(pair[0].start + pair[0].len <= pair[1].start, "{pair:?}");
    }
}

#[cfg(test)]
#[path = "register_file_tests.rs"]
mod tests;
