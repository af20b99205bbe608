// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Firmware in folders, as distributions install it: plain, `.xz` or `.zst`, often through
//! symbolic links.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{FirmwareError, FirmwareSource, FoundFile};

/// The most that a file may have, uncompressed. The largest known has 64 MB.
const MAX_SIZE: u64 = 256 << 20;
/// The most memory that an xz file may make its decoder use, in KiB.
const XZ_MEMORY_KIB: u32 = 256 << 10;

/// Where Linux keeps firmware.
const SYSTEM_FOLDER: &str = "/lib/firmware";

/// Folders that are searched in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareFolders {
    folders: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
enum Compression {
    None,
    Xz,
    Zstd,
}

/// What is looked for, in the order of the kernel's loader.
const FORMS: [(&str, Compression); 3] = [
    ("", Compression::None),
    (".zst", Compression::Zstd),
    (".xz", Compression::Xz),
];

impl FirmwareFolders {
    /// These folders, each with an `nvidia` folder in it.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            folders: folders.into_iter().collect(),
        }
    }

    /// `first` if it is given, then the system's `/lib/firmware`.
    pub fn with_system(first: Option<PathBuf>) -> Self {
        Self::new(first.into_iter().chain([SYSTEM_FOLDER.into()]))
    }
}

impl FirmwareSource for FirmwareFolders {
    fn find(&self, name: &str) -> Result<Option<FoundFile<'_>>, FirmwareError> {
        for folder in &self.folders {
            for (suffix, compression) in FORMS {
                let path = folder.join(format!("{name}{suffix}"));
                if let Some(bytes) = read(&path, compression)? {
                    return Ok(Some(FoundFile {
                        bytes: Cow::Owned(bytes),
                        origin: path.display().to_string(),
                    }));
                }
            }
        }
        Ok(None)
    }

    fn places(&self) -> Vec<String> {
        let folders = self.folders.iter();
        folders.map(|folder| folder.display().to_string()).collect()
    }
}

fn read(path: &Path, compression: Compression) -> Result<Option<Vec<u8>>, FirmwareError> {
    let failed = |source| FirmwareError::Io {
        path: path.display().to_string(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        // A dangling link is a missing file too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let bytes = decode(file, compression, metadata.len()).map_err(failed)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(FirmwareError::TooLarge {
            path: path.display().to_string(),
            max: MAX_SIZE,
        });
    }
    Ok(Some(bytes))
}

/// Reads no more than one byte past [`MAX_SIZE`].
fn decode(file: File, compression: Compression, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match compression {
        Compression::None => {
            bytes.reserve_exact(len.min(MAX_SIZE + 1) as usize);
            file.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        }
        Compression::Xz => {
            let input = io::BufReader::new(file);
            let decoder = lzma_rust2::XzReader::new_mem_limit(input, true, XZ_MEMORY_KIB);
            decoder.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        }
        Compression::Zstd => {
            let input = io::BufReader::new(file);
            let decoder = ruzstd::decoding::StreamingDecoder::new(input);
            let decoder = decoder.map_err(io::Error::other)?;
            decoder.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
