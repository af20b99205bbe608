// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What work costs, on a model in this process: `cargo bench -p nova-driver --bench work`.
//!
//! | row | what |
//! |---|---|
//! | submit | one small copy through [`CopyQueue::submit`](nova_driver::CopyQueue::submit), beside the writes that it can not do without: ring, `GP_PUT`, doorbell. The doorbell leads nowhere, so that the model's own time is in neither |
//! | copy | 64 MiB by the model's copy engine, from the submission to the fence, beside a memcpy of as much. Blocks of all rows take turns |
//! | wait | a fence that is there soon, from the submission until who waits runs |
//! | idle | CPU time of driver and model in a second without work |

#[path = "../tests/common/work.rs"]
mod work;
#[path = "../tests/common/wrap.rs"]
mod wrap;

use std::{
    hint::black_box,
    sync::atomic::Ordering::SeqCst,
    thread,
    time::{Duration, Instant},
};

use nova_driver::mem::PageSize;
use nova_pci::{Bar, BarIndex, DmaMemory, Pci};
use rustix::time::{clock_gettime, ClockId};
use work::{copy, open, Tenant};
use wrap::Wrap;

const ROUNDS: usize = 25;
/// Submissions of a block: fewer than the ring has entries.
const BLOCK: u32 = 400;
const LEN: u64 = 64 << 20;
const SMALL: u64 = 0x100_0000;
const SOURCE: u64 = 0x1_0000_0000;
const TARGET: u64 = 0x2_0000_0000;
const VIDEO: u64 = 0x3_0000_0000;
/// `NV_VIRTUAL_FUNCTION_DOORBELL`.
const DOORBELL: u64 = 0xbb_0090;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let pci = Wrap::new(work::builder().vram(512 << 20).build()?);
    let device = open(pci.clone());
    let tenant = Tenant::new(&device, "bench");
    submit(&pci, &tenant)?;
    copies(&tenant)?;
    waits(&tenant)?;
    idle();
    drop(tenant);
    device.close().unload()?;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn submit<P: Pci + 'static>(pci: &Wrap<P>, tenant: &Tenant<Wrap<P>>) -> Result<(), Error> {
    let _memory = tenant.system(SMALL, 8192);
    let command = [copy(SMALL, SMALL + 4096, 64)];
    let bar = pci.bar(BarIndex::Bar0)?;
    let (ring, userd) = (DmaMemory::new(8192)?, DmaMemory::new(4096)?);
    let (mut submits, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pci.switches.is_deaf.store(true, SeqCst);
        let start = Instant::now();
        for _ in 0..BLOCK {
            black_box(tenant.queue.submit(&command)?);
        }
        submits.push(start.elapsed() / BLOCK);
        let start = Instant::now();
        for put in 0..BLOCK {
            ring.store64(u64::from(put) * 8, black_box(1 << 42))?;
            userd.store32(0x8c, put)?;
            bar.write32(DOORBELL, black_box(1))?;
        }
        alone.push(start.elapsed() / BLOCK);
        pci.switches.is_deaf.store(false, SeqCst);
        tenant.run(&[]);
    }
    let (submit, alone) = (median(submits), median(alone));
    println!("submitting one small copy; medians of {ROUNDS} blocks of {BLOCK}");
    println!("| submit | ring and doorbell alone | beyond them |");
    println!("|---|---|---|");
    println!(
        "| {submit:.0?} | {alone:.0?} | {:.0?} |\n",
        submit.saturating_sub(alone)
    );
    Ok(())
}

fn copies<P: Pci + 'static>(tenant: &Tenant<P>) -> Result<(), Error> {
    let source = tenant.system(SOURCE, LEN);
    let target = tenant.system(TARGET, LEN);
    let _video = tenant.video(VIDEO, LEN, PageSize::Huge);
    source.memory().write(0, &vec![1; LEN as usize])?;
    target.memory().write(0, &vec![2; LEN as usize])?;
    let (from, mut to) = (vec![3u8; LEN as usize], vec![4u8; LEN as usize]);
    let rows = [
        ("system to system", SOURCE, TARGET),
        ("system to VRAM", SOURCE, VIDEO),
        ("VRAM to system", VIDEO, TARGET),
    ];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut memcpy = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        to.copy_from_slice(black_box(&from));
        black_box(&to);
        memcpy.push(start.elapsed());
        for ((_, src, dst), times) in rows.iter().zip(&mut times) {
            let start = Instant::now();
            tenant.run(&[copy(*src, *dst, LEN)]);
            times.push(start.elapsed());
        }
    }
    let base = median(memcpy).as_secs_f64();
    println!("copying 64 MiB; medians of {ROUNDS}");
    println!("| what | GiB/s | of memcpy |");
    println!("|---|---|---|");
    println!(
        "| memcpy | {:.2} | 1.00 |",
        LEN as f64 / base / 1e9 / 1.073_741_824
    );
    for ((name, ..), times) in rows.iter().zip(times) {
        let time = median(times).as_secs_f64();
        let rate = LEN as f64 / time / 1e9 / 1.073_741_824;
        println!("| {name} | {rate:.2} | {:.2} |", base / time);
    }
    println!();
    Ok(())
}

fn waits<P: Pci + 'static>(tenant: &Tenant<P>) -> Result<(), Error> {
    let mut times = Vec::new();
    for _ in 0..1000 {
        let start = Instant::now();
        let fence = tenant.queue.submit(&[copy(SMALL, SMALL + 4096, 64)])?;
        fence.wait(work::LONG)?;
        times.push(start.elapsed());
    }
    println!(
        "one small copy, submitted and waited for: {:.1?}",
        median(times)
    );
    Ok(())
}

fn idle() {
    let cpu = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let before = cpu();
    thread::sleep(Duration::from_secs(1));
    let used = cpu().saturating_sub(before);
    println!("CPU time of driver and model in an idle second: {used:.1?}");
}
