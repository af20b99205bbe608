// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask judge`: what others wrote, on the software GPU and under our driver.

pub(super) mod nouveau;
pub(super) mod nova_core;
pub(super) mod vfio;

use crate::{
    firmware::Origin,
    lab::{Output, Vm},
    tree::Tree,
};
use anyhow::{ensure, Result};
use nova_spec::chip::{Chipset, CHIPS};
use std::process::ExitCode;

/// Which judge.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    judge: Judge,
}

#[derive(clap::Subcommand)]
enum Judge {
    /// Upstream's nova-core probes the model in QEMU, through vfio-user, and its nova-drm answers
    NovaCore(NovaCore),
    /// Debian's nouveau, on NVIDIA's firmware, probes the model in QEMU and moves buffers by its copy engine
    Nouveau(Nouveau),
    /// Our driver takes the model through the kernel's own VFIO, behind an IOMMU, in a guest that has both
    Vfio(Vfio),
}

/// On what.
#[derive(clap::Args)]
struct NovaCore {
    #[command(flatten)]
    common: Common,
    /// Where the firmware files come from; from both in turn when not given
    #[arg(long, value_enum)]
    firmware: Option<Origin>,
}

/// On what.
#[derive(clap::Args)]
struct Nouveau {
    #[command(flatten)]
    common: Common,
}

/// On what.
#[derive(clap::Args)]
struct Vfio {
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, clap::Args)]
struct Common {
    /// The model's chip
    #[arg(long, default_value = "ga102", value_parser = chip)]
    chip: Chipset,
    /// Shows the kernel's log too, on standard error
    #[arg(long, short)]
    verbose: bool,
}

fn chip(name: &str) -> Result<Chipset, String> {
    let known = || CHIPS.iter().map(|chip| chip.chipset);
    known()
        .find(|chipset| chipset.name().eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let names: Vec<_> = known()
                .map(|chipset| chipset.name().to_lowercase())
                .collect();
            format!("there is: {}", names.join(", "))
        })
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let tree = Tree::prepare()?;
    match &args.judge {
        Judge::NovaCore(args) => {
            let Common { chip, verbose } = args.common;
            let origins = match args.firmware {
                Some(origin) => vec![origin],
                None => vec![Origin::Synthetic, Origin::Debian],
            };
            for origin in origins {
                let took = nova_core::judge(&tree, chip, origin, verbose)?;
                println!(
                    "nova-core on {chip}, {} firmware: passed; probes took {}",
                    origin.name(),
                    took.join(", ")
                );
            }
        }
        Judge::Nouveau(args) => {
            let Common { chip, verbose } = args.common;
            let took = nouveau::judge(&tree, chip, verbose)?;
            println!("nouveau on {chip}: passed; {}", took.join(", "));
        }
        Judge::Vfio(args) => {
            let Common { chip, verbose } = args.common;
            vfio::judge(&tree, chip, verbose)?;
            println!("kernel VFIO with {chip}: passed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn passes(vm: &mut Vm, command: &str) -> Result<Output> {
    let output = vm.run(command, |_| {})?;
    ensure!(
        output.status == 0,
        "{command}: {}\n{}\n{}",
        output.status,
        output.text,
        vm.kernel_log()
    );
    Ok(output)
}
