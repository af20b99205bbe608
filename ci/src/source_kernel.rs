// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The debug kernel: Debian's source package, built with the project's own configuration (`ci/kernel/debug.config`).
//!
//! It serves twice: it catches what a driver does wrong, and it has upstream's nova drivers. The source and the built
//! kernel are folders of the cache. Of the build only what a machine boots and a module is built against is kept.

use crate::{
    cached,
    kernel::Kernel,
    mirror,
    run::{self, quiet, step},
    tree::Tree,
};
use anyhow::{ensure, Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What `--kernel` calls it.
pub(crate) const NAME: &str = "debug";

/// The compiler of the tree. Kconfig allows Rust together with KASAN with clang alone.
pub(crate) const CLANG: &str = "clang-19";

const SOURCES: &str = "deb @DEBIAN@ trixie-backports main";

const CONFIG: &str = include_str!("../kernel/debug.config");

/// Takes the source out of its package.
const UNPACK: &str = r#"
cd /out
package=$(ls *.deb)
dpkg-deb -f "$package" Version > version
dpkg-deb -x "$package" unpacked
mv unpacked/usr/src/linux-source-*.tar.xz linux.tar.xz
rm -r unpacked "$package"
"#;

const CONFIGURE: &str = r#"
tar -C /kdir --strip-components=1 -xf /src/linux.tar.xz
cd /kdir
make -s CC=@CC@ KCONFIG_ALLCONFIG=/out/debug.config allnoconfig
"#;

/// Builds, and copies what is kept to /out.
const BUILD: &str = r#"
exec 2>&1
cd /kdir
make -j"$(nproc)" CC=@CC@ bzImage modules
make -s CC=@CC@ INSTALL_MOD_PATH=/out/installed INSTALL_MOD_STRIP=1 modules_install
rm -f /out/installed/lib/modules/*/build
cp -a --parents Makefile .config Module.symvers include scripts arch/x86/include arch/x86/Makefile* \
    arch/x86/boot/bzImage tools/objtool/objtool /out
"#;

/// The debug kernel's folder, as a kernel's build tree without what was built on the way; builds it when it
/// is not there.
pub(crate) fn debug(tree: &Tree) -> Result<PathBuf> {
    let source = source(tree)?;
    let version = fs::read_to_string(source.join("version"))?;
    // The compilers are the tree's.
    let tools = tree.root().to_string_lossy();
    let recipe = [&version, CONFIG, CONFIGURE, BUILD, CLANG, &*tools].join("\n");
    cached::folder("kernel-debug", &recipe, |unfinished| {
        build(tree, &source, version.trim(), unfinished)
    })
}

/// The folder with the source of the newest of the tree's kernels, whatever version there is of it.
fn source(tree: &Tree) -> Result<PathBuf> {
    let kernel = Kernel::newest(tree)?;
    let package = kernel.name.replace("debian-", "linux-source-");
    let sources = mirror::sources(&[SOURCES])?.join("\n");
    let recipe = [&sources, &package, UNPACK].join("\n");
    cached::folder(&package, &recipe, |unfinished| {
        step(&format!("downloading {package}"));
        tree.download(&sources, &package, unfinished)?;
        quiet(&mut tree.shell(unfinished, unfinished, UNPACK, false)?)?;
        Ok(())
    })
}

fn build(tree: &Tree, source: &Path, version: &str, out: &Path) -> Result<()> {
    step(&format!(
        "building the debug kernel from Linux {version} (about 15 minutes on two cores, once)"
    ));
    let work = out.join("build");
    fs::create_dir_all(&work)?;
    fs::write(out.join("debug.config"), CONFIG)?;
    let places = [(source, "src"), (out, "out"), (&work, "kdir")];
    let shell = |line: &str| tree.shell_at(&places, &line.replace("@CC@", CLANG), false);
    quiet(&mut shell(CONFIGURE)?).context("configuring the debug kernel")?;
    let missed = unmet(CONFIG, &fs::read_to_string(work.join(".config"))?);
    ensure!(
        missed.is_empty(),
        "Linux {version} does not take these options of ci/kernel/debug.config: {}",
        missed.join(", ")
    );
    run::long(&mut shell(BUILD)?, "the debug kernel").context("building the debug kernel")?;
    fs::remove_dir_all(&work)?;
    Ok(())
}

/// The lines of a fragment that a configuration does not follow: their dependencies are not met, or they are gone.
fn unmet(fragment: &str, config: &str) -> Vec<String> {
    fragment
        .lines()
        .filter(|line| match line.strip_prefix("# CONFIG_") {
            Some(off) => {
                let name = off.split(' ').next().unwrap_or(off);
                let set = format!("CONFIG_{name}=");
                config.lines().any(|line| line.starts_with(&set))
            }
            None => line.starts_with("CONFIG_") && !config.lines().any(|other| other == *line),
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_did_not_get_their_value_are_named() {
        let config = "CONFIG_A=y\nCONFIG_B=m\nCONFIG_AB=y\n# CONFIG_D is not set\n";
        assert!(unmet("# words\n\nCONFIG_A=y\nCONFIG_B=m\n", config).is_empty());
        assert!(unmet("# CONFIG_D is not set\n# CONFIG_E is not set\n", config).is_empty());
        let fragment = "CONFIG_B=y\nCONFIG_D=y\n# CONFIG_A is not set\n";
        assert_eq!(
            unmet(fragment, config),
            ["CONFIG_B=y", "CONFIG_D=y", "# CONFIG_A is not set"]
        );
    }
}
