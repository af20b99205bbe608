// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What locks and counts cost: the machine code of the functions in `guest-driver/selftest/src/suite/kernel_only/cost.rs`
//! calls C's operations, in order, and does next to nothing else.

use crate::{run::quiet, tree::Tree};
use anyhow::{ensure, Context, Result};
use std::path::Path;

/// A function, what it calls, and how many instructions it may have: those of the prologue, the arguments, the one
/// store and the epilogue.
const FUNCTIONS: &[(&str, &[&str], usize)] = &[
    (
        "kernel_abi_cost_mutex",
        &["nova_mutex_lock", "mutex_unlock"],
        10,
    ),
    (
        "kernel_abi_cost_spinlock",
        &["nova_spin_lock", "nova_spin_unlock"],
        10,
    ),
    (
        "kernel_abi_cost_spinlock_irq",
        &["nova_spin_lock_irqsave", "nova_spin_unlock_irqrestore"],
        11,
    ),
    ("kernel_abi_cost_arc_clone", &["nova_refcount_inc"], 10),
    (
        "kernel_abi_cost_arc_drop",
        &["nova_refcount_dec_and_test", "kfree"],
        13,
    ),
];

/// Fails when one of the functions does anything else. `module` is `kernel_abi_selftest.ko` for a stock kernel.
pub(crate) fn check(tree: &Tree, module: &Path) -> Result<()> {
    let mut objdump = tree.program("usr/bin/objdump");
    let text = quiet(objdump.args(["-dr", "--no-show-raw-insn"]).arg(module))?;
    for (name, calls, most) in FUNCTIONS {
        let code = Code::of(&text, name)?;
        ensure!(
            code.calls == *calls,
            "{name} calls {:?} instead of {calls:?}:\n{}",
            code.calls,
            code.text
        );
        ensure!(
            (3..=*most).contains(&code.instructions),
            "{name} has {} instructions, more than {most}:\n{}",
            code.instructions,
            code.text
        );
        println!(
            "{name}: {} instructions, calls {calls:?}",
            code.instructions
        );
    }
    Ok(())
}

/// A function's machine code.
struct Code<'a> {
    text: &'a str,
    /// What it calls or ends in, but for the thunk that it returns through and the hook of ftrace.
    calls: Vec<&'a str>,
    /// Without what only fills.
    instructions: usize,
}

impl<'a> Code<'a> {
    fn of(text: &'a str, name: &str) -> Result<Self> {
        let start = text
            .find(&format!("<{name}>:\n"))
            .with_context(|| format!("the module has no function {name}"))?;
        let rest = &text[start..];
        let text = rest.split("\n\n").next().unwrap_or(rest);
        let calls = text
            .lines()
            .filter_map(|line| line.split_once("R_X86_64_PLT32\t"))
            .filter_map(|(_, symbol)| symbol.split(['-', '+']).next())
            .filter(|symbol| !matches!(*symbol, "__x86_return_thunk" | "__fentry__"))
            .collect();
        let instructions = text
            .lines()
            .filter(|line| line.contains(":\t") && !line.contains("R_X86_64"))
            .filter(|line| {
                !["nop", "int3", "endbr64"]
                    .iter()
                    .any(|filler| line.contains(filler))
            })
            .count();
        Ok(Self {
            text,
            calls,
            instructions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
0000000000000010 <one>:
  10:\tendbr64
  14:\tpush   %rbp
  15:\tcall   1a <one+0xa>
\t\t\t16: R_X86_64_PLT32\tnova_lock-0x4
  1a:\tpop    %rbp
  1b:\tjmp    20 <one+0x10>
\t\t\t1c: R_X86_64_PLT32\tmutex_unlock-0x4
  20:\tjmp    25 <two>
\t\t\t21: R_X86_64_PLT32\t__x86_return_thunk-0x4

0000000000000025 <two>:
  25:\tnop
";

    #[test]
    fn a_function_is_read_to_its_end() {
        let code = Code::of(TEXT, "one").unwrap();
        assert_eq!(code.calls, ["nova_lock", "mutex_unlock"]);
        assert_eq!(code.instructions, 5);
        assert_eq!(Code::of(TEXT, "two").unwrap().instructions, 0);
        assert!(Code::of(TEXT, "three").is_err());
    }
}
