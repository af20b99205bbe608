// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Random copies, against what a plain loop over bytes makes of them.

use std::cell::RefCell;

use nova_spec::{
    ce::{method, LaunchDma, RemapComponents},
    gmmu::{BIG_PAGE, HUGE_PAGE, SMALL_PAGE},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::rig::*;

const MEMORY: u64 = 2 << 38;
const SEMAPHORE: u64 = 0xf0 << 32;
/// Bytes that copies may touch: six huge pages.
const LEN: u64 = 6 * HUGE_PAGE;

/// A copy: without lines a fill of components of that many bytes.
#[derive(Clone, Debug)]
struct Random {
    from: u64,
    to: u64,
    pitches: [u32; 2],
    line: u32,
    lines: u32,
    fill: Option<u8>,
}

fn copies() -> impl Strategy<Value = Random> {
    let small = (1..300u32, 1..40u32);
    let long = (1..400_000u32, 1..3u32);
    let shape = prop_oneof![small, long];
    let fill = prop_oneof![3 => Just(None), 1 => (1..=4u8).prop_map(Some)];
    (0..LEN, 0..LEN, 0..5000u32, 0..5000u32, shape, fill).prop_map(
        |(from, to, pitch_in, pitch_out, (line, lines), fill)| {
            // All of it inside: the size counts four times for a fill.
            let most = |pitch: u32| u64::from(pitch) * u64::from(lines) + 4 * u64::from(line);
            Random {
                from: from.min(LEN - most(pitch_in)),
                to: to.min(LEN - most(pitch_out)),
                pitches: [pitch_in, pitch_out],
                line,
                lines,
                fill,
            }
        },
    )
}

impl Random {
    fn words(&self) -> Vec<u32> {
        let mut mode = LaunchDma::copy().with_multi_line_enable(true);
        let mut words = Vec::new();
        if let Some(size) = self.fill {
            let components = RemapComponents::fill(size).unwrap();
            let values = [0x0403_0201, 0, components.raw_value()];
            words.extend(methods(OBJECT, method::SET_REMAP_CONST_A, &values));
            mode = mode.with_remap_enable(true);
        }
        let (from, to) = (MEMORY + self.from, MEMORY + self.to);
        words.extend(geometry(from, to, self.pitches, self.line, self.lines));
        words.extend(launch(mode));
        words
    }

    /// Bytes of a line.
    fn bytes(&self) -> usize {
        self.line as usize * usize::from(self.fill.unwrap_or(1))
    }

    fn apply(&self, memory: &mut [u8]) {
        for line in 0..self.lines as usize {
            let from = self.from as usize + line * self.pitches[0] as usize;
            let to = self.to as usize + line * self.pitches[1] as usize;
            match self.fill {
                None => memory.copy_within(from..from + self.bytes(), to),
                Some(size) => {
                    for (index, byte) in memory[to..to + self.bytes()].iter_mut().enumerate() {
                        *byte = 1 + (index % usize::from(size)) as u8;
                    }
                }
            }
        }
    }

    /// Whether a line reads what an earlier line wrote, or itself: the order of bytes is then
    /// the engine's choice.
    fn overlaps(&self) -> bool {
        let end = |start: u64, pitch: u32| {
            let lines = u64::from(pitch) * u64::from(self.lines.saturating_sub(1));
            start + lines + self.bytes() as u64
        };
        let (from, to) = (self.from, self.to);
        let apart = end(from, self.pitches[0]) <= to || end(to, self.pitches[1]) <= from;
        self.fill.is_none() && !apart
    }
}

/// Six huge pages of addresses: two of them whole, one in big and one in small pages in a row
/// and two in pieces, in both memories.
fn mixed() -> (Rig, Channel, u64, Vec<(Map, u64, u64)>) {
    let mut rig = Rig::new();
    let mut pieces = Vec::new();
    let sizes = [
        HUGE_PAGE, BIG_PAGE, SMALL_PAGE, HUGE_PAGE, BIG_PAGE, SMALL_PAGE,
    ];
    for (index, page) in (0..).zip(sizes) {
        let scattered = index >= 3;
        let pages = HUGE_PAGE / page;
        let vram = rig.vram(HUGE_PAGE, HUGE_PAGE);
        let system = rig.system(HUGE_PAGE, HUGE_PAGE);
        for at in 0..pages {
            let in_system = if scattered { at % 3 == 0 } else { index == 1 };
            let place = if scattered { pages - 1 - at } else { at };
            let (map, base) = if in_system {
                (SYS, system)
            } else {
                (VRAM, vram)
            };
            let map = Map { page, ..map };
            let physical = base + place * page;
            rig.map(MEMORY + index * HUGE_PAGE + at * page, physical, page, map);
            pieces.push((map, physical, page));
        }
    }
    let semaphore = rig.vram(4096, 4096);
    rig.map(SEMAPHORE, semaphore, 4096, VRAM);
    let channel = rig.channel(1);
    (rig, channel, semaphore, pieces)
}

#[test]
fn random_copies_over_mixed_pages() {
    let (mut rig, mut channel, semaphore, pieces) = mixed();
    let mut memory = noise(1, LEN);
    let mut rest = &memory[..];
    for (map, physical, len) in &pieces {
        let (part, after) = rest.split_at(*len as usize);
        rig.set_bytes(*map, *physical, part);
        rest = after;
    }
    rig.submit(&mut channel, &set_object());
    let mut count = 0;
    let mut push = 0;
    let state = RefCell::new((&mut rig, &mut channel, &mut memory));
    let config = Config {
        cases: 60,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let counter = RefCell::new((&mut count, &mut push));
    let run = TestRunner::new(config).run(&proptest::collection::vec(copies(), 1..6), |batch| {
        let (rig, channel, memory) = &mut *state.borrow_mut();
        let (count, _) = &mut *counter.borrow_mut();
        let batch: Vec<_> = batch.into_iter().filter(|copy| !copy.overlaps()).collect();
        let mut words: Vec<u32> = batch.iter().flat_map(Random::words).collect();
        **count += 1;
        words.extend(release(SEMAPHORE, **count));
        rig.submit(channel, &words);
        rig.wait("the batch", |rig| {
            rig.get64(semaphore) == u64::from(**count)
        });
        for copy in &batch {
            copy.apply(memory);
        }
        let mut rest = &memory[..];
        for (map, physical, len) in &pieces {
            let (part, after) = rest.split_at(*len as usize);
            prop_assert!(rig.bytes(*map, *physical, *len) == part, "{batch:?}");
            rest = after;
        }
        Ok(())
    });
    run.unwrap();
}
