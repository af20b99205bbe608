// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Copies and fills in many sizes and alignments, verified byte by byte; bandwidth and latency.

use anyhow::{ensure, Context, Result};
use kernel_abi::virtio_nova::pattern_word;
use nova_guest::{copy::Copies, AddressSpace, Buffer, Domain, Gpu, Mapping, Queue, SyncObj};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// What a program waits for work at most.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Bytes of the push buffer.
const PUSHES: u64 = 1 << 16;
/// Sizes that are copied, in bytes.
const SIZES: [usize; 14] = [
    1,
    2,
    3,
    4,
    63,
    64,
    65,
    4095,
    4096,
    4097,
    65_535,
    65_536,
    65_541,
    (1 << 20) + 5,
];
/// Alignments of source, video memory and destination.
const ALIGNMENTS: [[usize; 3]; 4] = [[0, 0, 0], [1, 0, 3], [0, 7, 0], [4095, 4090, 61]];
/// Room for the longest copy at the last alignment.
const ROOM: u64 = 2 << 20;

/// A GPU that is ready to copy: an address space with a push buffer, and a queue.
pub struct Copier {
    /// The GPU.
    pub gpu: Gpu,
    /// The address space; the push buffer is at its beginning.
    pub vm: Arc<AddressSpace>,
    /// The queue.
    pub queue: Queue,
    class: u32,
    base: u64,
    pushes: Mapping,
    done: SyncObj,
}

impl Copier {
    /// Opens the GPU.
    pub fn open() -> Result<Self> {
        let gpu = Gpu::open().context("no render node of nova-drm")?;
        let info = gpu.info()?;
        ensure!(
            gpu.takes_work()?,
            "the device takes no work: the host offers none"
        );
        let vm = gpu.address_space().context("VM_CREATE")?;
        let queue = vm.queue(Default::default()).context("QUEUE_CREATE")?;
        let pushes = Buffer::new(&gpu, PUSHES, Domain::System)?;
        vm.map(&pushes, info.va_start, 0, PUSHES)
            .context("VM_BIND")?;
        Ok(Self {
            class: info.copy_class,
            base: info.va_start,
            // The mapping keeps the buffer.
            pushes: pushes.map()?,
            done: SyncObj::new(&gpu)?,
            gpu,
            vm,
            queue,
        })
    }

    /// The first address behind the push buffer, well aligned.
    pub fn free(&self) -> u64 {
        self.base + (2 << 20)
    }

    /// Makes a buffer and maps it.
    pub fn buffer(&self, size: u64, domain: Domain, va: u64) -> Result<Buffer> {
        let buffer = Buffer::new(&self.gpu, size, domain)?;
        self.vm.map(&buffer, va, 0, buffer.size())?;
        Ok(buffer)
    }

    /// Has the GPU do what `plan` says, and waits for it.
    pub fn run(&self, plan: impl FnOnce(&mut Copies) -> io::Result<()>) -> Result<()> {
        let mut copies = Copies::new(self.class);
        plan(&mut copies)?;
        ensure!(
            copies.bytes().len() as u64 <= PUSHES,
            "a push buffer too long"
        );
        self.pushes.write(0, copies.bytes());
        let push = copies.push(self.base);
        let signals = [self.done.signal()];
        self.queue.submit(&[push], &[], &signals).context("EXEC")?;
        self.done.wait(LIMIT).context("waiting for a copy")
    }
}

/// `len` bytes of a pattern.
fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let words = (0..len.div_ceil(8) as u64).flat_map(|index| pattern_word(seed, index));
    words.take(len).collect()
}

/// The first byte that is not as expected.
fn compare(found: &[u8], expected: &[u8], what: &str) -> Result<()> {
    let differs = found
        .iter()
        .zip(expected)
        .position(|(found, expected)| found != expected);
    if let Some(at) = differs {
        anyhow::bail!(
            "{what}: byte {at} is {:#04x} and not {:#04x}",
            found[at],
            expected[at]
        );
    }
    Ok(())
}

/// Three buffers: a source, video memory, a destination.
struct Three {
    at: [u64; 3],
    from: Mapping,
    to: Mapping,
    _buffers: [Buffer; 3],
}

impl Three {
    fn new(copier: &Copier, size: u64) -> Result<Self> {
        let at = [0, 1, 2].map(|index| copier.free() + index * size.next_multiple_of(2 << 20));
        let from = copier.buffer(size, Domain::System, at[0])?;
        let vram = copier.buffer(size, Domain::Vram, at[1])?;
        let to = copier.buffer(size, Domain::System, at[2])?;
        Ok(Self {
            at,
            from: from.map()?,
            to: to.map()?,
            _buffers: [from, vram, to],
        })
    }
}

