// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Folders with plain, compressed, linked, broken and missing files.

use std::{fs, io::Write, os::unix::fs::symlink};

use ruzstd::encoding::{compress_to_vec, CompressionLevel};

use super::*;

const NAME: &str = "nvidia/ga102/gsp/gsp-570.144.bin";

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("nvidia/ga102/gsp")).unwrap();
        Self { folder }
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("{NAME}{suffix}"))
    }

    fn source(&self) -> FirmwareFolders {
        FirmwareFolders::new([self.folder.path().into()])
    }

    fn found(&self) -> Vec<u8> {
        self.source()
            .find(NAME)
            .unwrap()
            .unwrap()
            .bytes
            .into_owned()
    }
}

fn content() -> Vec<u8> {
    (0..100_000u32).map(|at| (at / 7) as u8).collect()
}

fn xz(content: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

#[test]
fn plain_and_compressed_files_are_the_same() {
    let compressed = compress_to_vec(content().as_slice(), CompressionLevel::Fastest);
    for (suffix, bytes) in [
        ("", content()),
        (".xz", xz(&content())),
        (".zst", compressed),
    ] {
        let folder = Folder::new();
        fs::write(folder.path(suffix), bytes).unwrap();
        assert_eq!(folder.found(), content(), "{suffix:?}");
        let origin = folder.source().find(NAME).unwrap().unwrap().origin;
        assert_eq!(origin, folder.path(suffix).display().to_string());
    }
}

#[test]
fn links_are_followed_and_the_first_folder_wins() {
    let (first, second) = (Folder::new(), Folder::new());
    fs::write(second.path(""), b"second").unwrap();
    let both = FirmwareFolders::new([first.folder.path().into(), second.folder.path().into()]);
    assert_eq!(&both.find(NAME).unwrap().unwrap().bytes[..], b"second");
    fs::write(first.folder.path().join("elsewhere"), b"first").unwrap();
    symlink("../../../elsewhere", first.path("")).unwrap();
    assert_eq!(&both.find(NAME).unwrap().unwrap().bytes[..], b"first");
    assert_eq!(both.places().len(), 2);
}

#[test]
fn what_is_not_there_is_none() {
    let folder = Folder::new();
    assert!(folder.source().find(NAME).unwrap().is_none());
    symlink("nowhere", folder.path("")).unwrap();
    assert!(folder.source().find(NAME).unwrap().is_none());
    let nowhere = FirmwareFolders::new(["/nonexistent".into()]);
    assert!(nowhere.find(NAME).unwrap().is_none());
}

#[test]
fn what_can_not_be_read_is_an_error_with_its_path() {
    let folder = Folder::new();
    fs::create_dir(folder.path("")).unwrap();
    let error = folder.source().find(NAME).unwrap_err();
    assert!(error.to_string().contains(NAME), "{error}");

    let packed = xz(&content());
    for bytes in [&packed[..packed.len() / 2], b"no xz at all", b""] {
        let folder = Folder::new();
        fs::write(folder.path(".xz"), bytes).unwrap();
        let error = folder.source().find(NAME).unwrap_err();
        assert!(matches!(error, FirmwareError::Io { .. }), "{error}");
    }
    let packed = compress_to_vec(content().as_slice(), CompressionLevel::Fastest);
    for bytes in [&packed[..packed.len() / 2], b"no zstd", b""] {
        let folder = Folder::new();
        fs::write(folder.path(".zst"), bytes).unwrap();
        assert!(folder.source().find(NAME).is_err());
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = Folder::new();
    let file = File::create(folder.path("")).unwrap();
    file.set_len(MAX_SIZE + 1).unwrap();
    let error = folder.source().find(NAME).unwrap_err();
    assert!(matches!(error, FirmwareError::TooLarge { .. }), "{error}");
}
