// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask demo`: two virtual machines share one GPU.

use crate::{
    guest, host,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{Daemon, Vm, VmConfig},
    run::step,
    tree::Tree,
};
use anyhow::{ensure, Context, Result};
use std::{collections::BTreeMap, process::ExitCode, thread, time::Duration};

type Facts = BTreeMap<String, String>;

pub(crate) fn run() -> Result<ExitCode> {
    host::prepare()?;
    let tree = Tree::prepare()?;
    let kernel = Kernel::newest(&tree)?;
    let rows = show(&tree, &kernel)?;
    print(&kernel, &rows);
    Ok(ExitCode::SUCCESS)
}

/// Runs the demonstration on a kernel; returns what each machine reported.
pub(crate) fn show(tree: &Tree, kernel: &Kernel) -> Result<Vec<(String, Facts)>> {
    let module = guest::module(tree, kernel)?;
    step("building the daemon and the guest programs");
    let extra = [Extra {
        from: guest::programs()?.join("nova-test"),
        to: "/bin/nova-test".into(),
    }];
    let contents = Contents {
        tree,
        kernel,
        module: Some(&module),
        extra: &extra,
        modules: &[],
    };
    let names = ["alice".to_owned(), "bob".to_owned()];
    let daemon = Daemon::start(&names)?;
    step(&format!(
        "booting alice and bob with {} {}",
        kernel.name, kernel.release
    ));
    let rows = thread::scope(|scope| {
        let threads: Vec<_> = names
            .iter()
            .map(|name| {
                let config = VmConfig {
                    name: name.clone(),
                    contents: &contents,
                    socket: Some(daemon.socket(name)),
                    gpu: None,
                    memory_mib: 256,
                    timeout: Duration::from_secs(180),
                    verbose: false,
                };
                scope.spawn(move || one(&config))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))
            })
            .collect::<Result<Vec<_>>>()
    })?;
    daemon.terminate()?;
    step("both machines are done");
    Ok(rows)
}

fn one(config: &VmConfig<'_>) -> Result<(String, Facts)> {
    let mut vm = Vm::boot(config)?;
    ensure!(vm.load_status == 0, "{}: {}", vm.name(), vm.load_output);
    step(&format!(
        "{} is up; its module is loaded anew and works",
        vm.name()
    ));
    let output = vm.run("nova-test demo", |_| {})?;
    ensure!(output.status == 0, "{}: {}", vm.name(), output.text);
    let line = output
        .text
        .lines()
        .find_map(|line| line.strip_prefix("demo: "))
        .with_context(|| format!("{}: no result in {:?}", vm.name(), output.text))?;
    let facts = line
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    vm.check_kernel_log()?;
    vm.power_off()?;
    Ok((config.name.clone(), facts))
}

fn print(kernel: &Kernel, rows: &[(String, Facts)]) {
    const COLUMNS: &[(&str, &str)] = &[
        ("chip", "chip"),
        ("VRAM BAR", "vram_bar_size"),
        ("objects", "objects"),
        ("written", "bytes_written"),
        ("read back", "bytes_read"),
        ("CRCs agree", "crc_ok"),
        ("attach", "attach_us"),
    ];
    println!(
        "Two virtual machines (Linux {}) share one GPU:\n",
        kernel.release
    );
    print!("{:<8}", "VM");
    for (title, _) in COLUMNS {
        print!("{title:>12}");
    }
    println!();
    for (name, facts) in rows {
        print!("{name:<8}");
        for (_, key) in COLUMNS {
            let value = facts.get(*key).map_or("?", String::as_str);
            print!("{:>12}", shown(key, value));
        }
        println!();
    }
    println!("\nattach: from loading the module to the first answered ioctl");
}

fn shown(key: &str, value: &str) -> String {
    match (key, value.parse::<u64>()) {
        ("attach_us", Ok(us)) => format!("{:.1} ms", us as f64 / 1000.0),
        ("vram_bar_size" | "bytes_written" | "bytes_read", Ok(bytes)) => {
            format!("{} MiB", bytes >> 20)
        }
        _ => value.to_owned(),
    }
}
