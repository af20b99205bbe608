// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Firmware files for guests: the TLV files that upstream's nova-core asks for, which no distribution ships yet, and those that
//! our driver does. They are made of synthetic images, or of NVIDIA's as Debian packages them; those are never part of
//! the project.

use crate::{
    cached,
    initramfs::Extra,
    lab::cleanup::TempDir,
    mirror,
    run::{quiet, step},
    tree::Tree,
};
use anyhow::{Context, Result};
use nova_spec::{
    chip::Chipset,
    error::FormatError,
    firmware::{
        names::{FirmwareFile, DEBIAN_PACKAGE, VERSION},
        set::{convert_to_tlv, NamedFile, Synthetic},
    },
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where images come from.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Origin {
    /// Images without meaning: the model executes none
    Synthetic,
    /// NVIDIA's, from Debian's firmware-nvidia-graphics, which is downloaded
    Debian,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::Debian => "Debian's",
        }
    }
}

const SOURCES: &str = "deb @DEBIAN@ trixie-backports non-free-firmware";

/// Keeps GSP's files of three chips, links as they are: of version 570.144, and GA102's of 535.113.01, which is
/// there to be refused.
const UNPACK: &str = r#"
cd /out
package=$(ls *.deb)
dpkg-deb -f "$package" Version > version
dpkg-deb --fsys-tarfile "$package" | tar -x --wildcards --strip-components=4 \
    './usr/lib/firmware/nvidia/ga102/gsp/*' \
    './usr/lib/firmware/nvidia/ad102/gsp/*-570.144.bin*' \
    './usr/lib/firmware/nvidia/tu102/gsp/*-570.144.bin*' \
    './usr/lib/firmware/nvidia/tu102/gsp/bootloader-535.113.01.bin*'
rm "$package"
"#;

/// The folder of Debian's files, to give as `/lib/firmware`: it has `nvidia/ga102/gsp/…`. Downloads the package when
/// it is not there.
pub(crate) fn debian(tree: &Tree) -> Result<PathBuf> {
    let sources = mirror::sources(&[SOURCES])?.join("\n");
    let recipe = [&sources, DEBIAN_PACKAGE, UNPACK].join("\n");
    cached::folder(DEBIAN_PACKAGE, &recipe, |unfinished| {
        step(&format!("downloading {DEBIAN_PACKAGE}"));
        tree.download(&sources, DEBIAN_PACKAGE, unfinished)?;
        quiet(&mut tree.shell(unfinished, unfinished, UNPACK, false)?)?;
        Ok(())
    })
}

/// Files for a guest's `/lib/firmware`, in a folder that goes with this.
pub(crate) struct Files {
    pub(crate) extra: Vec<Extra>,
    _dir: TempDir,
}

/// Makes nova-core's files for a chip.
pub(crate) fn for_nova_core(tree: &Tree, chipset: Chipset, origin: Origin) -> Result<Files> {
    let debian = match origin {
        Origin::Synthetic => None,
        Origin::Debian => Some(debian(tree)?),
    };
    write(chipset, tlv_files(chipset, debian.as_deref())?)
}

/// Makes synthetic files for a chip, named as a distribution's: what our driver asks for.
pub(crate) fn for_our_driver(chipset: Chipset) -> Result<Files> {
    write(chipset, Synthetic::default().files(chipset)?)
}

/// NVIDIA's files for a chip, from Debian's package under Debian's names: what nouveau asks for.
pub(crate) fn for_nouveau(tree: &Tree, chipset: Chipset) -> Result<Vec<Extra>> {
    let folder = chipset.firmware_folder();
    let from = debian(tree)?.join(folder);
    let extra = FirmwareFile::ALL.map(|file| {
        let name = file.file_name(VERSION);
        Extra {
            from: from.join(&name),
            to: format!("/lib/firmware/{folder}/{name}"),
        }
    });
    Ok(extra.into())
}

fn write(chipset: Chipset, files: Vec<NamedFile>) -> Result<Files> {
    let dir = TempDir::new()?;
    let mut extra = Vec::new();
    for file in files {
        let from = dir.path().join(&file.name);
        fs::write(&from, &file.content)?;
        let to = format!("/lib/firmware/{}/{}", chipset.firmware_folder(), file.name);
        extra.push(Extra { from, to });
    }
    Ok(Files { extra, _dir: dir })
}

/// Converts the files below a firmware folder, or synthetic ones.
fn tlv_files(chipset: Chipset, folder: Option<&Path>) -> Result<Vec<NamedFile>> {
    let Some(folder) = folder else {
        let files = Synthetic::default().files(chipset)?;
        return Ok(convert_to_tlv(chipset, |name| {
            let file = files.iter().find(|file| file.name == name);
            file.map(|file| file.content.clone())
                .ok_or(FormatError::Missing("synthetic file of that name"))
        })?);
    };
    let folder = folder.join(chipset.firmware_folder());
    convert_to_tlv(chipset, |name| {
        let path = folder.join(name);
        fs::read(&path)
            .with_context(|| format!("reading {} ({DEBIAN_PACKAGE}, {VERSION})", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synthetic_files_are_those_that_nova_core_asks_for() {
        for chipset in [Chipset::GA102, Chipset::AD102] {
            let files = tlv_files(chipset, None).unwrap();
            let mut names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
            names.sort_unstable();
            let wanted = [
                "booter_load.tlv",
                "booter_unload.tlv",
                "gsp.bin",
                "gsp.tlv",
                "gsp_bootloader.tlv",
            ];
            assert_eq!(names, wanted);
        }
    }

    #[test]
    fn a_missing_file_is_named_with_its_package() {
        let empty = tempfile::tempdir().unwrap();
        let error = tlv_files(Chipset::GA102, Some(empty.path())).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("nvidia/ga102/gsp/gsp-570.144.bin"), "{text}");
        assert!(text.contains("firmware-nvidia-graphics"), "{text}");
    }
}
