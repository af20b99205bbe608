// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Which firmware a GPU is booted with.

use std::path::PathBuf;

use nova_driver::{FirmwareFolders, FirmwareSet, FirmwareSource};
use nova_spec::{chip::CHIPS, firmware::set::Synthetic};

use super::GpuName;
use crate::error::{Context, Error};

impl GpuName {
    /// Where this GPU's firmware is: in `folder`, then in the system's. The model in this process
    /// executes none, so without a folder it gets files that have the form and no content.
    ///
    /// # Errors
    /// When those files could not be made.
    pub fn firmware(&self, folder: Option<PathBuf>) -> Result<Box<dyn FirmwareSource>, Error> {
        match (self, folder) {
            (Self::Model(_), None) => Ok(Box::new(synthetic()?)),
            (_, folder) => Ok(Box::new(FirmwareFolders::with_system(folder))),
        }
    }
}

fn synthetic() -> Result<FirmwareSet, Error> {
    let mut set = FirmwareSet::new();
    for chip in CHIPS {
        let files = Synthetic::default().files(chip.chipset);
        for file in files.context("making the model's firmware")? {
            let folder = chip.chipset.firmware_folder();
            set.insert(format!("{folder}/{}", file.name), file.content);
        }
    }
    Ok(set)
}
