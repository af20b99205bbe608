// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The device's regions by VFIO's numbers: six BARs, the option ROM, configuration space.

use nova_pci::{Bar, BarIndex, BarMemory, Pci, PciError};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_NUM_REGIONS, VFIO_PCI_ROM_REGION_INDEX,
    VFIO_REGION_INFO_CAP_SPARSE_MMAP, VFIO_REGION_INFO_FLAG_CAPS, VFIO_REGION_INFO_FLAG_MMAP,
    VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE,
};
use zerocopy::FromZeros;

use super::{errno, reply::Reply, ServerOptions};
use crate::{
    access::CONFIG_SIZE,
    vfio_user::message::{argsz, RegionInfo, SparseMmap},
};

pub(crate) struct Regions<P: Pci> {
    bars: [Option<P::Bar>; 6],
    rom_size: u64,
    mmap_bars: bool,
}

/// What a region number addresses.
enum Target<'a, B> {
    Bar(&'a B),
    Rom,
    Config,
    /// A BAR that the device does not have, or VGA's ranges.
    Nothing,
}

impl<P: Pci> Regions<P> {
    pub(crate) fn new(pci: &P, options: ServerOptions) -> Result<Self, PciError> {
        let mut bars = [const { None }; 6];
        for (index, place) in BarIndex::ALL.into_iter().zip(&mut bars) {
            *place = match pci.bar(index) {
                Ok(bar) => Some(bar),
                Err(PciError::NoBar(_)) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(Self {
            bars,
            rom_size: pci.rom_size(),
            mmap_bars: options.mmap_bars,
        })
    }

    fn target(&self, index: u32) -> Result<Target<'_, P::Bar>, Errno> {
        match index {
            VFIO_PCI_ROM_REGION_INDEX => Ok(Target::Rom),
            VFIO_PCI_CONFIG_REGION_INDEX => Ok(Target::Config),
            _ => match self.bars.get(index as usize) {
                Some(Some(bar)) => Ok(Target::Bar(bar)),
                Some(None) => Ok(Target::Nothing),
                None if index < VFIO_PCI_NUM_REGIONS => Ok(Target::Nothing),
                None => Err(Errno::INVAL),
            },
        }
    }

    pub(crate) fn info(&self, asked: &RegionInfo, reply: &mut Reply) -> Result<(), Errno> {
        let read_write = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
        let mut info = RegionInfo {
            argsz: argsz::<RegionInfo>(),
            index: asked.index,
            ..RegionInfo::new_zeroed()
        };
        match self.target(asked.index)? {
            Target::Bar(bar) => {
                (info.flags, info.size) = (read_write, bar.size());
                if let Some(memory) = bar.memory().filter(|_| self.mmap_bars) {
                    offer_memory(info, asked.argsz, memory, reply);
                    return Ok(());
                }
            }
            Target::Rom => (info.flags, info.size) = (VFIO_REGION_INFO_FLAG_READ, self.rom_size),
            Target::Config => (info.flags, info.size) = (read_write, CONFIG_SIZE),
            Target::Nothing => {}
        }
        reply.put(&info);
        Ok(())
    }

    pub(crate) fn read(
        &self,
        pci: &P,
        region: u32,
        offset: u64,
        data: &mut [u8],
    ) -> Result<(), Errno> {
        match self.target(region)? {
            Target::Bar(bar) => match <[u8; 4]>::try_from(&*data) {
                Ok(_) if offset % 4 == 0 => {
                    let value = bar.read32(offset).map_err(errno)?;
                    data.copy_from_slice(&value.to_le_bytes());
                    Ok(())
                }
                _ => bar.read(offset, data).map_err(errno),
            },
            Target::Rom => pci.rom_read(offset, data).map_err(errno),
            Target::Config => {
                let mut at = config_offset(offset, data.len())?;
                let mut rest = data;
                while !rest.is_empty() {
                    let (part, left) = rest.split_at_mut(natural(at, rest.len()));
                    pci.config_read(at, part).map_err(errno)?;
                    at += part.len() as u16;
                    rest = left;
                }
                Ok(())
            }
            Target::Nothing => Err(Errno::INVAL),
        }
    }

    pub(crate) fn write(
        &self,
        pci: &P,
        region: u32,
        offset: u64,
        data: &[u8],
    ) -> Result<(), Errno> {
        match self.target(region)? {
            Target::Bar(bar) => match <[u8; 4]>::try_from(data) {
                Ok(value) if offset % 4 == 0 => bar
                    .write32(offset, u32::from_le_bytes(value))
                    .map_err(errno),
                _ => bar.write(offset, data).map_err(errno),
            },
            Target::Config => {
                let mut at = config_offset(offset, data.len())?;
                let mut rest = data;
                while !rest.is_empty() {
                    let (part, left) = rest.split_at(natural(at, rest.len()));
                    pci.config_write(at, part).map_err(errno)?;
                    at += part.len() as u16;
                    rest = left;
                }
                Ok(())
            }
            Target::Rom | Target::Nothing => Err(Errno::INVAL),
        }
    }
}

/// Says that the region can be mapped. The file goes along only where there is room for the
/// capability too: QEMU takes it from that answer.
fn offer_memory(mut info: RegionInfo, room: u32, memory: BarMemory, reply: &mut Reply) {
    info.flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
    info.argsz = argsz::<RegionInfo>() + argsz::<SparseMmap>();
    info.offset = memory.offset;
    if room < info.argsz {
        reply.put(&info);
        return;
    }
    info.cap_offset = argsz::<RegionInfo>();
    reply.put(&info);
    reply.put(&SparseMmap {
        id: VFIO_REGION_INFO_CAP_SPARSE_MMAP as u16,
        version: 1,
        next: 0,
        nr_areas: 1,
        reserved: 0,
        area_offset: 0,
        area_size: info.size,
    });
    reply.attach(memory.file);
}

/// A place in configuration space that all of the access is inside of.
fn config_offset(offset: u64, len: usize) -> Result<u16, Errno> {
    let end = offset.checked_add(len as u64).ok_or(Errno::INVAL)?;
    if end > CONFIG_SIZE {
        return Err(Errno::INVAL);
    }
    u16::try_from(offset).map_err(|_| Errno::INVAL)
}

/// The largest naturally aligned access at `offset` that does not go past `left` bytes, which
/// are at least one.
fn natural(offset: u16, left: usize) -> usize {
    match (offset % 4, left) {
        (0, 4..) => 4,
        (0 | 2, 2..) => 2,
        _ => 1,
    }
}