/// Copies through video memory and back, in all sizes and alignments; returns how many.
fn copies(copier: &Copier) -> Result<usize> {
    let three = Three::new(copier, ROOM)?;
    let mut count = 0;
    for (index, len) in SIZES.into_iter().enumerate() {
        for offsets in ALIGNMENTS {
            let what = format!("{len} bytes at {offsets:?}");
            let bytes = pattern(index as u64 + 1, len);
            three.from.write(offsets[0], &bytes);
            three.to.write(0, &vec![0xee; ROOM as usize]);
            let [from, vram, to] = [0, 1, 2].map(|at| three.at[at] + offsets[at] as u64);
            copier.run(|copies| {
                copies.copy(from, vram, len as u64)?;
                copies.copy(vram, to, len as u64)
            })?;
            let mut expected = vec![0xee; ROOM as usize];
            expected[offsets[2]..offsets[2] + len].copy_from_slice(&bytes);
            let mut found = vec![0; ROOM as usize];
            three.to.read(0, &mut found);
            compare(&found, &expected, &what)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Fills video memory and copies it out; returns how often.
fn fills(copier: &Copier) -> Result<usize> {
    let three = Three::new(copier, ROOM)?;
    let mut count = 0;
    for (index, len) in SIZES.into_iter().filter(|len| len % 4 == 0).enumerate() {
        let word = 0x9e37_79b9u32.wrapping_mul(index as u32 + 1);
        copier.run(|copies| {
            copies.fill(three.at[1], !word, ROOM)?;
            copies.fill(three.at[1] + 64, word, len as u64)?;
            copies.copy(three.at[1], three.at[2], ROOM)
        })?;
        let mut expected: Vec<u8> = (!word).to_le_bytes().repeat(ROOM as usize / 4);
        expected[64..64 + len].copy_from_slice(&word.to_le_bytes().repeat(len / 4));
        let mut found = vec![0; ROOM as usize];
        three.to.read(0, &mut found);
        compare(&found, &expected, &format!("a fill of {len} bytes"))?;
        count += 1;
    }
    Ok(count)
}

/// MiB a second of each direction, and of memcpy.
fn bandwidth(copier: &Copier, len: u64) -> Result<()> {
    let three = Three::new(copier, len)?;
    let bytes = pattern(77, len as usize);
    let mut other = vec![0; bytes.len()];
    let start = Instant::now();
    other.copy_from_slice(std::hint::black_box(&bytes));
    rate("memcpy", len, start.elapsed());
    std::hint::black_box(&other);
    three.from.write(0, &bytes);
    let [from, vram, to] = three.at;
    for (name, from, to) in [
        ("system to VRAM", from, vram),
        ("VRAM to system", vram, to),
        ("system to system", from, to),
    ] {
        let start = Instant::now();
        copier.run(|copies| copies.copy(from, to, len))?;
        rate(name, len, start.elapsed());
    }
    three.to.read(0, &mut other);
    compare(&other, &bytes, "the copy that was measured")
}

fn rate(name: &str, len: u64, took: Duration) {
    let mib = (len >> 20) as f64 / took.as_secs_f64().max(1e-9);
    println!("{name}: {} MiB in {took:.1?}, {mib:.0} MiB/s", len >> 20);
}

/// From the call until the program goes on.
fn latency(copier: &Copier, rounds: usize) -> Result<()> {
    let three = Three::new(copier, 4096)?;
    let mut took = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        copier.run(|copies| copies.copy(three.at[0], three.at[2], 4))?;
        took.push(start.elapsed());
    }
    took.sort();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!(
        "4 bytes, {rounds} times: p50 {:.1?}, p99 {:.1?}",
        at(50),
        at(99)
    );
    Ok(())
}

/// Everything that `nova-copy` does. `len` is a multiple of 1 MiB.
pub fn run(len: u64, rounds: usize) -> Result<()> {
    let copier = Copier::open()?;
    println!(
        "{} copies through video memory: every byte is right",
        copies(&copier)?
    );
    println!(
        "{} fills of video memory: every byte is right",
        fills(&copier)?
    );
    if len > 0 {
        bandwidth(&copier, len)?;
    }
    if rounds > 0 {
        latency(&copier, rounds)?;
    }
    Ok(())
}
