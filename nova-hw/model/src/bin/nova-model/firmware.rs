// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Synthetic firmware files, as a distribution would install a chip's.

use std::{fs, path::Path};

use nova_spec::{firmware::set::Synthetic, Chipset};

use crate::serve::{at, ServeError};

/// Writes the files of `chipset` into its folder below `folder`.
pub(crate) fn write(folder: &Path, chipset: Chipset) -> Result<(), ServeError> {
    let files = Synthetic::default().files(chipset);
    let files = files.map_err(|error| at("making firmware")(std::io::Error::other(error)))?;
    let folder = folder.join(chipset.firmware_folder());
    fs::create_dir_all(&folder).map_err(at("making the firmware folder"))?;
    for file in files {
        let path = folder.join(&file.name);
        fs::write(path, &file.content).map_err(at("writing firmware"))?;
    }
    tracing::info!("firmware for {chipset} is in {}", folder.display());
    Ok(())
}
