// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask test`: all checks, as a list of steps.
//!
//! | module | role |
//! |---|---|
//! | `list` | all steps |
//! | `source` | steps on sources |
//! | `machines` | steps for a kernel, most of them in virtual machines |
//! | `step` | what a step is |
//! | `side_by_side` | several steps at a time |

mod list;
mod machines;
mod side_by_side;
mod source;
mod step;

use crate::{cli::Refusal, host, tree::Tree};
use anyhow::Result;
use std::{
    num::NonZeroUsize,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use step::{Outcome, Step};

/// Most steps at a time, as each has up to two machines of a GiB.
const MAX_JOBS: usize = 4;

/// Which steps.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs only the steps whose name contains this
    filter: Option<String>,
    /// The filter is the whole name
    #[arg(long, requires = "filter")]
    exact: bool,
    /// Leaves out virtual machines
    #[arg(long)]
    quick: bool,
    /// How many steps run at a time, of those that can [default: processors, 4 at most]
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    /// Lists the steps
    #[arg(long)]
    list: bool,
}

impl Args {
    fn wants(&self, step: &Step) -> bool {
        let named = self.filter.as_ref().is_none_or(|filter| match self.exact {
            true => step.name == *filter,
            false => step.name.contains(filter),
        });
        named && !(self.quick && step.needs_vm)
    }

    fn jobs(&self) -> usize {
        let processors = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.jobs
            .map_or_else(|| processors().min(MAX_JOBS), NonZeroUsize::get)
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let start = Instant::now();
    host::prepare()?;
    let tree = Tree::prepare()?;
    let (mut steps, left_out) = list::steps(&tree)?;
    steps.retain(|step| args.wants(step));
    if args.list {
        for step in steps {
            println!("{}", step.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if steps.is_empty() {
        return Err(Refusal("no step has that in its name; see --list".into()).into());
    }
    let outcomes = run_all(steps, args.jobs())?;
    Ok(report(&outcomes, left_out.as_deref(), start.elapsed()))
}

/// First what has the machine for itself, then the others beside each other.
fn run_all(steps: Vec<Step>, jobs: usize) -> Result<Vec<Outcome>> {
    if jobs == 1 || steps.len() == 1 {
        return Ok(steps.iter().map(Step::run).collect());
    }
    let (beside, alone): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.beside);
    let mut outcomes: Vec<Outcome> = alone.iter().map(Step::run).collect();
    let names = beside.into_iter().map(|step| step.name).collect();
    outcomes.extend(side_by_side::run(names, jobs)?);
    Ok(outcomes)
}

fn report(outcomes: &[Outcome], left_out: Option<&str>, took: Duration) -> ExitCode {
    println!();
    for outcome in outcomes {
        let verdict = if outcome.error.is_some() {
            "FAILED"
        } else {
            "ok"
        };
        println!(
            "{verdict:<7}{:>6.1} s  {}",
            outcome.took.as_secs_f64(),
            outcome.name
        );
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.error.is_some())
        .count();
    for outcome in outcomes {
        if let Some(error) = &outcome.error {
            println!("\n{}: {error:#}", outcome.name);
        }
    }
    if let Some(why) = left_out {
        println!("\nnot run, nor counted: {why}");
    }
    println!("\n{:.0} s in all", took.as_secs_f64());
    // The last line, alone, for who reads the verdict of a log.
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
