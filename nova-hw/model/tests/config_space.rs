// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Configuration space as a bus sees it. The header and the capability list are judged by a
//! decoder that others wrote (crate `pcics`), the rest by PCI 3.0 chapter 6.

use nova_model::Model;
use nova_pci::{Bar, BarIndex, Pci, PciError};
use nova_spec::{chip::AD102, chip::CHIPS, pci::command, pci::header};
use pcics::{
    capabilities::CapabilityKind,
    header::{BaseAddressType, HeaderType},
    Capabilities, Header, DDR_OFFSET, ECS_OFFSET,
};

const PM_CONTROL: u16 = 0x64;
const DEVICE_CONTROL: u16 = 0x80;

fn model() -> Model {
    Model::builder().build().unwrap()
}

fn image(pci: &impl Pci) -> Vec<u8> {
    let bytes = (0..256).map(|offset| pci.config_read8(offset));
    bytes.collect::<Result<_, _>>().unwrap()
}

/// The size that the sizing protocol tells for a BAR, and whether it has 64 bits.
fn probe_bar(pci: &impl Pci, index: BarIndex) -> (u64, bool) {
    let offset = header::BAR0 + 4 * index as u16;
    let size_of = |offset| {
        let kept = pci.config_read32(offset).unwrap();
        pci.config_write(offset, &[0xff; 4]).unwrap();
        let mask = pci.config_read32(offset).unwrap();
        pci.config_write(offset, &kept.to_le_bytes()).unwrap();
        assert_eq!(pci.config_read32(offset).unwrap(), kept);
        u64::from(mask)
    };
    let low = size_of(offset);
    match low & 0b110 {
        0 => (u64::from(!(low as u32 & !0xf)) + 1, false),
        0b100 => (!(low & !0xf | size_of(offset + 4) << 32) + 1, true),
        kind => panic!("BAR type {kind}"),
    }
}

#[test]
fn another_decoder_reads_the_header_of_every_chip() {
    for chip in CHIPS {
        let model = Model::builder().chip(*chip).build().unwrap();
        // The decoder takes an address of zero for no BAR.
        for (at, address) in [
            (0x10, 0xfb00_0000u32),
            (0x14, 0x1000_0000),
            (0x18, 0x38),
            (0x1c, 0x2200_0000),
            (0x20, 0x38),
        ] {
            model.config_write(at, &address.to_le_bytes()).unwrap();
        }
        let image = image(&model);
        let header = Header::try_from(&image[..DDR_OFFSET]).unwrap();
        assert_eq!(
            (header.vendor_id, header.device_id),
            (0x10de, chip.pci_device)
        );
        assert_eq!(header.revision_id, 0xa1);
        assert_eq!((header.class_code.base, header.class_code.sub), (3, 2));
        assert!(header.status.capabilities_list);
        let HeaderType::Normal(normal) = header.header_type else {
            panic!("not a type 0 header");
        };
        let found: Vec<_> = normal
            .base_addresses
            .map(|bar| (bar.region, bar.base_address_type))
            .collect();
        let bar0 = BaseAddressType::MemorySpace32 {
            prefetchable: false,
            base_address: 0xfb00_0000,
        };
        let wide = |base_address| BaseAddressType::MemorySpace64 {
            prefetchable: true,
            base_address,
        };
        assert_eq!(
            found,
            [
                (0, bar0),
                (1, wide(0x38_1000_0000)),
                (3, wide(0x38_2200_0000))
            ]
        );
    }
}

