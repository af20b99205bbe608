// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The card's VBIOS, and what is known of the FWSEC program in it.

/// A VBIOS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vbios {
    /// The ROM's content.
    pub(crate) rom: Vec<u8>,
    pub(crate) fwsec: Fwsec,
}

/// The FWSEC program: what its descriptor in the ROM says, and the bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fwsec {
    pub(crate) ucode_id: u8,
    pub(crate) engine_id_mask: u16,
    /// Where in DMEM the signature belongs.
    pub(crate) pkc_data_offset: u32,
    /// Where in DMEM the table of interfaces is.
    pub(crate) interface_offset: u32,
    /// The versions for which there are signatures, a bit each.
    pub(crate) signature_versions: u16,
    pub(crate) signatures: Vec<Vec<u8>>,
    pub(crate) imem: Vec<u8>,
    pub(crate) dmem: Vec<u8>,
}
