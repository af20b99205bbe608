// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Measures the daemon through a real vhost-user connection and virtqueues.
//!
//! | row | what |
//! |---|---|
//! | ping-pong | two threads and two eventfds on one CPU: what two context switches cost here |
//! | control | one request in flight, from before the kick until the call has been read; GEM_CREATE and GEM_CLOSE in turn. The driver kicks when the device asks for it (RING_EVENT_IDX), as a guest's does |
//! | idle | the same with idle tenants connected beside it |
//! | every kick | the driver kicks for each request, whether the device asks or not |
//! | two CPUs | ping-pong and control with each end on its own CPU |
//! | vfio-user | a register of the GPU model in another process, beside a socket ping-pong with messages of the same sizes, on one CPU |
//! | peers | other vhost-user devices that are running already, RESOURCE_CREATE_2D and UNREF in turn |
//!
//! All rows of one table come from one run, in blocks that take turns, so that what else happens
//! on the machine hits all of them.

mod attach;
mod daemon;
mod peer;
mod pin;
mod ping_pong;
mod registers;
mod report;
mod target;

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use clap::Parser;

use crate::daemon::Daemon;
use crate::ping_pong::PingPong;
use crate::report::{Report, Row};
use crate::target::{Kick, Target};

/// Measures the daemon: control round trip, attach time, memory.
#[derive(Debug, Parser)]
struct Args {
    /// The daemon's program; by default `vhost-nova` beside this one.
    #[arg(long)]
    daemon: Option<PathBuf>,
    /// The GPU model's program; by default `nova-model` beside this one.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Round trips in each row.
    #[arg(long, default_value_t = 100_000)]
    samples: usize,
    /// Blocks that these are divided into.
    #[arg(long, default_value_t = 50)]
    blocks: usize,
    /// Idle tenants beside the one that is measured.
    #[arg(long, default_value_t = 32)]
    idle: usize,
    /// The CPU that both ends are pinned to.
    #[arg(long, default_value_t = 0)]
    cpu: usize,
    /// A virtio-gpu vhost-user device that is running already, as NAME=SOCKET.
    #[arg(long = "peer", value_name = "NAME=SOCKET")]
    peers: Vec<String>,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.blocks == 0 || args.samples < args.blocks {
        bail!("at least one sample a block is needed");
    }
    let beside = |given: &Option<PathBuf>, name: &str| match given {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map(|this| this.with_file_name(name)),
    };
    let program = beside(&args.daemon, "vhost-nova")?;
    let model = beside(&args.model, "nova-model")?;
    let report = measure(&args, &program, &model)?;
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

fn measure(args: &Args, program: &Path, model: &Path) -> Result<Report> {
    // Children and threads inherit it.
    pin::this_thread(args.cpu)?;
    let alone = Daemon::start(program, 1)?;
    let crowded = Daemon::start(program, args.idle + 1)?;
    let (idle, attach, rss) = attach::idle_tenants(&crowded, args.idle)?;
    let mut ping_pong = PingPong::start(args.cpu, args.cpu)?;
    let mut targets = vec![
        Target::nova("control", &alone.socket(0))?,
        Target::nova(
            format!("control, {} idle tenants", args.idle),
            &crowded.socket(args.idle),
        )?,
    ];
    for peer in &args.peers {
        let (name, socket) = peer.split_once('=').context("--peer is NAME=SOCKET")?;
        targets.push(peer::connect(name, socket.as_ref(), args.cpu)?);
    }
    let rows = interleave(args, &mut ping_pong, &mut targets, &Kick::ALL)?;
    drop((idle, targets, ping_pong));
    let two_cpus = two_cpus(args, &alone)?;
    let registers = registers::measure(model, args.cpu, args.samples, args.blocks);
    let registers = registers.context("measuring registers over vfio-user")?;
    Ok(Report {
        rows,
        two_cpus,
        registers,
        attach,
        rss,
    })
}

/// Ping-pong and all targets, each with these kinds of kicks, block by block.
fn interleave(
    args: &Args,
    ping_pong: &mut PingPong,
    targets: &mut [Target],
    kicks: &[Kick],
) -> Result<Vec<Row>> {
    let block = args.samples / args.blocks;
    let mut floor = Row::new("eventfd ping-pong");
    let mut rows: Vec<_> = kicks
        .iter()
        .flat_map(|&kick| (0..targets.len()).map(move |target| (kick, target)))
        .map(|(kick, target)| {
            let name = format!("{}{}", targets[target].name, kick.suffix());
            (kick, target, Row::new(name))
        })
        .collect();
    // The first block warms up and is not counted.
    for number in 0..=args.blocks {
        for _ in 0..block {
            let time = ping_pong.round_trip()?;
            if number > 0 {
                floor.add(time);
            }
        }
        for (kick, target, row) in &mut rows {
            for _ in 0..block {
                let time = targets[*target].round_trip(*kick)?;
                if number > 0 {
                    row.add(time);
                }
            }
        }
    }
    let rows = rows.into_iter().map(|(_, _, row)| row);
    Ok(std::iter::once(floor).chain(rows).collect())
}

/// The same with the far end on another CPU, when there is one.
fn two_cpus(args: &Args, daemon: &Daemon) -> Result<Vec<Row>> {
    let Some(other) = pin::another(args.cpu)? else {
        return Ok(Vec::new());
    };
    let mut target = Target::nova_again("control", &daemon.socket(0))?;
    pin::process(daemon.pid(), other)?;
    let mut ping_pong = PingPong::start(args.cpu, other)?;
    let targets = std::slice::from_mut(&mut target);
    interleave(args, &mut ping_pong, targets, &[Kick::Wanted])
}
