// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask vm`

use crate::{
    cli::Refusal,
    guest,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{l1, Daemon, TimedOut, Vm, VmConfig},
    run::step,
    tree::Tree,
};
use anyhow::{Context, Result};
use std::{
    env, fs,
    path::{Component, Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

/// The program that loads the self-test's module, which comes along with it.
const SELFTEST: &str = "kernel-abi-selftest";

/// What to boot and what to run in it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many machines, each a tenant of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    vms: u32,
    /// debian-7.3, debian-7.3-rt, debian-6.12, debug (built from source on first use), or the folder of a kernel's
    /// build or packages; the newest of Debian's when not given
    #[arg(long)]
    kernel: Option<String>,
    /// The machine monitor
    #[arg(long, value_enum, default_value_t = Vmm::Qemu)]
    vmm: Vmm,
    /// A file for the guests; DEST is its path there
    #[arg(long, value_name = "FILE:DEST")]
    add: Vec<String>,
    /// Memory of a machine, in MiB; 256 when not given, 1024 with the debug kernel
    #[arg(long, value_parser = clap::value_parser!(u32).range(64..=16384))]
    memory: Option<u32>,
    /// Seconds until a machine is given up (exit code 124)
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Boots without loading the module
    #[arg(long)]
    no_module: bool,
    /// Shows the kernels' logs too, on standard error
    #[arg(long, short)]
    verbose: bool,
    /// The program and its arguments: one of the project's guest programs (nova-test), a static
    /// program of this machine (its path), or a command of busybox. What it prints, to either
    /// output, comes out on standard output
    #[arg(last = true, required = true, value_name = "PROGRAM ARG")]
    program: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Vmm {
    Qemu,
    CloudHypervisor,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let cloud_hypervisor = match args.vmm {
        Vmm::Qemu => None,
        Vmm::CloudHypervisor => Some(find_cloud_hypervisor()?),
    };
    // What the user got wrong is said before anything is built.
    let mut extra = args
        .add
        .iter()
        .map(|add| parse_add(add))
        .collect::<Result<Vec<_>>>()?;
    let tree = Tree::prepare()?;
    let kernel = match &args.kernel {
        Some(name) => Kernel::find(&tree, name)?,
        None => Kernel::newest(&tree)?,
    };
    let command = command_line(&args.program, &mut extra)?;
    if args.program.first().is_some_and(|name| name == SELFTEST) {
        extra.push(guest::selftest(&tree, &kernel)?);
    }
    let module = match args.no_module {
        true => None,
        false => Some(guest::module(&tree, &kernel)?),
    };
    let contents = Contents {
        tree: &tree,
        kernel: &kernel,
        module: module.as_deref(),
        extra: &extra,
        modules: &[],
    };
    if let Some(program) = cloud_hypervisor {
        return run_inner(args, &program, contents, &command);
    }
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
                    gpu: None,
                    memory_mib: args.memory.unwrap_or(contents.kernel.memory_mib()),
                    timeout: Duration::from_secs(args.timeout),
                    verbose: args.verbose,
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
    if statuses.iter().any(Result::is_err) {
        eprintln!("the daemon's log ends:\n{}", daemon.log_tail());
    }
    let code = exit_code(statuses);
    daemon.terminate()?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// The first status that is not 0; that of a machine that did not come to one is 1, or 124 after
/// its time.
fn exit_code(statuses: Vec<Result<i32>>) -> i32 {
    statuses
        .into_iter()
        .map(|status| {
            status.unwrap_or_else(|error| {
                eprintln!("xtask: {error:#}");
                match error.downcast_ref::<TimedOut>() {
                    Some(_) => 124,
                    None => 1,
                }
            })
        })
        .fold(0, |first, next| if first == 0 { next } else { first })
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

/// Runs the program in cloud-hypervisor's guests, inside a guest that has KVM.
fn run_inner(
    args: &Args,
    program: &Path,
    contents: Contents<'_>,
    command: &str,
) -> Result<ExitCode> {
    let tree = contents.tree;
    let memory_mib = args.memory.unwrap_or(contents.kernel.memory_mib());
    let inner = l1::Inner {
        contents,
        command,
        vms: args.vms,
        memory_mib,
    };
    let timeout = Duration::from_secs(args.timeout);
    let statuses = l1::run(tree, program, &inner, timeout, args.verbose, |line| {
        println!("{line}");
    });
    let statuses = match statuses {
        Ok(statuses) => statuses.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    };
    let code = exit_code(statuses);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// cloud-hypervisor is in no package registry: it is taken from the machine, and must be static.
pub(super) fn find_cloud_hypervisor() -> Result<PathBuf> {
    let named = env::var_os("VHOST_NOVA_CLOUD_HYPERVISOR").map(PathBuf::from);
    let program = named.or_else(|| {
        let path = env::var_os("PATH")?;
        env::split_paths(&path)
            .map(|dir| dir.join("cloud-hypervisor"))
            .find(|program| program.exists())
    });
    let Some(program) = program else {
        return Err(Refusal(
            "there is no cloud-hypervisor in PATH, and VHOST_NOVA_CLOUD_HYPERVISOR names none; \
             version 53 or newer is needed. Without it the device suite still runs under its \
             vhost-user handshake in `cargo xtask test`"
                .into(),
        )
        .into());
    };
    if !program.is_file() {
        return Err(Refusal(format!(
            "VHOST_NOVA_CLOUD_HYPERVISOR names {}, which is no file",
            program.display()
        ))
        .into());
    }
    refuse_dynamic(&program)?;
    Ok(program)
}

fn parse_add(add: &str) -> Result<Extra> {
    let (from, to) = add
        .rsplit_once(':')
        .ok_or_else(|| Refusal(format!("--add {add:?}: FILE:DEST is needed")))?;
    let from = PathBuf::from(from);
    if !from.is_file() {
        return Err(Refusal(format!("--add: there is no file {}", from.display())).into());
    }
    // The guest's folder is made on the host first: a path must not lead out of it.
    let inside = Path::new(to)
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !to.starts_with('/') || to.ends_with('/') || !inside {
        return Err(Refusal(format!(
            "--add {add:?}: DEST must be the absolute path of a file, without \"..\""
        ))
        .into());
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
        for to in ["", "x", "/", "/x/", "/../x", "/x/../../y"] {
            assert!(parse_add(&format!("/etc/hostname:{to}")).is_err(), "{to:?}");
        }
        assert_eq!(parse_add("/etc/hostname:/etc/x").unwrap().to, "/etc/x");
    }

    #[test]
    fn the_first_failure_is_the_exit_code() {
        let failed = || Err(anyhow::anyhow!("no machine"));
        assert_eq!(exit_code(vec![Ok(0), Ok(0)]), 0);
        assert_eq!(exit_code(vec![Ok(0), Ok(3), failed()]), 3);
        assert_eq!(exit_code(vec![failed(), Ok(3)]), 1);
        let late = anyhow::Error::from(TimedOut("late".into())).context("a machine");
        assert_eq!(exit_code(vec![Err(late)]), 124);
    }
}
