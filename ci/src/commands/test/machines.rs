// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Steps for a kernel: the module's build, and tests in virtual machines.

use super::{
    super::{disassembly, module_tests, vm_tests},
    step::{beside, in_vm, Step},
};
use crate::{guest, kernel::Kernel, source_kernel, tree::Tree};
use anyhow::Result;

pub(super) fn module_steps(tree: &Tree, kernel: &Kernel) -> Vec<Step> {
    let name = &kernel.name;
    let (for_module, for_dkms) = (
        (tree.clone(), kernel.clone()),
        (tree.clone(), kernel.clone()),
    );
    let mut steps = vec![beside(
        &format!("module, {name}: no warning, no notrack"),
        move || {
            let (tree, kernel) = &for_module;
            guest::check_no_notrack(tree, &guest::module(tree, kernel)?)
        },
    )];
    if !kernel.is_debug() {
        let (tree, kernel) = (tree.clone(), kernel.clone());
        steps.push(beside(
            &format!("ioctl dispatch, {name}: the handler and nothing around it"),
            move || disassembly::check_dispatch(&tree, &guest::selftest(&tree, &kernel)?.from),
        ));
    }
    // The flavour's headers are laid out as the usual one's: once is enough.
    if !kernel.is_rt() {
        let (tree, kernel) = (tree.clone(), kernel.clone());
        steps.push(beside(
            &format!("module, {name}: modinfo, and what it says when it cannot be built"),
            move || {
                module_tests::metadata(&tree, &kernel)?;
                module_tests::refusals(&tree, &kernel)
            },
        ));
        steps.push(beside(&format!("dkms build, {name}"), move || {
            let (tree, kernel) = &for_dkms;
            guest::dkms(tree, kernel)
        }));
    }
    steps
}

type VmTest = (&'static str, fn(&vm_tests::Lab) -> Result<()>);

const VM_TESTS: &[VmTest] = &[
    ("kernel-abi's self-test", vm_tests::selftest),
    ("the render node", vm_tests::suite),
    ("work of two machines", vm_tests::work),
    ("a killed machine", vm_tests::killed),
    ("a reset machine", vm_tests::reset),
    ("a rebooted machine", vm_tests::rebooted),
    ("a panicked machine", vm_tests::panicked),
    ("a killed waiter", vm_tests::killed_waiter),
    ("a silent host", vm_tests::silent_host),
    ("a paused machine", vm_tests::paused),
    ("devices that are declined", vm_tests::declined),
    ("parameters that make no sense", vm_tests::parameters),
];

const RT_TESTS: &[VmTest] = &[
    ("kernel-abi's self-test", vm_tests::selftest),
    ("the render node", vm_tests::suite),
];

pub(super) fn vm_steps(tree: &Tree, kernel: &Kernel) -> Vec<Step> {
    // Where spinlocks sleep the locks are what differs, and the suite uses them all.
    let tests = if kernel.is_rt() { RT_TESTS } else { VM_TESTS };
    tests
        .iter()
        .map(|(name, test)| {
            let (tree, kernel, test) = (tree.clone(), kernel.clone(), *test);
            in_vm(&format!("vm, {}: {name}", kernel.name), move || {
                test(&vm_tests::Lab::new(&tree, &kernel)?)
            })
        })
        .collect()
}

/// The steps on the debug kernel, which the first of them builds where it is not there: listing them does not. The longest come
/// first.
pub(super) fn debug_steps(tree: &Tree) -> Vec<Step> {
    const TESTS: &[VmTest] = &[
        ("allocations that fail", vm_tests::failslab),
        ("kernel-abi's self-test", vm_tests::selftest),
        ("the render node", vm_tests::suite),
        ("work of two machines", vm_tests::work),
        ("a killed waiter", vm_tests::killed_waiter),
        ("mistakes are reported", vm_tests::controls),
    ];
    let find = |tree: &Tree| Kernel::find(tree, source_kernel::NAME);
    let for_module = tree.clone();
    let mut steps = vec![in_vm(
        "module, debug: no warning, KASAN sees Rust",
        move || {
            let module = guest::module(&for_module, &find(&for_module)?)?;
            guest::check_kasan(&for_module, &module)
        },
    )];
    for (name, test) in TESTS {
        let tree = tree.clone();
        steps.push(in_vm(&format!("vm, debug: {name}"), move || {
            test(&vm_tests::Lab::new(&tree, &find(&tree)?)?)
        }));
    }
    steps
}
