// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! FWSEC out of the ROM that the card shows.

use nova_pci::Bar;

use super::{put32, u16_at, u32_at, Driver, Outcome};

/// FWSEC: what its descriptor says, and its bytes.
#[derive(Clone, Debug)]
pub struct Fwsec {
    pub pkc_data_offset: u32,
    pub interface_offset: u32,
    pub engine_id_mask: u32,
    pub ucode_id: u32,
    pub imem: Vec<u8>,
    pub dmem: Vec<u8>,
    signature_versions: u32,
    signatures: Vec<u8>,
}

/// Bytes of the largest flash that a seed draws, and some more.
const LARGEST: usize = 0x3_0000;

impl Driver {
    /// The window of the ROM.
    pub fn prom(&self) -> &[u8] {
        self.prom.get_or_init(|| {
            let mut bytes = vec![0; LARGEST];
            self.bar0.read(0x30_0000, &mut bytes).unwrap();
            bytes
        })
    }

    pub fn fwsec(&self) -> Outcome<Fwsec> {
        let flash = self.prom();
        let start = first_image(flash)?;
        let rom = &flash[start..];
        let (pc_at, expansion) = images(rom)?;
        let table = falcon_data(pc_at)? - pc_at.len();
        let table = &expansion[table..];
        let (header, entry_len) = (usize::from(table[1]), usize::from(table[2]));
        let entries = (0..usize::from(table[3])).map(|i| &table[header + i * entry_len..]);
        let entry = entries.into_iter().find(|entry| entry[0] == 0x85);
        let entry = entry.ok_or("no FWSEC among the programs")?;
        let desc = u32_at(entry, 2) as usize - pc_at.len();
        Ok(descriptor(&expansion[desc..]))
    }
}

/// Behind an IFR, if there is one.
fn first_image(flash: &[u8]) -> Outcome<usize> {
    if &flash[..4] != b"NVGI" {
        return Ok(0);
    }
    let fixed = u32_at(flash, 4);
    match fixed >> 8 & 0xff {
        1 | 2 => Ok(u32_at(flash, (fixed >> 16 & 0x7fff) as usize + 4) as usize),
        3 => {
            let status = u32_at(flash, (u32_at(flash, 8) & 0xf_ffff) as usize) as usize;
            Ok(u32_at(flash, status + 4096 + 8) as usize)
        }
        version => Err(format!("IFR version {version}")),
    }
}

/// The PC-AT image, and everything from the first FWSEC image on.
fn images(rom: &[u8]) -> Outcome<(&[u8], &[u8])> {
    let (mut at, mut pc_at) = (0, None);
    loop {
        let image = rom.get(at..at + 64).ok_or("no FWSEC image")?;
        if u16_at(image, 0) != 0xaa55 {
            return Err(format!("no image at {at:#x}"));
        }
        let pcir = u16_at(image, 0x18);
        let (mut units, kind) = (u16_at(image, pcir + 0x10), image[pcir + 0x14]);
        let npde = at + (pcir + u16_at(image, pcir + 0x0a)).next_multiple_of(16);
        if &rom[npde..npde + 4] == b"NPDE" {
            units = u16_at(rom, npde + 8);
        }
        let len = units * 512;
        match kind {
            0 => pc_at = Some(&rom[at..at + len]),
            0xe0 => return Ok((pc_at.ok_or("no PC-AT image")?, &rom[at..])),
            _ => {}
        }
        at += len;
    }
}

/// The pointer in BIT's token for falcon data.
fn falcon_data(image: &[u8]) -> Outcome<usize> {
    let signature = [0xff, 0xb8, b'B', b'I', b'T', 0];
    let bit = image.windows(6).position(|bytes| bytes == signature);
    let bit = &image[bit.ok_or("no BIT")?..];
    let (header, size) = (usize::from(bit[8]), usize::from(bit[9]));
    let tokens = (0..usize::from(bit[10])).map(|i| &bit[header + i * size..]);
    let token = tokens.into_iter().find(|token| token[0] == 0x70);
    let token = token.ok_or("no falcon data")?;
    Ok(u32_at(image, u16_at(token, 4)) as usize)
}

fn descriptor(bytes: &[u8]) -> Fwsec {
    let total = (u32_at(bytes, 0) >> 16) as usize;
    let (imem, dmem) = (u32_at(bytes, 20) as usize, u32_at(bytes, 32) as usize);
    let ucode = &bytes[total..total + imem + dmem];
    Fwsec {
        pkc_data_offset: u32_at(bytes, 8),
        interface_offset: u32_at(bytes, 12),
        engine_id_mask: u16_at(bytes, 36) as u32,
        ucode_id: bytes[38].into(),
        signature_versions: u16_at(bytes, 40) as u32,
        signatures: bytes[44..total].to_vec(),
        imem: ucode[..imem].to_vec(),
        dmem: ucode[imem..].to_vec(),
    }
}

impl Fwsec {
    /// Where in DMEM the mapper of the command is.
    pub fn mapper(&self) -> usize {
        u32_at(&self.dmem, self.interface_offset as usize + 8) as usize
    }

    /// Puts a command into DMEM: FRTS (0x15) with its region, or SB (0x19).
    pub fn set_command(&mut self, command: u32, address: u64, size: u64) {
        let mapper = self.mapper();
        put32(&mut self.dmem, mapper + 0x2c, command);
        let at = u32_at(&self.dmem, mapper + 8) as usize;
        let region = [1, 20, (address >> 12) as u32, (size >> 12) as u32, 2];
        for (i, word) in [1, 24, 0, 0, 0, 2].into_iter().chain(region).enumerate() {
            put32(&mut self.dmem, at + 4 * i, word);
        }
    }

    /// Puts the signature for the fuses `fuse` into DMEM, when it needs one.
    pub fn sign(&mut self, fuse: u32) -> Outcome {
        if self.signatures.is_empty() {
            return Ok(());
        }
        let bit = 1 << (16 - (fuse as u16).leading_zeros());
        if self.signature_versions & bit == 0 {
            return Err(format!("no signature for fuse {fuse:#x}"));
        }
        let index = (self.signature_versions & (bit - 1)).count_ones() as usize;
        let at = self.pkc_data_offset as usize;
        let signature = &self.signatures[index * 384..(index + 1) * 384];
        self.dmem[at..at + 384].copy_from_slice(signature);
        Ok(())
    }
}
