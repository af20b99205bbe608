// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Configuration space.

use nova_pci::Pci;
use nova_spec::pci::{class, command, header, VENDOR_NVIDIA};

use crate::check::{ensure, misaligned, outside, say, Outcome};

pub(crate) fn widths<P: Pci>(pci: &P) -> Outcome {
    let id = pci
        .config_read32(header::VENDOR_ID)
        .map_err(say("read 4 bytes"))?;
    let low = pci
        .config_read16(header::VENDOR_ID)
        .map_err(say("read 2 bytes"))?;
    let high = pci
        .config_read16(header::DEVICE_ID)
        .map_err(say("read 2 bytes"))?;
    ensure!(
        id == u32::from(high) << 16 | u32::from(low),
        "{id:#010x} is read as {low:#06x} and {high:#06x}"
    );
    for (at, byte) in (header::VENDOR_ID..).zip(id.to_le_bytes()) {
        let read = pci.config_read8(at).map_err(say("read a byte"))?;
        ensure!(read == byte, "byte {at} is {read:#04x} and not {byte:#04x}");
    }
    for (offset, len) in [(1, 2), (2, 4), (3, 2), (0, 3), (0, 8), (0, 0)] {
        let mut data = vec![0; len];
        let what = format!("{len} bytes at {offset}");
        misaligned(&what, pci.config_read(offset, &mut data))?;
        misaligned(&what, pci.config_write(offset, &data))?;
    }
    for offset in [4096, 0xfffc] {
        let what = format!("4 bytes at {offset}");
        outside(&what, pci.config_read(offset, &mut [0; 4]))?;
        outside(&what, pci.config_write(offset, &[0; 4]))?;
    }
    Ok(())
}

pub(crate) fn header<P: Pci>(pci: &P) -> Outcome {
    let vendor = pci.config_read16(header::VENDOR_ID).map_err(say("read"))?;
    ensure!(vendor == VENDOR_NVIDIA, "the vendor is {vendor:#06x}");
    let class = pci
        .config_read32(header::REVISION_CLASS)
        .map_err(say("read"))?
        >> 8;
    ensure!(
        class >> 16 == u32::from(class::BASE_DISPLAY),
        "the class is {class:#08x}"
    );
    // Writable, one bit at a time, and by bytes too.
    for bits in [command::MEMORY, command::BUS_MASTER, 0] {
        pci.config_write(header::COMMAND, &[bits as u8])
            .map_err(say("write a byte"))?;
        let both = command::MEMORY | command::BUS_MASTER;
        let read = pci.config_read16(header::COMMAND).map_err(say("read"))? & both;
        ensure!(
            read == bits,
            "the command register is {read:#06x} and not {bits:#06x}"
        );
    }
    Ok(())
}
