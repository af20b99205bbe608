// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The plans and the model, against a machine of another make: a list of mappings, and memory by its pages.

use super::{
    machine::Target,
    model::{Random, Step, BUFFER, BUFFERS, PAGE},
    work,
};
use anyhow::{ensure, Result};
use std::{cell::RefCell, rc::Rc};

type Memory = Rc<RefCell<Vec<u8>>>;

/// A mapping: bytes of the space, and what is there.
struct Mapping {
    at: usize,
    len: usize,
    /// None is sparse.
    memory: Option<(Memory, usize)>,
}

/// Mappings in the order in which they were made: the last one counts.
#[derive(Default)]
struct Fake {
    buffers: Vec<Memory>,
    mappings: Vec<Mapping>,
    /// A mistake: what sticks out behind a cut shows the buffer from its beginning.
    forgets_an_offset: bool,
}

impl Fake {
    fn new() -> Self {
        let zeros = |_| Memory::new(RefCell::new(vec![0; BUFFER * PAGE]));
        Self {
            buffers: (0..BUFFERS).map(zeros).collect(),
            ..Self::default()
        }
    }

    fn unmap(&mut self, at: usize, len: usize) {
        let forgets = self.forgets_an_offset;
        let cut = |mapping: Mapping| {
            let stop = mapping.at + mapping.len;
            let memory = |skip: usize| {
                let memory = mapping.memory.as_ref();
                memory.map(|(memory, offset)| (memory.clone(), offset + skip))
            };
            let before = Mapping {
                at: mapping.at,
                len: stop.min(at).saturating_sub(mapping.at),
                memory: memory(0),
            };
            let from = mapping.at.max(at + len);
            let after = Mapping {
                at: from,
                len: stop.saturating_sub(from),
                memory: memory(if forgets { 0 } else { from - mapping.at }),
            };
            [before, after]
        };
        let old = std::mem::take(&mut self.mappings);
        self.mappings = old
            .into_iter()
            .flat_map(cut)
            .filter(|mapping| mapping.len > 0)
            .collect();
    }

    fn find(&self, at: usize) -> Result<Option<(Memory, usize)>> {
        let found = self
            .mappings
            .iter()
            .rev()
            .find(|mapping| (mapping.at..mapping.at + mapping.len).contains(&at));
        ensure!(found.is_some(), "a fault at {at:#x}");
        let memory = found.and_then(|mapping| {
            let (memory, offset) = mapping.memory.as_ref()?;
            Some((memory.clone(), offset + at - mapping.at))
        });
        Ok(memory)
    }

    /// Calls `each` for pieces of a range that lie in one page: where in the range, what is there, and how long.
    fn pieces(
        &self,
        at: usize,
        len: usize,
        mut each: impl FnMut(usize, Option<(Memory, usize)>, usize),
    ) -> Result<()> {
        let mut done = 0;
        while done < len {
            let piece = (len - done).min(PAGE - (at + done) % PAGE);
            each(done, self.find(at + done)?, piece);
            done += piece;
        }
        Ok(())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        self.pieces(at, bytes.len(), |done, found, len| {
            if let Some((memory, offset)) = found {
                memory.borrow_mut()[offset..offset + len].copy_from_slice(&bytes[done..done + len]);
            }
        })
    }
}

impl Target for Fake {
    fn step(&mut self, step: &Step) -> Result<()> {
        match *step {
            Step::Map {
                at,
                pages,
                buffer,
                offset,
            } => {
                self.unmap(at * PAGE, pages * PAGE);
                self.mappings.push(Mapping {
                    at: at * PAGE,
                    len: pages * PAGE,
                    memory: Some((self.buffers[buffer].clone(), offset * PAGE)),
                });
            }
            Step::Sparse { at, pages } => {
                self.unmap(at * PAGE, pages * PAGE);
                self.mappings.push(Mapping {
                    at: at * PAGE,
                    len: pages * PAGE,
                    memory: None,
                });
            }
            Step::Unmap { at, pages } => self.unmap(at * PAGE, pages * PAGE),
            Step::Fill { at, len, word } => self.write(at, &word.to_le_bytes().repeat(len / 4))?,
            Step::Copy { from, to, len } => {
                // Forwards, as an engine may: what is planned must not depend on it.
                for index in (0..len).step_by(64) {
                    let bytes = self.read(from + index, 64.min(len - index))?;
                    self.write(to + index, &bytes)?;
                }
            }
            Step::Replace { buffer } => {
                self.buffers[buffer] = Memory::new(RefCell::new(vec![0; BUFFER * PAGE]));
            }
            Step::Queue | Step::Check { .. } => {}
        }
        Ok(())
    }

    fn read(&mut self, at: usize, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.pieces(at, len, |done, found, len| {
            if let Some((memory, offset)) = found {
                bytes[done..done + len].copy_from_slice(&memory.borrow()[offset..offset + len]);
            }
        })?;
        Ok(bytes)
    }
}

fn steps(fake: &mut Fake, seed: u64, count: u32) -> Result<u64> {
    let mut left = count;
    work(fake, &mut Random(seed), || {
        left -= 1;
        left > 0
    })
}

#[test]
fn what_is_planned_never_faults_and_reads_as_the_model_says() {
    for seed in 0..4 {
        steps(&mut Fake::new(), seed, 200).unwrap();
    }
}

#[test]
fn a_machine_that_loses_an_offset_is_found_out() {
    let mut fake = Fake {
        forgets_an_offset: true,
        ..Fake::new()
    };
    let found = (0..8).any(|seed| {
        fake.mappings.clear();
        fake.buffers = Fake::new().buffers;
        steps(&mut fake, seed, 200).is_err()
    });
    assert!(found);
}
