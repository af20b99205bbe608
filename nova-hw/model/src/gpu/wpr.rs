// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! VRAM as the CPU sees it, through BAR1 and PRAMIN: the write-protected region 2 (WPR2), in
//! which GSP's firmware lives, answers with a pattern and drops writes.

use std::ops::Range;

use nova_spec::{
    register::FixedRegister,
    regs::{NV_PFB_PRI_MMU_WPR2_ADDR_HI as HI, NV_PFB_PRI_MMU_WPR2_ADDR_LO as LO},
};

use crate::{register_file::RegisterFile, vram::Vram};

/// Every dword of what may not be read.
const VIOLATION: u32 = 0xbadf_1100;

/// The region, when there is one.
pub(crate) fn wpr2(registers: &RegisterFile) -> Option<Range<u64>> {
    let (lo, hi) = (registers.get::<LO>(), registers.get::<HI>());
    hi.is_set().then(|| lo.address()..hi.address())
}

/// Sets the region, of whole 4 KiB below 2^40. False, and nothing done, for another.
#[must_use]
pub(crate) fn set_wpr2(registers: &mut RegisterFile, region: Range<u64>) -> bool {
    let (lo, hi) = (LO::with_address(region.start), HI::with_address(region.end));
    let (Some(lo), Some(hi)) = (lo, hi) else {
        return false;
    };
    registers.set(LO::LOCATION, lo);
    registers.set(HI::LOCATION, hi);
    true
}

/// There is no region any more.
pub(crate) fn clear_wpr2(registers: &mut RegisterFile) {
    registers.set(LO::LOCATION, LO::DEFAULT);
    registers.set(HI::LOCATION, HI::DEFAULT);
}

/// Reads VRAM; what lies outside of it is all-ones.
pub(crate) fn cpu_read(vram: &Vram, wpr2: Option<&Range<u64>>, address: u64, data: &mut [u8]) {
    if vram.read(address, data).is_err() {
        data.fill(0xff);
    }
    for at in inside(wpr2, address, data.len()) {
        let lane = (address.wrapping_add(at as u64) % 4) as usize;
        data[at] = VIOLATION.to_le_bytes()[lane];
    }
}

/// Writes VRAM; what lies outside of it is dropped.
pub(crate) fn cpu_write(vram: &Vram, wpr2: Option<&Range<u64>>, address: u64, data: &[u8]) {
    let protected = inside(wpr2, address, data.len());
    let (below, above) = (&data[..protected.start], &data[protected.end..]);
    for (part, skipped) in [(below, 0), (above, protected.end)] {
        let at = address.checked_add(skipped as u64);
        if let (Some(at), false) = (at, part.is_empty()) {
            // Outside of VRAM nothing answers.
            let _ = vram.write(at, part);
        }
    }
}

/// The part of an access that falls into the region; `len..len` when none does.
fn inside(wpr2: Option<&Range<u64>>, address: u64, len: usize) -> Range<usize> {
    let none = len..len;
    let Some(region) = wpr2 else { return none };
    let offset = |at: u64| at.saturating_sub(address).min(len as u64) as usize;
    let (start, end) = (offset(region.start), offset(region.end));
    match start < end {
        true => start..end,
        false => none,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_keeps_its_bytes_to_itself() {
        let vram = Vram::new(1 << 20).unwrap();
        let region = 0x1000..0x2000;
        cpu_write(&vram, None, 0xff8, &[7; 16]);
        cpu_write(&vram, Some(&region), 0xffc, &[1; 16]);
        cpu_write(&vram, Some(&region), 0x1ffc, &[2; 8]);
        let mut seen = [0; 12];
        vram.read(0xff8, &mut seen).unwrap();
        assert_eq!(seen, [7, 7, 7, 7, 1, 1, 1, 1, 7, 7, 7, 7]);
        cpu_read(&vram, Some(&region), 0xffe, &mut seen);
        assert_eq!(&seen[..6], &[1, 1, 0x00, 0x11, 0xdf, 0xba]);
        let mut over = [0; 8];
        cpu_read(&vram, Some(&region), 0x1ffc, &mut over);
        assert_eq!(over, [0x00, 0x11, 0xdf, 0xba, 2, 2, 2, 2]);
    }

    #[test]
    fn outside_of_vram_nothing_answers() {
        let vram = Vram::new(1 << 20).unwrap();
        let mut seen = [0; 4];
        for address in [(1 << 20) - 2, 1 << 20, u64::MAX - 1] {
            cpu_write(&vram, Some(&(0..u64::MAX)), address, &[1; 4]);
            cpu_write(&vram, None, address, &[1; 4]);
            cpu_read(&vram, None, address, &mut seen);
            assert_eq!(seen, [0xff; 4], "{address:#x}");
        }
    }
}
