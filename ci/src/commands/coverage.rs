// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Whether every public item of `kernel-abi` and `drm-core` has a self-test: rustdoc's list of items in the kernel home, against
//! what `guest-driver/selftest` says that it covers.

use crate::host;
use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Modules whose items are not for drivers to call, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("kernel_abi::bindings", "bindgen's"),
    (
        "kernel_abi::sys",
        "the seam; what it offers is named elsewhere too",
    ),
    ("drm_core::sys", "as above"),
    (
        "kernel_abi::uapi",
        "numbers and structures, compared with the C headers by the step `uapi`",
    ),
    (
        "kernel_abi::virtio_nova",
        "the wire format, tested where it is used and in its own file",
    ),
    (
        "kernel_abi::panic",
        "cannot be tried without ending the kernel",
    ),
];

/// Fails with a list when an item has no test, or a test names what is no item. `docs` is the folder with rustdoc's JSON.
pub(crate) fn check(docs: &Path) -> Result<()> {
    let mut items = Items::default();
    for name in ["kernel_abi", "drm_core"] {
        let path = docs.join(name).with_extension("json");
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        items.add_crate(&serde_json::from_slice(&text)?, name)?;
    }
    let mut covered = BTreeSet::new();
    sources(
        &host::checkout().join("guest-driver/selftest/src"),
        &mut |text| {
            covered.extend(covers(text));
        },
    )?;
    report(&items.paths, &covered)
}

/// `paths` has the names of each item: a re-export gives it another.
fn report(paths: &[BTreeSet<String>], covered: &BTreeSet<String>) -> Result<()> {
    ensure!(paths.len() > 50, "rustdoc lists only {} items", paths.len());
    let known: BTreeSet<&String> = paths.iter().flatten().collect();
    let missing: Vec<_> = paths
        .iter()
        .filter(|names| names.is_disjoint(covered))
        .filter_map(|names| names.first().map(String::as_str))
        .collect();
    let unknown: Vec<_> = covered
        .iter()
        .filter(|name| !known.contains(name))
        .map(String::as_str)
        .collect();
    if missing.is_empty() && unknown.is_empty() {
        println!("{} public items, each with a self-test", paths.len());
        return Ok(());
    }
    bail!(
        "{} of {} public items have no self-test:\n  {}\n{} names in the self-test are no items:\n  {}",
        missing.len(),
        paths.len(),
        missing.join("\n  "),
        unknown.len(),
        unknown.join("\n  ")
    );
}

/// Calls `each` with every Rust file below a folder.
fn sources(folder: &Path, each: &mut impl FnMut(&str)) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, each)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The items that the `selftests!` of a file name.
fn covers(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n");
    let Some((_, declared)) = code.split_once("\nselftests! {") else {
        return Vec::new();
    };
    declared
        .split("=> [")
        .skip(1)
        .filter_map(|list| list.split(']').next())
        .flat_map(|list| list.split(','))
        .map(|name| name.split_whitespace().collect::<String>())
        .filter(|name| !name.is_empty())
        .collect()
}

/// The public items of crates.
#[derive(Default)]
struct Items {
    paths: Vec<BTreeSet<String>>,
}

impl Items {
    fn add_crate(&mut self, doc: &Value, name: &str) -> Result<()> {
        let index = doc["index"].as_object().context("no index")?;
        let mut walk = Walk {
            index,
            found: BTreeMap::new(),
        };
        walk.module(&doc["root"], name);
        self.paths.extend(walk.found.into_values());
        Ok(())
    }
}

