// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! BARs and the option ROM.

use nova_pci::{Bar, BarIndex, Pci, PciError};
use nova_spec::{
    pci::header,
    register::Register,
    regs::{NV_PMC_BOOT_0, NV_PMC_BOOT_42},
    Chipset,
};

use crate::check::{enable_memory, ensure, misaligned, outside, say, Outcome};

/// The BARs of a GPU, and the least that they have.
const BARS: [(BarIndex, u64); 3] = [
    (BarIndex::Bar0, 16 << 20),
    (BarIndex::Bar1, 32 << 20),
    (BarIndex::Bar3, 16 << 20),
];

pub(crate) fn bounds<P: Pci>(pci: &P) -> Outcome {
    enable_memory(pci)?;
    for (index, min) in BARS {
        let bar = pci.bar(index).map_err(say(index.name()))?;
        let (name, size) = (index.name(), bar.size());
        ensure!(
            size.is_power_of_two() && size >= min,
            "{name} has {size:#x} bytes"
        );
        bar.read32(size - 4).map_err(say("read the last dword"))?;
        outside(name, bar.read32(size))?;
        outside(name, bar.read32(u64::MAX - 3))?;
        outside(name, bar.write32(size, 0))?;
        outside(name, bar.read(size - 1, &mut [0; 2]))?;
        outside(name, bar.write(size - 1, &[0; 2]))?;
        outside(name, bar.read(u64::MAX, &mut [0; 2]))?;
        for offset in 1..4 {
            misaligned(name, bar.read32(offset))?;
            misaligned(name, bar.write32(offset, 0))?;
        }
    }
    // The upper half of BAR1's address.
    match pci.bar(BarIndex::Bar2) {
        Err(PciError::NoBar(BarIndex::Bar2)) => Ok(()),
        Ok(_) => Err("there is a BAR2".into()),
        Err(error) => Err(format!("BAR2: {error:?}")),
    }
}

pub(crate) fn widths<P: Pci>(pci: &P) -> Outcome {
    enable_memory(pci)?;
    let bar0 = pci.bar(BarIndex::Bar0).map_err(say("BAR0"))?;
    let at = u64::from(NV_PMC_BOOT_42::OFFSET);
    let value = bar0.read32(at).map_err(say("read NV_PMC_BOOT_42"))?;
    let chipset = NV_PMC_BOOT_42::from_raw(value).chipset();
    ensure!(chipset.is_some(), "NV_PMC_BOOT_42 is {value:#010x}");
    let boot_0 = bar0.read32(NV_PMC_BOOT_0::OFFSET.into());
    let boot_0 = boot_0.map_err(say("read NV_PMC_BOOT_0"))?;
    let id = boot_0 >> 20;
    ensure!(
        Some(id) == chipset.map(Chipset::id).map(u32::from),
        "NV_PMC_BOOT_0 is {boot_0:#010x}"
    );
    for len in [1, 2, 4] {
        for start in (0..4).step_by(len) {
            let mut data = [0; 4];
            let part = data.get_mut(..len).unwrap_or_default();
            bar0.read(at + start as u64, part)
                .map_err(say("read bytes"))?;
            let bytes = value.to_le_bytes();
            let wanted = bytes.get(start..start + len).unwrap_or_default();
            ensure!(
                *part == *wanted,
                "{len} bytes at {start}: {part:02x?}, not {wanted:02x?}"
            );
        }
    }
    Ok(())
}

/// A BAR that is mapped bypasses the device here, as [`Bar::memory`] says: BAR0 never is.
pub(crate) fn decode<P: Pci>(pci: &P) -> Outcome {
    let at = u64::from(NV_PMC_BOOT_0::OFFSET);
    let bar0 = pci.bar(BarIndex::Bar0).map_err(say("BAR0"))?;
    pci.config_write(header::COMMAND, &[0; 2])
        .map_err(say("clear the command register"))?;
    for _ in 0..2 {
        let off = bar0.read32(at).map_err(say("read without memory decode"))?;
        ensure!(
            off == u32::MAX,
            "without memory decode a register is {off:#010x}"
        );
        let mut bytes = [0; 7];
        bar0.read(at + 1, &mut bytes)
            .map_err(say("read without memory decode"))?;
        ensure!(
            bytes == [0xff; 7],
            "without memory decode bytes are {bytes:02x?}"
        );
        bar0.write32(at, 0)
            .map_err(say("write without memory decode"))?;
        enable_memory(pci)?;
        let on = bar0.read32(at).map_err(say("read with memory decode"))?;
        ensure!(
            on != u32::MAX,
            "with memory decode a register is {on:#010x}"
        );
        pci.config_write(header::COMMAND, &[0; 2])
            .map_err(say("clear the command register"))?;
    }
    Ok(())
}

pub(crate) fn vram<P: Pci>(pci: &P) -> Outcome {
    enable_memory(pci)?;
    let bar1 = pci.bar(BarIndex::Bar1).map_err(say("BAR1"))?;
    // More than a message holds, and at no round place.
    let data: Vec<u8> = (0..(1 << 20) + 13)
        .map(|at: u32| (at ^ at >> 8) as u8)
        .collect();
    let at = 0x12345;
    bar1.write(at, &data).map_err(say("write VRAM"))?;
    let mut read = vec![0; data.len()];
    bar1.read(at, &mut read).map_err(say("read VRAM"))?;
    let differs = data
        .iter()
        .zip(&read)
        .position(|(written, read)| written != read);
    if let Some(first) = differs {
        let count = data
            .iter()
            .zip(&read)
            .filter(|(written, read)| written != read)
            .count();
        let around = first..(first + 8).min(data.len());
        let (written, read) = (data.get(around.clone()), read.get(around));
        return Err(format!(
            "VRAM does not read as written: {count} bytes, from {first:#x} on {read:02x?} for {written:02x?}"
        ));
    }
    bar1.write32(0x12348, 0x0102_0304)
        .map_err(say("write a dword"))?;
    let mut bytes = [0; 4];
    bar1.read(0x12348, &mut bytes).map_err(say("read VRAM"))?;
    ensure!(bytes == [4, 3, 2, 1], "a dword's bytes are {bytes:02x?}");
    let dword = bar1.read32(0x12348).map_err(say("read a dword"))?;
    ensure!(dword == 0x0102_0304, "a dword is {dword:#010x}");
    Ok(())
}

pub(crate) fn rom<P: Pci>(pci: &P) -> Outcome {
    let size = pci.rom_size();
    outside("the ROM", pci.rom_read(size, &mut [0]))?;
    outside("the ROM", pci.rom_read(u64::MAX, &mut [0]))?;
    if size == 0 {
        return Ok(());
    }
    let mut whole = vec![0; size as usize];
    pci.rom_read(0, &mut whole).map_err(say("read the ROM"))?;
    let mut part = [0; 7];
    pci.rom_read(1, &mut part)
        .map_err(say("read a part of the ROM"))?;
    ensure!(
        whole.get(1..8) == Some(&part[..]),
        "a part of the ROM reads as {part:02x?}"
    );
    Ok(())
}
