// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask vm`

use crate::{
    cli::Refusal,
    guest,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{Daemon, TimedOut, Vm, VmConfig},
    run::step,
    tree::Tree,
};
use anyhow::{Context, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

/// What to boot and what to run in it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many machines, each a tenant of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    vms: u32,
    /// debian-7.3, debian-6.12, or the folder of a kernel's build or packages
    #[arg(long, default_value = "debian-7.3")]
    kernel: String,
    /// The machine monitor
    #[arg(long, value_enum, default_value_t = Vmm::Qemu)]
    vmm: Vmm,
    /// A file for the guests
    #[arg(long, value_name = "FILE:DEST")]
    add: Vec<String>,
    /// Memory of a machine, in MiB
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(64..=16384))]
    memory: u32,
    /// Seconds until a machine is given up (exit code 124)
    #[arg(long, default_value_t = 300)]
    timeout: u64,
    /// Boots without loading the module
    #[arg(long)]
    no_module: bool,
    /// The program and its arguments: one of the project's guest programs (nova-test), a static
    /// program of this machine, or a command of busybox
    #[arg(last = true, required = true, value_name = "PROGRAM ARG")]
    program: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Vmm {
    Qemu,
    CloudHypervisor,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.vmm == Vmm::CloudHypervisor {
        return Err(cloud_hypervisor());
    }
    let tree = Tree::prepare()?;
    let kernel = Kernel::find(&tree, &args.kernel)?;
    let mut extra = args
        .add
        .iter()
        .map(|add| parse_add(add))
        .collect::<Result<Vec<_>>>()?;
    let command = command_line(&args.program, &mut extra)?;
    let module = match args.no_module {
        true => None,
        false => Some(guest::module(&tree, &kernel)?),
    };
    let contents = Contents {
        tree: &tree,
        kernel: &kernel,
        module: module.as_deref(),
        extra: &extra,
    };
    let names: Vec<String> = (0..args.vms).map(|index| format!("vm{index}")).collect();
    let daemon = Daemon::start(&names)?;
    step(&format!(
        "booting {} with {}",
        names.join(", "),
        kernel.name
    ));
    let statuses: Vec<Result<i32>> = thread::scope(|scope| {
        let threads: Vec<_> = names
            .iter()
            .map(|name| {
                let config = VmConfig {
                    name: name.clone(),
                    contents: &contents,
                    socket: Some(daemon.socket(name)),
                    memory_mib: args.memory,
                    timeout: Duration::from_secs(args.timeout),
                };
                let command = &command;
                scope.spawn(move || one(&config, command))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))
            })
            .collect()
    });
    let mut code = 0;
    for status in statuses {
        let status = match status {
            Ok(status) => status,
            Err(error) => {
                eprintln!("xtask: {error:#}");
                if error.downcast_ref::<TimedOut>().is_some() {
                    124
                } else {
                    1
                }
            }
        };
        if code == 0 {
            code = status;
        }
    }
    daemon.terminate()?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn one(config: &VmConfig<'_>, command: &str) -> Result<i32> {
    let mut vm = Vm::boot(config)?;
    if vm.load_status != 0 {
        anyhow::bail!(
            "{}: loading the module failed: {}\n{}",
            vm.name(),
            vm.load_output,
            vm.kernel_log()
        );
    }
    let name = config.name.clone();
    let output = vm.run(command, |line| println!("{name}| {line}"))?;
    vm.check_kernel_log()?;
    vm.power_off()?;
    Ok(output.status)
}

fn cloud_hypervisor() -> anyhow::Error {
    let found = env::var_os("VHOST_NOVA_CLOUD_HYPERVISOR")
        .map(PathBuf::from)
        .or_else(|| {
            let path = env::var_os("PATH")?;
            env::split_paths(&path)
                .map(|dir| dir.join("cloud-hypervisor"))
                .find(|program| program.exists())
        });
    let why = match found {
        None => "there is no cloud-hypervisor in PATH, and VHOST_NOVA_CLOUD_HYPERVISOR names none".to_owned(),
        Some(program) => format!(
            "{} was found, but running it needs KVM inside a guest, which this version does not set up yet",
            program.display()
        ),
    };
    Refusal(format!(
        "{why}; the device suite runs under cloud-hypervisor's vhost-user handshake in `cargo xtask test`"
    ))
    .into()
}

fn parse_add(add: &str) -> Result<Extra> {
    let (from, to) = add
        .rsplit_once(':')
        .ok_or_else(|| Refusal(format!("--add {add:?}: FILE:DEST is needed")))?;
    let from = PathBuf::from(from);
    if !from.is_file() {
        return Err(Refusal(format!("--add: there is no file {}", from.display())).into());
    }
    Ok(Extra {
        from,
        to: to.to_owned(),
    })
}

/// The shell line that runs the program; a program of the host or of the project is added.
fn command_line(program: &[String], extra: &mut Vec<Extra>) -> Result<String> {
    let (name, args) = program.split_first().context("no program")?;
    let own = guest::programs()?.join(name);
    let mut word = name.clone();
    if !name.contains('/') && own.is_file() {
        extra.push(Extra {
            from: own,
            to: format!("/bin/{name}"),
        });
    } else if name.contains('/') && Path::new(name).is_file() {
        refuse_dynamic(Path::new(name))?;
        let base = Path::new(name)
            .file_name()
            .context("no name")?
            .to_string_lossy()
            .into_owned();
        word = format!("/bin/{base}");
        extra.push(Extra {
            from: name.into(),
            to: word.clone(),
        });
    }
    let words = std::iter::once(&word).chain(args).map(|word| quote(word));
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// A program that wants a loader would only say "not found" in the guest.
fn refuse_dynamic(program: &Path) -> Result<()> {
    let bytes = fs::read(program)?;
    let dynamic = bytes
        .windows(11)
        .take(1 << 16)
        .any(|window| window == b"/ld-linux-x");
    if bytes.starts_with(b"\x7fELF") && dynamic {
        return Err(Refusal(format!(
            "{} is dynamically linked, and the guest has no libraries; link it statically",
            program.display()
        ))
        .into());
    }
    Ok(())
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    #[test]
    fn add_needs_a_destination() {
        assert!(parse_add("/etc/hostname").is_err());
        assert!(parse_add("/nowhere/at/all:/x").is_err());
    }
}
