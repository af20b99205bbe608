// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Access to a declared register file: one table says which registers there are, one helper
//! ([`parts`]) does partial, split and read-modify-write access for all of them.

use std::{collections::HashSet, ops::Range};

use nova_spec::register::{Access, FixedRegister};

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

impl Entry {
    /// The entry of a single register.
    pub(crate) fn of<R: FixedRegister>(reset: R) -> Self {
        Self {
            start: R::OFFSET,
            len: 4,
            name: R::NAME,
            access: R::ACCESS,
            reset: reset.into_raw(),
        }
    }
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

    /// The content of a register of the table; 0 for one that is not in it.
    pub(crate) fn get<R: FixedRegister>(&self) -> R {
        let value = self
            .find(u64::from(R::OFFSET))
            .map(|(_, index)| self.values[index]);
        R::from_raw(value.unwrap_or(0))
    }

    /// Reads bytes; those of undefined registers are 0.
    pub(crate) fn read(&mut self, offset: u64, data: &mut [u8]) {
        for part in parts(offset, data.len()) {
            let value = match self.find(part.register) {
                Some((entry, _)) if entry.access == Access::WriteOnly => 0,
                Some((_, index)) => self.values[index],
                None => {
                    self.log_once(part.register, "read of an undefined register");
                    0
                }
            };
            data[part.buffer].copy_from_slice(&value.to_le_bytes()[part.lanes]);
        }
    }

    /// Writes bytes, with the effect that each register's access has; the bytes of a register
    /// that are not written keep their content.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        for part in parts(offset, data.len()) {
            let Some((entry, index)) = self.find(part.register) else {
                self.log_once(part.register, "write to an undefined register");
                continue;
            };
            let access = entry.access;
            let (mut bytes, mut enables) = ([0; 4], [0; 4]);
            bytes[part.lanes.clone()].copy_from_slice(&data[part.buffer]);
            enables[part.lanes].fill(0xff);
            let (written, mask) = (u32::from_le_bytes(bytes), u32::from_le_bytes(enables));
            let value = &mut self.values[index];
            match access {
                Access::ReadOnly => self.log_once(part.register, "write to a read-only register"),
                Access::ReadWrite | Access::WriteOnly => *value = *value & !mask | written,
                Access::WriteOneToSet => *value |= written,
                Access::WriteOneToClear => *value &= !written,
            }
        }
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
