// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask kernel`

use crate::{kernel::Kernel, tree::Tree};
use anyhow::Result;
use std::process::ExitCode;

/// Which kernel.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum)]
    kernel: Built,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Built {
    /// KASAN, lockdep, kmemleak, fault injection, and upstream's nova-core and nova-drm
    Debug,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let tree = Tree::prepare()?;
    let name = match args.kernel {
        Built::Debug => crate::source_kernel::NAME,
    };
    let kernel = Kernel::find(&tree, name)?;
    println!("{}: {}", kernel.release, kernel.image.display());
    Ok(ExitCode::SUCCESS)
}
