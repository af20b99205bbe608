// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The tests, printed as TAP.

mod bad_input;
mod lifetime;
mod memory;
mod queues;
mod syncobj;
mod uapi;
mod upstream;
mod work;

use crate::node::{self, Node};
use anyhow::{anyhow, ensure, Result};
use std::{io, path::Path};

type Test = (&'static str, fn(&Node) -> Result<()>);

/// Runs the tests whose name contains `filter`; true when all passed.
pub fn run(filter: Option<&str>) -> Result<bool> {
    let path = node::find()?;
    let (work, queues) = match work::has_work(&Node::open(&path)?)? {
        true => (work::WITH, queues::TESTS),
        false => (work::WITHOUT, &[][..]),
    };
    let tests: Vec<Test> = [
        uapi::TESTS,
        bad_input::TESTS,
        memory::TESTS,
        lifetime::TESTS,
        syncobj::TESTS,
        work::TESTS,
        work,
        queues,
    ]
    .concat()
    .into_iter()
    .filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter)))
    .collect();
    ensure!(!tests.is_empty(), "no test has {filter:?} in its name");
    run_tests(&path, &tests)
}

/// Runs what upstream's driver must answer as ours does, on its primary node; true when all passed.
pub fn run_upstream() -> Result<bool> {
    run_tests(&node::find_primary()?, upstream::TESTS)
}

fn run_tests(path: &Path, tests: &[Test]) -> Result<bool> {
    println!("TAP version 13\n1..{}", tests.len());
    let mut failed = 0;
    for (index, (name, test)) in tests.iter().enumerate() {
        let result = Node::open(path).and_then(|node| test(&node));
        match result {
            Ok(()) => println!("ok {} - {name}", index + 1),
            Err(error) => {
                failed += 1;
                println!("not ok {} - {name}\n# {error:#}", index + 1);
            }
        }
    }
    println!("# {} passed, {failed} failed", tests.len() - failed);
    Ok(failed == 0)
}

/// Fails unless `result` is this errno.
fn expect<T>(result: io::Result<T>, errno: i32, what: &str) -> Result<()> {
    match result {
        Ok(_) => Err(anyhow!("{what}: succeeded, expected errno {errno}")),
        Err(error) if error.raw_os_error() == Some(errno) => Ok(()),
        Err(error) => Err(anyhow!("{what}: {error}, expected errno {errno}")),
    }
}
