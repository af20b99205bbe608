// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `--tenant name=alice,socket=PATH[,owner=USER[:GROUP]][,mode=OCTAL]`, and the keys of [`WorkSpec`]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::socket::SocketSpec;
use super::work::WorkSpec;
use crate::error::Error;

const MAX_NAME: usize = 32;
/// Only the owner may connect: whoever can reach the socket is the tenant.
const DEFAULT_MODE: u32 = 0o600;

/// One tenant as the command line describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSpec {
    /// For logs, and later for the operator.
    pub name: String,
    /// Where the tenant's machine monitor connects.
    pub socket: SocketSpec,
    /// What it may have of the GPU.
    pub work: WorkSpec,
}

impl FromStr for TenantSpec {
    type Err = String;

    fn from_str(spec: &str) -> Result<Self, String> {
        let (mut name, mut socket, mut owner, mut mode) = (None, None, None, None);
        let mut work = WorkSpec::default();
        let mut work_keys = HashSet::new();
        for part in spec.split(',') {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is not of the form key=value"))?;
            match key {
                "name" => set(&mut name, key, check_name(value)?)?,
                "socket" if value.is_empty() => return Err("socket= is empty".into()),
                "socket" => set(&mut socket, key, PathBuf::from(value))?,
                "owner" => set(&mut owner, key, value.parse()?)?,
                "mode" => set(&mut mode, key, parse_mode(value)?)?,
                _ if work.set(key, value)? => {
                    if !work_keys.insert(key) {
                        return Err(format!("{key}= is given twice"));
                    }
                }
                _ => {
                    return Err(format!(
                        "unknown key {key:?}; there are: name, socket, owner, mode, {}",
                        WorkSpec::KEYS.join(", ")
                    ))
                }
            }
        }
        Ok(Self {
            work,
            name: name.ok_or("name= is missing")?,
            socket: SocketSpec {
                path: socket.ok_or("socket= is missing")?,
                owner,
                mode: mode.unwrap_or(DEFAULT_MODE),
            },
        })
    }
}

impl FromStr for SocketSpec {
    type Err = String;

    /// `PATH[,owner=USER[:GROUP]][,mode=OCTAL]`
    fn from_str(spec: &str) -> Result<Self, String> {
        let mut parts = spec.split(',');
        let path = match parts.next() {
            None | Some("") => return Err("the path is missing".into()),
            Some(path) => PathBuf::from(path),
        };
        let (mut owner, mut mode) = (None, None);
        for part in parts {
            match part.split_once('=') {
                Some((key @ "owner", value)) => set(&mut owner, key, value.parse()?)?,
                Some((key @ "mode", value)) => set(&mut mode, key, parse_mode(value)?)?,
                _ => return Err(format!("unknown key {part:?}; there are: owner=, mode=")),
            }
        }
        Ok(Self {
            path,
            owner,
            mode: mode.unwrap_or(DEFAULT_MODE),
        })
    }
}

fn set<T>(place: &mut Option<T>, key: &str, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{key}= is given twice")),
    }
}

fn check_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        return Err(format!(
            "{name:?} is no tenant name: 1 to {MAX_NAME} letters, digits, '.', '_' or '-'"
        ));
    }
    Ok(name.to_owned())
}

fn parse_mode(mode: &str) -> Result<u32, String> {
    match u32::from_str_radix(mode, 8) {
        Ok(bits) if bits <= 0o777 => Ok(bits),
        _ => Err(format!("{mode:?} is no file mode: octal, at most 777")),
    }
}

/// Checks that no name and no socket is given twice, `other` sockets included.
///
/// # Errors
/// Names the first that is.
pub fn check_distinct(specs: &[TenantSpec], other: Option<&SocketSpec>) -> Result<(), Error> {
    let mut names = HashSet::new();
    for spec in specs {
        if !names.insert(&spec.name) {
            return Err(Error::config(format!(
                "tenant {} is given twice",
                spec.name
            )));
        }
    }
    let mut sockets = HashSet::new();
    for socket in specs.iter().map(|spec| &spec.socket).chain(other) {
        if !sockets.insert(resolve(&socket.path)) {
            let socket = socket.path.display();
            return Err(Error::config(format!("socket {socket} is given twice")));
        }
    }
    Ok(())
}

