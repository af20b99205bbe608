// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Folders of the cache: made once, by one process, whole or not at all.

use crate::host;
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder that `recipe` describes; `make` fills it when it is not there. Its name has the recipe's checksum in
/// it, so a changed recipe makes a new folder and leaves the old one to whoever uses it.
///
/// `make` gets a folder of another name, which does not exist yet. What a killed process left there is thrown away.
pub(crate) fn folder(
    name: &str,
    recipe: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    folder_in(&host::cache()?, name, recipe, make)
}

fn folder_in(
    cache: &Path,
    name: &str,
    recipe: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let name = format!("{name}-{:08x}", crc32fast::hash(recipe.as_bytes()));
    let path = cache.join(&name);
    if path.is_dir() {
        return Ok(path);
    }
    fs::create_dir_all(cache).with_context(|| format!("making {}", cache.display()))?;
    let _lock = host::lock(&cache.join(format!("{name}.lock")), &name)?;
    if path.is_dir() {
        return Ok(path);
    }
    let unfinished = cache.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("removing {}", unfinished.display()))?;
    }
    make(&unfinished)?;
    fs::rename(&unfinished, &path).with_context(|| format!("making {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn folders_are_made_once_and_named_by_their_recipe() {
        let cache = tempfile::tempdir().unwrap();
        let make = |text: &'static str| {
            move |path: &Path| {
                fs::create_dir(path)?;
                Ok(fs::write(path.join("file"), text)?)
            }
        };
        let first = folder_in(cache.path(), "x", "one", make("one")).unwrap();
        let again = folder_in(cache.path(), "x", "one", |_| bail!("made twice")).unwrap();
        assert_eq!(first, again);
        let other = folder_in(cache.path(), "x", "two", make("two")).unwrap();
        assert_ne!(first, other);
        assert_eq!(fs::read(first.join("file")).unwrap(), b"one");
    }

    #[test]
    fn what_was_not_finished_is_not_used() {
        let cache = tempfile::tempdir().unwrap();
        let error = folder_in(cache.path(), "x", "one", |path| {
            fs::create_dir(path)?;
            fs::write(path.join("half"), "")?;
            bail!("killed")
        });
        assert!(error.is_err());
        let path = folder_in(cache.path(), "x", "one", |path| Ok(fs::create_dir(path)?)).unwrap();
        assert!(!path.join("half").exists());
    }
}
