// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where firmware files come from.

use std::{borrow::Cow, collections::BTreeMap};

use super::FirmwareError;

/// A firmware file, uncompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile<'a> {
    /// Its content.
    pub bytes: Cow<'a, [u8]>,
    /// Where it was, for people.
    pub origin: String,
}

/// Finds firmware files by the name that the kernel's firmware loader uses, like
/// `nvidia/ga102/gsp/gsp-570.144.bin`.
pub trait FirmwareSource: Send + Sync {
    /// The file called `name`; `None` when there is no such file.
    ///
    /// # Errors
    /// When there is one and it cannot be read.
    fn find(&self, name: &str) -> Result<Option<FoundFile<'_>>, FirmwareError>;

    /// Where it looks, for people: `/lib/firmware`.
    fn places(&self) -> Vec<String>;
}

/// Firmware files in memory.
#[derive(Clone, Debug, Default)]
pub struct FirmwareSet {
    files: BTreeMap<String, Vec<u8>>,
}

impl FirmwareSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces it.
    pub fn insert(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(name.into(), bytes.into());
    }

    /// Takes a file out, if it is there.
    pub fn remove(&mut self, name: &str) -> Option<Vec<u8>> {
        self.files.remove(name)
    }
}

impl<N: Into<String>, B: Into<Vec<u8>>> FromIterator<(N, B)> for FirmwareSet {
    fn from_iter<I: IntoIterator<Item = (N, B)>>(files: I) -> Self {
        let files = files.into_iter();
        Self {
            files: files
                .map(|(name, bytes)| (name.into(), bytes.into()))
                .collect(),
        }
    }
}

impl FirmwareSource for FirmwareSet {
    fn find(&self, name: &str) -> Result<Option<FoundFile<'_>>, FirmwareError> {
        Ok(self.files.get(name).map(|bytes| FoundFile {
            bytes: Cow::Borrowed(bytes),
            origin: format!("memory: {name}"),
        }))
    }

    fn places(&self) -> Vec<String> {
        vec!["the set in memory".into()]
    }
}
