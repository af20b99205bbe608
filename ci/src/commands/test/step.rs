// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A step: a name and what it does.

use crate::{host, run::loud};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Something that passes or fails.
pub(super) struct Step {
    pub(super) name: String,
    /// It boots machines.
    pub(super) needs_vm: bool,
    /// It may run beside others: it does not use cargo's usual folder, or hardly.
    pub(super) beside: bool,
    run: Box<dyn Fn() -> Result<()>>,
}

/// How one ended.
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) took: Duration,
    pub(super) error: Option<anyhow::Error>,
}

impl Step {
    /// Runs it in this process.
    pub(super) fn run(&self) -> Outcome {
        crate::run::step(&self.name);
        let start = Instant::now();
        let error = (self.run)().err();
        if let Some(error) = &error {
            eprintln!("FAILED: {}: {error:#}", self.name);
        }
        Outcome {
            name: self.name.clone(),
            took: start.elapsed(),
            error,
        }
    }
}

/// A step that has the machine for itself.
pub(super) fn plain(name: &str, run: impl Fn() -> Result<()> + 'static) -> Step {
    Step {
        name: name.into(),
        needs_vm: false,
        beside: false,
        run: Box::new(run),
    }
}

/// A step that builds in folders of its own.
pub(super) fn beside(name: &str, run: impl Fn() -> Result<()> + 'static) -> Step {
    Step {
        beside: true,
        ..plain(name, run)
    }
}

/// A step with virtual machines.
pub(super) fn in_vm(name: &str, run: impl Fn() -> Result<()> + 'static) -> Step {
    Step {
        needs_vm: true,
        ..beside(name, run)
    }
}

/// A step that is a call of cargo.
pub(super) fn cargo_step(
    name: &str,
    args: &'static [&'static str],
    env: &'static [(&str, &str)],
) -> Step {
    plain(name, move || {
        loud(host::cargo().args(args).envs(env.iter().copied()))
    })
}
