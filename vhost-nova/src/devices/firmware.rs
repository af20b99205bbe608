// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Which chips have firmware installed. Which chip a card has is only known once it is probed.

use std::path::PathBuf;

use nova_spec::chip::CHIPS;
use nova_spec::firmware::names::{FirmwareFile, OTHER_VERSIONS, VERSION};
use serde::Serialize;

/// Where Linux keeps firmware.
const SYSTEM: &str = "/lib/firmware";

/// As the kernel's loader takes them, compressed or not.
const SUFFIXES: [&str; 3] = ["", ".zst", ".xz"];

/// Folders that are searched in turn.
#[derive(Clone, Debug)]
pub struct Folders(Vec<PathBuf>);

impl Folders {
    /// `first`, when it is given, and the system's.
    pub fn with_system(first: Option<PathBuf>) -> Self {
        Self(first.into_iter().chain([SYSTEM.into()]).collect())
    }

    /// These alone.
    pub fn only(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    /// What of the chips' firmware is there.
    pub(crate) fn installed(&self) -> Vec<Firmware> {
        let chips = CHIPS.iter().map(|chip| chip.chipset);
        let found = chips.map(|chipset| {
            let folder = chipset.firmware_folder();
            let has = |file: FirmwareFile, version: &str| {
                self.has(&format!("{folder}/{}", file.file_name(version)))
            };
            let complete = |version: &str| FirmwareFile::ALL.iter().all(|file| has(*file, version));
            let other = OTHER_VERSIONS.iter().find(|version| complete(version));
            Firmware {
                chip: chipset.name(),
                installed: complete(VERSION),
                version: VERSION,
                other_version: other.copied(),
            }
        });
        found.collect()
    }

    fn has(&self, name: &str) -> bool {
        let paths = self
            .0
            .iter()
            .flat_map(|folder| SUFFIXES.map(|suffix| folder.join(format!("{name}{suffix}"))));
        paths.into_iter().any(|path| path.is_file())
    }
}

/// The firmware of one chip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Firmware {
    pub(crate) chip: &'static str,
    /// All files of the version that is supported are there.
    pub(crate) installed: bool,
    /// That version.
    pub(crate) version: &'static str,
    /// Another version that is there, and is not supported.
    pub(crate) other_version: Option<&'static str>,
}
