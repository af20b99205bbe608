// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What abstractions cost in the kernel home, read off the built module.

use crate::{run::quiet, tree::Tree};
use anyhow::{ensure, Context, Result};
use std::path::Path;

/// The dispatch of the self-test's ioctl `DOUBLE`, as parts of its mangled name.
const DOUBLE: [&str; 3] = ["5ioctl8dispatch", "7InIoctl", "6double"];

/// Fails unless DRM core's call of an ioctl is the handler's own instructions: the handler loads a number, tests it,
/// doubles it, stores it and returns.
pub(crate) fn check_dispatch(tree: &Tree, module: &Path) -> Result<()> {
    let mut objdump = tree.program("usr/bin/objdump");
    let text = quiet(objdump.args(["-d", "--no-show-raw-insn"]).arg(module))?;
    let body = function(&text, &DOUBLE).context("the self-test has no dispatch of DOUBLE")?;
    check_bare(&body)
}

/// The instructions of the function whose name has all these parts.
fn function<'a>(text: &'a str, parts: &[&str]) -> Option<Vec<&'a str>> {
    let is_it = |line: &str| {
        line.ends_with(">:")
            && !line.contains("__pfx_")
            && parts.iter().all(|part| line.contains(part))
    };
    let mut lines = text.lines().skip_while(|line| !is_it(line));
    lines.next()?;
    let body = lines.take_while(|line| !line.is_empty());
    Some(body.filter_map(instruction).collect())
}

/// A line of an instruction without its address, which a colon and a tab end.
fn instruction(line: &str) -> Option<&str> {
    line.split_once(":\t").map(|(_, instruction)| instruction)
}

fn check_bare(body: &[&str]) -> Result<()> {
    let shown = body.join("\n  ");
    let foreign = ["call", "push", "pop", "(%rsp", "%rbp"];
    let is_foreign = |line: &&&str| foreign.iter().any(|word| line.contains(word));
    ensure!(
        !body.iter().any(|line| is_foreign(&line)),
        "ioctl dispatch calls something, or keeps something:\n  {shown}"
    );
    let own: Vec<_> = body.iter().filter(|line| !line.contains("nop")).collect();
    ensure!(
        (4..=12).contains(&own.len()),
        "ioctl dispatch has {} instructions:\n  {shown}",
        own.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "\
0000000000002550 <__pfx__Rx5ioctl8dispatch7InIoctl6double>:
    2550:\tnop

0000000000002560 <_Rx5ioctl8dispatch7InIoctl6double>:
    2560:\tendbr64
    2564:\tmov    (%rsi),%rax
    2567:\ttest   %rax,%rax
    256a:\tjs     257c <_Rx+0x1c>
    256c:\tadd    %rax,%rax
    256f:\tmov    %rax,(%rsi)
    2572:\tmov    $0x7,%eax
    2577:\tjmp    257c <_Rx+0x1c>
    2586:\tcs nopw 0x0(%rax,%rax,1)

0000000000002590 <other>:
    2590:\tcall   25c0 <x>
";

    #[test]
    fn a_bare_dispatch_passes() {
        let body = function(BARE, &DOUBLE).unwrap();
        assert_eq!(body.len(), 9);
        check_bare(&body).unwrap();
        assert!(function(BARE, &["7InIoctl", "6treble"]).is_none());
    }

    #[test]
    fn a_dispatch_with_something_around_it_does_not() {
        for more in [
            "    2571:\tcall   25c0 <drm_dev_enter>\n",
            "    2571:\tpush   %rbx\n",
            "    2571:\tmov    %eax,0x4(%rsp)\n",
        ] {
            let text = BARE.replace("    2572:", &format!("{more}    2572:"));
            let body = function(&text, &DOUBLE).unwrap();
            assert!(check_bare(&body).is_err(), "{more}");
        }
        let long = "    2571:\tmov    %rax,%rcx\n".repeat(8);
        let text = BARE.replace("    2572:", &format!("{long}    2572:"));
        assert!(check_bare(&function(&text, &DOUBLE).unwrap()).is_err());
    }
}