#[test]
fn another_decoder_walks_the_capabilities() {
    let image = image(&model());
    let header = Header::try_from(&image[..DDR_OFFSET]).unwrap();
    let capabilities: Vec<_> = Capabilities::new(&image[DDR_OFFSET..ECS_OFFSET], &header)
        .map(|capability| capability.unwrap())
        .collect();
    let [pm, msi, pcie] = &capabilities[..] else {
        panic!("{capabilities:?}");
    };
    assert!(
        matches!(pm.kind, CapabilityKind::PowerManagementInterface(_)),
        "{pm:?}"
    );
    let CapabilityKind::MessageSignaledInterrups(msi) = &msi.kind else {
        panic!("{msi:?}");
    };
    assert!(!msi.message_control.msi_enable);
    let CapabilityKind::PciExpress(pcie) = &pcie.kind else {
        panic!("{pcie:?}");
    };
    assert!(pcie.device.capabilities.function_level_reset_capability);
}

#[test]
fn the_sizing_protocol_tells_the_sizes_that_the_bars_have() {
    for chip in CHIPS {
        let model = Model::builder().chip(*chip).build().unwrap();
        for (index, size, wide) in [
            (BarIndex::Bar0, 16 << 20, false),
            (BarIndex::Bar1, 256 << 20, true),
            (BarIndex::Bar3, 32 << 20, true),
        ] {
            assert_eq!(probe_bar(&model, index), (size, wide), "{}", index.name());
            assert_eq!(model.bar(index).unwrap().size(), size);
        }
        assert_eq!(model.config_read32(0x24).unwrap(), 0);
        for index in [BarIndex::Bar2, BarIndex::Bar4, BarIndex::Bar5] {
            assert!(matches!(model.bar(index), Err(PciError::NoBar(i)) if i == index));
        }
    }
}

#[test]
fn the_rom_has_a_bar_of_its_own() {
    let model = model();
    model.config_write(0x30, &[0xff; 4]).unwrap();
    assert_eq!(model.config_read32(0x30).unwrap(), 0xfff8_0001);
    assert_eq!(model.rom_size(), 512 << 10);
    let end = model.rom_size();
    model.rom_read(end - 4, &mut [0; 4]).unwrap();
    assert!(matches!(
        model.rom_read(end - 3, &mut [0; 4]),
        Err(PciError::OutOfRange { .. })
    ));
}

#[test]
fn an_address_written_bytewise_reads_back() {
    let model = model();
    for (at, byte) in [(0x17u16, 0x80u8), (0x16, 0x12), (0x15, 0xff), (0x14, 0xff)] {
        model.config_write(at, &[byte]).unwrap();
    }
    // 256 MiB alignment; the type bits stay.
    assert_eq!(model.config_read32(0x14).unwrap(), 0x8000_000c);
}

#[test]
fn identity_is_read_only() {
    let model = model();
    let before = image(&model);
    for offset in (0..64).filter(|offset| !(4..=7).contains(offset)) {
        if !(0x10..0x28).contains(&offset)
            && !(0x30..0x34).contains(&offset)
            && offset != header::CACHE_LINE_SIZE
            && offset != header::INTERRUPT_LINE
        {
            model
                .config_write(offset, &[!before[usize::from(offset)]])
                .unwrap();
        }
    }
    assert_eq!(image(&model), before);
}

#[test]
fn bars_answer_only_while_memory_is_decoded() {
    let model = model();
    let (bar0, bar1) = (
        model.bar(BarIndex::Bar0).unwrap(),
        model.bar(BarIndex::Bar1).unwrap(),
    );
    assert_eq!(bar0.read32(0).unwrap(), u32::MAX);
    bar1.write32(0, 0x1234).unwrap();

    model
        .config_write(header::COMMAND, &command::MEMORY.to_le_bytes())
        .unwrap();
    assert_eq!(bar0.read32(0).unwrap(), 0x1720_00a1);
    assert_eq!(
        bar1.read32(0).unwrap(),
        0,
        "a write was taken while memory was not decoded"
    );

    // D3hot
    model.config_write(PM_CONTROL, &[3]).unwrap();
    assert_eq!(bar0.read32(0).unwrap(), u32::MAX);
    model.config_write(PM_CONTROL, &[0]).unwrap();
    assert_eq!(bar0.read32(0).unwrap(), 0x1720_00a1);

    model.config_write(header::COMMAND, &[0, 0]).unwrap();
    assert_eq!(bar0.read32(0).unwrap(), u32::MAX);
}

