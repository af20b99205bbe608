// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! All steps, in order: what fails soonest first.

use super::{
    super::{demo, judge, vm, vm_tests},
    machines::{debug_steps, module_steps, vm_steps},
    source,
    step::{in_vm, Step},
};
use crate::{
    firmware::Origin,
    kernel::{self, Kernel},
    tree::Tree,
};
use anyhow::{Context, Result};
use clap::ValueEnum;
use nova_spec::chip::Chipset;

/// All steps, and what cannot run on this machine with the reason.
pub(super) fn steps(tree: &Tree) -> Result<(Vec<Step>, Option<String>)> {
    let kernels = kernel::names(tree)?
        .iter()
        .map(|name| Kernel::find(tree, name))
        .collect::<Result<Vec<_>>>()?;
    let newest = kernels.first().context("no kernel")?.clone();
    let mut steps = source::steps(tree, &newest);
    for kernel in &kernels {
        steps.extend(module_steps(tree, kernel));
    }
    // These take longest.
    steps.extend(debug_steps(tree));
    for kernel in &kernels {
        steps.extend(vm_steps(tree, kernel));
    }
    for kernel in kernels.iter().filter(|kernel| !kernel.is_rt()) {
        let (tree, kernel) = (tree.clone(), kernel.clone());
        steps.push(in_vm(
            &format!("vm, {}: the demonstration", kernel.name),
            move || demo::show(&tree, &kernel).map(drop),
        ));
    }
    let for_vfio = tree.clone();
    steps.push(in_vm("judge kernel VFIO", move || {
        judge::vfio::judge(&for_vfio, Chipset::GA102, false)
    }));
    let for_nouveau = tree.clone();
    steps.push(in_vm("judge nouveau", move || {
        judge::nouveau::judge(&for_nouveau, Chipset::GA102, false).map(drop)
    }));
    for origin in Origin::value_variants() {
        let tree = tree.clone();
        steps.push(in_vm(
            &format!("judge nova-core, {} firmware", origin.name()),
            move || judge::nova_core::judge(&tree, Chipset::GA102, *origin, false).map(drop),
        ));
    }
    let program = match vm::find_cloud_hypervisor() {
        Ok(program) => program,
        Err(why) => {
            return Ok((
                steps,
                Some(format!("the suite under cloud-hypervisor: {why}")),
            ))
        }
    };
    for kernel in kernels.iter().filter(|kernel| !kernel.is_rt()) {
        let (tree, kernel, program) = (tree.clone(), kernel.clone(), program.clone());
        steps.push(in_vm(
            &format!(
                "vm, {}: the render node under cloud-hypervisor",
                kernel.name
            ),
            move || vm_tests::cloud_hypervisor(&vm_tests::Lab::new(&tree, &kernel)?, &program),
        ));
    }
    Ok((steps, None))
}