struct Walk<'a> {
    index: &'a serde_json::Map<String, Value>,
    /// By rustdoc's id, or the path of what another crate defines.
    found: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Walk<'a> {
    fn get(&self, id: &Value) -> Option<&'a Value> {
        self.index.get(&key(id))
    }

    fn module(&mut self, id: &Value, path: &str) {
        if LEFT_OUT.iter().any(|(left_out, _)| *left_out == path) {
            return;
        }
        let Some(module) = self.get(id) else { return };
        for child in list(&module["inner"]["module"]["items"]) {
            if let Some(item) = self.get(child) {
                if item["visibility"] == "public" {
                    self.item(item, child, path, None);
                }
            }
        }
    }

    /// An item below `path`; `renamed` is its name there, when a `use` gives one.
    fn item(&mut self, item: &Value, id: &Value, path: &str, renamed: Option<&str>) {
        let inner = &item["inner"];
        if let Some(reexport) = inner.get("use") {
            return self.reexport(reexport, path);
        }
        let Some(name) = renamed.or(item["name"].as_str()) else {
            return;
        };
        let path = format!("{path}::{name}");
        if inner.get("module").is_some() {
            return self.module(id, &path);
        }
        self.found.entry(key(id)).or_default().insert(path.clone());
        for kind in ["struct", "enum", "union"] {
            for block in list(&inner[kind]["impls"]) {
                self.methods(block, &path);
            }
        }
    }

    fn reexport(&mut self, reexport: &Value, path: &str) {
        let target = self.get(&reexport["id"]);
        if reexport["is_glob"] == true {
            match target {
                Some(target) if target["inner"].get("module").is_some() => {
                    self.module(&reexport["id"], path);
                }
                _ => {}
            }
            return;
        }
        let Some(name) = reexport["name"].as_str() else {
            return;
        };
        match target {
            Some(target) => self.item(target, &reexport["id"], path, Some(name)),
            // Of another crate: ours are the macros.
            None => {
                let source = reexport["source"].as_str().unwrap_or_default();
                if source.starts_with("kernel_abi_macros") {
                    let names = self.found.entry(source.to_owned()).or_default();
                    names.insert(format!("{path}::{name}"));
                }
            }
        }
    }

    /// The public functions and constants of an `impl` without a trait.
    fn methods(&mut self, block: &Value, path: &str) {
        let Some(block) = self.get(block) else { return };
        let block = &block["inner"]["impl"];
        if !block["trait"].is_null() {
            return;
        }
        for id in list(&block["items"]) {
            let Some(item) = self.get(id) else { continue };
            if let (Some(name), true) = (item["name"].as_str(), item["visibility"] == "public") {
                let names = self.found.entry(key(id)).or_default();
                names.insert(format!("{path}::{name}"));
            }
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Ids are numbers in newer formats, and keys of the index are text.
fn key(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_read_from_the_declaration() {
        let text = "fn a() {}\n\nselftests! {\n    a => [x::A, x::A::b,]; // x::C\n    b => [];\n    c => [\n        x::D,\n    ];\n}\n";
        assert_eq!(covers(text), ["x::A", "x::A::b", "x::D"]);
        assert!(covers("//! selftests! { a => [x::A]; }").is_empty());
    }

    #[test]
    fn items_are_found_where_they_are_public() {
        let doc = json!({ "root": 0, "index": {
            "0": { "name": "x", "inner": { "module": { "items": [1, 2, 5] } } },
            "1": { "name": "A", "visibility": "public", "inner": { "struct": { "impls": [3] } } },
            "2": { "name": "hidden", "visibility": "crate", "inner": { "function": {} } },
            "3": { "inner": { "impl": { "trait": null, "items": [4] } } },
            "4": { "name": "new", "visibility": "public", "inner": { "function": {} } },
            "5": { "visibility": "public", "inner": { "use": { "name": "B", "id": 1, "is_glob": false, "source": "A" } } },
        } });
        let mut items = Items::default();
        items.add_crate(&doc, "x").unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected: [BTreeSet<String>; 2] =
            [names(&["x::A", "x::B"]), names(&["x::A::new", "x::B::new"])];
        assert_eq!(items.paths, expected);
    }

    #[test]
    fn what_is_missing_or_unknown_is_an_error() {
        let one = |name: String| BTreeSet::from([name]);
        let paths: Vec<_> = (0..60).map(|n| one(format!("x::A{n}"))).collect();
        let mut covered: BTreeSet<String> = paths.iter().flatten().cloned().collect();
        report(&paths, &covered).unwrap();
        covered.remove("x::A7");
        let error = report(&paths, &covered).unwrap_err().to_string();
        assert!(
            error.contains("1 of 60") && error.contains("x::A7"),
            "{error}"
        );
        covered.insert("x::A7".into());
        covered.insert("x::Gone".into());
        let error = report(&paths, &covered).unwrap_err().to_string();
        assert!(
            error.contains("0 of 60") && error.contains("x::Gone"),
            "{error}"
        );
        assert!(report(&paths[..3], &covered).is_err());
    }
}
