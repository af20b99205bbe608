// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Sections of an ELF64 file, little endian: as much of the System V ABI as GSP-RM's file
//! needs. The crates for ELF read much more than a file of NVIDIA's has.

use alloc::vec::Vec;

use zerocopy::{
    little_endian::{U16, U32, U64},
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use crate::{
    bytes::{slice, structure, tail, until_nul},
    error::FormatError,
};

/// Machine number of RISC-V.
pub const EM_RISCV: u16 = 243;

const SHT_PROGBITS: u32 = 1;
const SHT_STRTAB: u32 = 3;
const SHT_NOBITS: u32 = 8;

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Elf64Ehdr {
    e_ident: [u8; 16],
    e_type: U16,
    e_machine: U16,
    e_version: U32,
    e_entry: U64,
    e_phoff: U64,
    e_shoff: U64,
    e_flags: U32,
    e_ehsize: U16,
    e_phentsize: U16,
    e_phnum: U16,
    e_shentsize: U16,
    e_shnum: U16,
    e_shstrndx: U16,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Elf64Shdr {
    sh_name: U32,
    sh_type: U32,
    sh_flags: U64,
    sh_addr: U64,
    sh_offset: U64,
    sh_size: U64,
    sh_link: U32,
    sh_info: U32,
    sh_addralign: U64,
    sh_entsize: U64,
}

const SHDR: u64 = size_of::<Elf64Shdr>() as u64;
const EHDR: u64 = size_of::<Elf64Ehdr>() as u64;
const _: () = assert!(SHDR == 64 && EHDR == 64);

/// A file whose headers are in order.
#[derive(Clone, Copy, Debug)]
pub struct Elf<'a> {
    file: &'a [u8],
    /// The section headers, whole.
    headers: &'a [u8],
    /// The section that has the sections' names.
    names: &'a [u8],
    machine: u16,
}

impl<'a> Elf<'a> {
    /// Checks a file's headers.
    pub fn new(file: &'a [u8]) -> Result<Self, FormatError> {
        let header: &Elf64Ehdr = structure(file, "ELF header", 0u64)?;
        let ident = u64::from_be_bytes(header.e_ident[..8].try_into().unwrap_or_default());
        // Magic, 64 bits, little endian, version 1; the ABI, the last of these bytes, may be any.
        if ident >> 8 != 0x007f_454c_4602_0101 {
            let expected = "that of a 64-bit little-endian ELF file";
            return Err(FormatError::value("e_ident", ident, expected));
        }
        if u64::from(header.e_shentsize.get()) != SHDR {
            return Err(FormatError::value(
                "e_shentsize",
                header.e_shentsize.get(),
                "64",
            ));
        }
        let count = u64::from(header.e_shnum.get());
        let headers = slice(file, "ELF section headers", header.e_shoff, count * SHDR)?;
        let mut elf = Self {
            file,
            headers,
            names: &[],
            machine: header.e_machine.get(),
        };
        let index = u64::from(header.e_shstrndx.get());
        let names: &Elf64Shdr = structure(headers, "ELF section of names", index * SHDR)?;
        elf.names = slice(file, "ELF section of names", names.sh_offset, names.sh_size)?;
        Ok(elf)
    }

    /// For which processor it is.
    pub fn machine(&self) -> u16 {
        self.machine
    }

    /// The content of the first section of that name.
    pub fn section(&self, name: &'static str) -> Result<&'a [u8], FormatError> {
        let sections = self.headers.chunks_exact(SHDR as usize);
        for header in sections.filter_map(|bytes| Elf64Shdr::ref_from_bytes(bytes).ok()) {
            let Ok(rest) = tail(self.names, "ELF section name", header.sh_name) else {
                continue;
            };
            // Compares no more than the name's length, however long the string is.
            let rest = &rest[..rest.len().min(name.len() + 1)];
            if until_nul(rest) == name.as_bytes() {
                if header.sh_type.get() == SHT_NOBITS {
                    return Err(FormatError::value(
                        name,
                        SHT_NOBITS,
                        "a section with content",
                    ));
                }
                return slice(self.file, name, header.sh_offset, header.sh_size);
            }
        }
        Err(FormatError::Missing(name))
    }
}

/// Writes a RISC-V file of these sections, in this order, each at a multiple of 64.
pub fn write(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = alloc::vec![0];
    let mut headers = alloc::vec![Elf64Shdr::new_zeroed()];
    let mut file = alloc::vec![0; EHDR as usize];
    let mut add = |file: &mut Vec<u8>, name: &str, kind, content: &[u8]| {
        let mut header = Elf64Shdr::new_zeroed();
        header.sh_name = (names.len() as u32).into();
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        header.sh_type = U32::new(kind);
        header.sh_offset = (file.len() as u64).into();
        // The section of names is the last, and holds its own name.
        let content = if kind == SHT_STRTAB { &names } else { content };
        header.sh_size = (content.len() as u64).into();
        file.extend_from_slice(content);
        file.resize(file.len().next_multiple_of(64), 0);
        headers.push(header);
    };
    for (name, content) in sections {
        add(&mut file, name, SHT_PROGBITS, content);
    }
    add(&mut file, ".shstrtab", SHT_STRTAB, &[]);
    let mut header = Elf64Ehdr::new_zeroed();
    header.e_ident[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    header.e_machine = EM_RISCV.into();
    header.e_version = 1.into();
    header.e_shoff = (file.len() as u64).into();
    header.e_ehsize = (EHDR as u16).into();
    header.e_shentsize = (SHDR as u16).into();
    header.e_shnum = (headers.len() as u16).into();
    header.e_shstrndx = (headers.len() as u16 - 1).into();
    file[..EHDR as usize].copy_from_slice(header.as_bytes());
    file.extend_from_slice(headers.as_bytes());
    file
}
