// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Firmware to boot with: a synthetic set always, Debian's files where they are.
#![allow(dead_code)] // each test uses a part

use std::{io::Write, path::PathBuf};

use nova_driver::{FirmwareFolders, FirmwareSet, FirmwareSource};
use nova_spec::{firmware::set::Synthetic, Chipset};

/// The synthetic files of `chipset`.
pub fn synthetic(chipset: Chipset) -> FirmwareSet {
    synthetic_of(&Synthetic::default(), chipset)
}

/// Synthetic files of other sizes.
pub fn synthetic_of(sizes: &Synthetic, chipset: Chipset) -> FirmwareSet {
    let folder = chipset.firmware_folder();
    let files = sizes.files(chipset).unwrap().into_iter();
    files
        .map(|file| (format!("{folder}/{}", file.name), file.content))
        .collect()
}

/// The name of one of the files of `chipset`.
pub fn name(chipset: Chipset, file: &str) -> String {
    format!("{}/{file}", chipset.firmware_folder())
}

/// Debian's files, where `NOVA_FIRMWARE_DIR` names them or they are installed; otherwise says
/// that the test was skipped.
pub fn debian(test: &str) -> Option<FirmwareFolders> {
    let given = std::env::var_os("NOVA_FIRMWARE_DIR").map(PathBuf::from);
    let is_given = given.is_some();
    let folders = FirmwareFolders::with_system(given);
    let image = name(Chipset::GA102, "gsp-570.144.bin");
    if folders.find(&image).unwrap().is_some() {
        return Some(folders);
    }
    assert!(!is_given, "NOVA_FIRMWARE_DIR has no {image}");
    // Not through `eprintln!`, which the test harness hides when a test passes.
    let skipped = format!(
        "skipped: {test}: firmware-nvidia-graphics is not installed (set NOVA_FIRMWARE_DIR)\n"
    );
    std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    None
}
