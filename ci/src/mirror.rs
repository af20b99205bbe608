// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where Debian's packages come from: the mirror that this machine's apt uses.

use crate::run::quiet;
use anyhow::{Context, Result};
use std::process::Command;

/// Stands for the mirror of Debian's own suites in a line of apt's sources.
const DEBIAN: &str = "@DEBIAN@";
/// Stands for the mirror of its security suites.
const SECURITY: &str = "@SECURITY@";

/// Lines of apt's sources with the mirrors of this machine in place of `@DEBIAN@` and `@SECURITY@`.
pub(crate) fn sources(lines: &[&str]) -> Result<Vec<String>> {
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(RELEASE) $(REPO_URI)"]);
    targets.arg("Created-By: Packages");
    let targets = quiet(&mut targets).context("asking apt for its mirrors")?;
    let release = std::fs::read_to_string("/etc/os-release").context("reading /etc/os-release")?;
    let suite = codename(&release).context("/etc/os-release has no VERSION_CODENAME")?;
    let find = |part: &str| {
        // Sources may name the suite by what it is instead of by its code name.
        let names = [suite, "stable", "oldstable"].map(|name| format!("{name}{part}"));
        let found = names.iter().find_map(|name| mirror(&targets, name));
        found.with_context(|| format!("apt has no source for any of {}", names.join(", ")))
    };
    let (debian, security) = (find("")?, find("-security")?);
    let fill = |line: &&str| line.replace(DEBIAN, debian).replace(SECURITY, security);
    Ok(lines.iter().map(fill).collect())
}

/// The first mirror of a suite, without a slash at its end.
fn mirror<'a>(targets: &'a str, suite: &str) -> Option<&'a str> {
    let targets = targets.lines().filter_map(|line| line.split_once(' '));
    let mut uris = targets.filter(|(release, _)| *release == suite);
    uris.next().map(|(_, uri)| uri.trim_end_matches('/'))
}

fn codename(release: &str) -> Option<&str> {
    let mut lines = release.lines();
    let name = lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(name.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_machines_own_suite() {
        let targets = "nodistro https://other.example/node/\n\
             bookworm http://mirror.example/debian/\n\
             bookworm-updates http://third.example/debian/\n\
             bookworm-security http://mirror.example/security/";
        assert_eq!(
            mirror(targets, "bookworm"),
            Some("http://mirror.example/debian")
        );
        assert_eq!(
            mirror(targets, "bookworm-security"),
            Some("http://mirror.example/security")
        );
        assert_eq!(mirror(targets, "trixie"), None);
    }

    #[test]
    fn the_suite_is_named_by_os_release() {
        assert_eq!(
            codename("ID=debian\nVERSION_CODENAME=bookworm\n"),
            Some("bookworm")
        );
        assert_eq!(
            codename("VERSION_CODENAME=\"trixie\"\nID=debian"),
            Some("trixie")
        );
        assert_eq!(codename("ID=debian\n"), None);
    }
}