#[test]
fn a_reset_by_the_platform_keeps_addresses_and_one_by_the_function_does_not() {
    let model = model();
    let setup = || {
        model
            .config_write(0x10, &0xfb00_0000u32.to_le_bytes())
            .unwrap();
        model
            .config_write(header::COMMAND, &command::MEMORY.to_le_bytes())
            .unwrap();
    };
    let bar0 = model.bar(BarIndex::Bar0).unwrap();
    setup();
    model.reset().unwrap();
    assert_eq!(model.config_read32(0x10).unwrap(), 0xfb00_0000);
    assert_eq!(model.config_read16(header::COMMAND).unwrap(), 0);
    assert_eq!(bar0.read32(0).unwrap(), u32::MAX);

    setup();
    bar0.write32(0x1704, 0x8000_0000).unwrap();
    model
        .config_write(DEVICE_CONTROL, &0x8000u16.to_le_bytes())
        .unwrap();
    assert_eq!(model.config_read16(DEVICE_CONTROL).unwrap(), 0);
    assert_eq!(model.config_read32(0x10).unwrap(), 0);
    assert_eq!(model.config_read16(header::COMMAND).unwrap(), 0);
    setup();
    assert_eq!(bar0.read32(0x1704).unwrap(), 0);
}

#[test]
fn odd_accesses_are_errors_and_the_rest_of_the_space_is_zero() {
    let model = Model::builder().chip(AD102).build().unwrap();
    for (offset, len) in [(1, 2), (2, 4), (0, 3), (0, 8), (0, 0)] {
        let error = model.config_read(offset, &mut vec![0; len]).unwrap_err();
        assert!(
            matches!(error, PciError::Misaligned { .. }),
            "{offset} {len}: {error}"
        );
        let error = model.config_write(offset, &vec![0; len]).unwrap_err();
        assert!(
            matches!(error, PciError::Misaligned { .. }),
            "{offset} {len}: {error}"
        );
    }
    for offset in [4096, 4095, u16::MAX] {
        let error = model.config_read(offset, &mut [0; 4]).unwrap_err();
        assert!(
            matches!(error, PciError::OutOfRange { .. }),
            "{offset}: {error}"
        );
    }
    model.config_write(0x100, &[0xff; 4]).unwrap();
    assert_eq!(model.config_read32(0x100).unwrap(), 0);
    assert_eq!(model.config_read32(4092).unwrap(), 0);
}

#[test]
fn a_transport_reads_and_writes_any_bytes() {
    let model = model();
    let mut bytes = [0; 4096];
    model.config_region_read(0, &mut bytes).unwrap();
    assert_eq!(&bytes[..256], &image(&model));
    // Command and status in one access of four bytes, then three bytes across dwords.
    model.config_region_write(4, &[2, 0, 0, 0]).unwrap();
    assert_eq!(
        model.config_read16(header::COMMAND).unwrap(),
        command::MEMORY
    );
    model
        .config_region_write(0x13, &[0xfb, 0, 0])
        .expect("BAR0's last byte and BAR1's first");
    assert_eq!(model.config_read32(0x10).unwrap(), 0xfb00_0000);
    model.config_region_read(4096, &mut []).unwrap();
    for (offset, len) in [(4095, 2), (4097, 0), (u64::MAX, 1)] {
        let error = model
            .config_region_read(offset, &mut vec![0; len])
            .unwrap_err();
        assert!(matches!(error, PciError::OutOfRange { .. }), "{error}");
    }
}

#[test]
fn msi_is_on_in_the_capability_while_its_counter_is_there() {
    let model = model();
    let event = model.enable_msi().unwrap();
    assert_eq!(model.config_read16(0x6a).unwrap() & 1, 1);
    assert!(event.read().is_err());
    model.disable_msi().unwrap();
    assert_eq!(model.config_read16(0x6a).unwrap() & 1, 0);
}
