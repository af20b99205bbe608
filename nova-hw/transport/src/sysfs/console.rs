// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Whether a card shows the console: taking it away leaves the operator blind.

use std::{fs, io};

use super::{link_name, optional, PciAddress, Sysfs};

/// How a card shows the console.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// The firmware showed its messages there (`boot_vga`).
    pub boot_vga: bool,
    /// Frame buffers on it, like `fb0`.
    pub framebuffers: Vec<String>,
    /// The console draws on a frame buffer (fbcon is bound).
    pub fbcon: bool,
}

impl Console {
    /// Whether taking the card may take the console away.
    pub fn is_shown(&self) -> bool {
        self.boot_vga || (self.fbcon && !self.framebuffers.is_empty())
    }
}

impl Sysfs {
    /// What of the console is on a card.
    ///
    /// # Errors
    /// When sysfs cannot be read.
    pub fn console(&self, address: PciAddress) -> io::Result<Console> {
        let boot_vga = optional(&self.device_path(address).join("boot_vga"))?;
        Ok(Console {
            boot_vga: boot_vga.trim() == "1",
            framebuffers: self.framebuffers(address)?,
            fbcon: self.fbcon()?,
        })
    }

    fn framebuffers(&self, address: PciAddress) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for (name, path) in self.class("graphics")? {
            let on = link_name(&path.join("device"))?;
            if name.starts_with("fb") && on == Some(address.to_string()) {
                found.push(name);
            }
        }
        found.sort();
        Ok(found)
    }

    fn fbcon(&self) -> io::Result<bool> {
        for (_, path) in self.class("vtconsole")? {
            let name = optional(&path.join("name"))?;
            let bound = optional(&path.join("bind"))?;
            if name.contains("frame buffer") && bound.trim() == "1" {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn class(&self, class: &str) -> io::Result<Vec<(String, std::path::PathBuf)>> {
        let entries = match fs::read_dir(self.root.join("class").join(class)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let named = entries.map(|entry| {
            let entry = entry?;
            Ok((
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            ))
        });
        named.collect()
    }
}
