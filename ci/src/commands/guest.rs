// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask guest`, `package`, `tree` and `firmware`

use crate::{
    firmware, guest,
    kernel::{self, Kernel},
    tree::Tree,
};
use anyhow::Result;
use std::process::ExitCode;

/// Which kernels.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// debian-7.3, debian-7.3-rt, debian-6.12, debug (built from source on first use), or the folder of a kernel;
    /// all of Debian's when not given
    #[arg(long)]
    kernel: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let tree = Tree::prepare()?;
    let names = match &args.kernel {
        Some(name) => vec![name.clone()],
        None => kernel::names(&tree)?,
    };
    for name in names {
        let kernel = Kernel::find(&tree, &name)?;
        let module = guest::module(&tree, &kernel)?;
        guest::check_no_notrack(&tree, &module)?;
        println!("{}", module.display());
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn package() -> Result<ExitCode> {
    println!("{}", guest::package()?.display());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn tree() -> Result<ExitCode> {
    let tree = Tree::prepare()?;
    println!("{}", tree.root().display());
    for name in kernel::names(&tree)? {
        println!("{name}: {}", Kernel::find(&tree, &name)?.release);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn firmware() -> Result<ExitCode> {
    println!("{}", firmware::debian(&Tree::prepare()?)?.display());
    Ok(ExitCode::SUCCESS)
}