/// The same file by another path is the same, where the directory exists.
fn resolve(path: &Path) -> PathBuf {
    let resolved = match (path.parent(), path.file_name()) {
        (Some(parent), Some(file)) => {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            parent.canonicalize().map(|parent| parent.join(file)).ok()
        }
        _ => None,
    };
    resolved.unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_spec_is_parsed() {
        let spec: TenantSpec = "name=alice,socket=/run/a.sock,mode=660".parse().unwrap();
        assert_eq!(spec.name, "alice");
        assert_eq!(spec.socket.path, PathBuf::from("/run/a.sock"));
        assert_eq!((spec.socket.owner, spec.socket.mode), (None, 0o660));
        let spec: TenantSpec = "socket=a,name=b".parse().unwrap();
        assert_eq!(spec.socket.mode, 0o600);
    }

    #[test]
    fn mistakes_are_named() {
        for (spec, message) in [
            ("", "not of the form"),
            ("name=a", "socket= is missing"),
            ("socket=a", "name= is missing"),
            ("name=a,socket=", "socket= is empty"),
            ("name=a,name=b,socket=c", "name= is given twice"),
            ("name=a,socket=b,color=red", "unknown key \"color\""),
            (
                "name=a,socket=b,vram_quota=1,vram_quota=2",
                "vram_quota= is given twice",
            ),
            ("name=a,socket=b,vram_quota=lots", "vram_quota"),
            ("name=a,socket=b,max_vms=0", "max_vms"),
            ("name=a b,socket=c", "no tenant name"),
            ("name=\u{1b}[31m,socket=c", "no tenant name"),
            ("name=a,socket=b,mode=9", "no file mode"),
            ("name=a,socket=b,mode=7777", "no file mode"),
            ("name=a,socket=b,owner=no-such-user-here", "no user"),
        ] {
            let error = spec.parse::<TenantSpec>().unwrap_err();
            assert!(error.contains(message), "{spec:?}: {error}");
        }
    }

    #[test]
    fn the_same_name_or_socket_twice_is_an_error() {
        let spec = |spec: &str| spec.parse::<TenantSpec>().unwrap();
        let specs = [spec("name=a,socket=/x"), spec("name=a,socket=/y")];
        assert!(check_distinct(&specs, None).is_err());
        let specs = [
            spec("name=a,socket=/tmp/x"),
            spec("name=b,socket=/tmp/../tmp/x"),
        ];
        assert!(check_distinct(&specs, None).is_err());
        let specs = [spec("name=a,socket=/x"), spec("name=b,socket=/y")];
        assert!(check_distinct(&specs, None).is_ok());
        let other = |path: &str| path.parse::<SocketSpec>().unwrap();
        assert!(check_distinct(&specs, Some(&other("/z"))).is_ok());
        assert!(check_distinct(&specs, Some(&other("/y"))).is_err());
    }

    #[test]
    fn a_socket_alone_has_the_same_keys() {
        let spec: SocketSpec = "/run/c.sock,mode=666".parse().unwrap();
        assert_eq!(
            (spec.path, spec.mode),
            (PathBuf::from("/run/c.sock"), 0o666)
        );
        assert_eq!("c".parse::<SocketSpec>().unwrap().mode, 0o600);
        for (spec, message) in [
            ("", "path is missing"),
            (",mode=600", "path is missing"),
            ("/c,mode=8", "no file mode"),
            ("/c,mode=600,mode=600", "given twice"),
            ("/c,colour=red", "unknown key"),
            ("/c,owner=no-such-user-here", "no user"),
        ] {
            let error = spec.parse::<SocketSpec>().unwrap_err();
            assert!(error.contains(message), "{spec:?}: {error}");
        }
    }
}
