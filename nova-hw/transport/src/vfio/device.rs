// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The seam over an opened device.

use std::{
    fs::File,
    io,
    ops::RangeInclusive,
    os::fd::AsFd,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nova_pci::{BarIndex, DmaMemory, EventFd, Pci, PciError, PAGE_SIZE};
use rustix::{
    event::{eventfd, EventfdFlags},
    io::Errno,
    process::{getrlimit, Resource},
};
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_IRQ_INFO_EVENTFD,
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_ROM_REGION_INDEX,
    VFIO_REGION_INFO_FLAG_MMAP,
};

use super::{
    bar::{Region, VfioBar},
    error::{at, OpenError, VfioError},
    iova,
    open::{self, Opened},
    reset, sys,
};
use crate::{
    access::{check_config, check_range, CONFIG_SIZE, ROM},
    config::{bar_kind, COMMAND, COMMAND_BUS_MASTER, COMMAND_MEMORY},
    sysfs::{PciAddress, Sysfs},
};

/// Regions of a PCI device, up to configuration space.
const REGIONS: usize = VFIO_PCI_CONFIG_REGION_INDEX as usize + 1;

/// A PCI device that vfio-pci drives, and that is this process's while it lives.
pub struct VfioPci {
    inner: Arc<Inner>,
}

/// What BARs and mappings share with the device.
pub(crate) struct Inner {
    opened: Opened,
    address: PciAddress,
    regions: [Region; REGIONS],
    msi_vectors: u32,
    /// MSI is on. The kernel does not turn off what is off.
    msi: Mutex<bool>,
    /// The function can be reset on its own.
    resettable: bool,
    ranges: Vec<RangeInclusive<u64>>,
}

impl VfioPci {
    /// Takes the device at `address`. The kernel resets it on the way, where it can be reset on
    /// its own.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(address: PciAddress) -> Result<Self, OpenError> {
        let opened = open::open(&Sysfs::default(), Path::new("/dev"), address)?;
        let inner = Inner::ask(opened, address)?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Where the device is.
    pub fn address(&self) -> PciAddress {
        self.inner.address
    }
}

impl Inner {
    fn ask(opened: Opened, address: PciAddress) -> Result<Self, OpenError> {
        let device = &opened.device;
        let info = sys::device_info(device).map_err(open::at("ask what the device is"))?;
        if info.flags & VFIO_DEVICE_FLAGS_PCI == 0 || (info.num_regions as usize) < REGIONS {
            return Err(OpenError::Unsupported("PCI regions for this device"));
        }
        let mut regions = [Region::default(); REGIONS];
        for (index, region) in (0..).zip(&mut regions) {
            let info = sys::region_info(device, index);
            let info = info.map_err(open::at("ask for the device's regions"))?;
            *region = Region {
                size: info.size,
                offset: info.offset,
                mmap: info.flags & VFIO_REGION_INFO_FLAG_MMAP != 0,
            };
        }
        let msi = sys::irq_info(device, VFIO_PCI_MSI_IRQ_INDEX);
        let msi = msi.map_err(open::at("ask for the device's interrupts"))?;
        let usable = msi.flags & VFIO_IRQ_INFO_EVENTFD != 0;
        let iommu = sys::iommu_info(&opened.container).map_err(open::at("ask for IOVA ranges"))?;
        let ranges = iova::ranges(&iommu).map_err(open::at("read the IOVA ranges"))?;
        Ok(Self {
            address,
            regions,
            msi_vectors: if usable { msi.count } else { 0 },
            msi: Mutex::new(false),
            resettable: info.flags & VFIO_DEVICE_FLAGS_RESET != 0,
            ranges,
            opened,
        })
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.opened.device
    }

    pub(super) fn decodes_memory(&self) -> Result<bool, PciError> {
        let mut command = [0; 2];
        self.config_read(COMMAND, &mut command)?;
        Ok(u16::from_le_bytes(command) & COMMAND_MEMORY != 0)
    }

    fn region(&self, index: u32) -> Region {
        self.regions
            .get(index as usize)
            .copied()
            .unwrap_or_default()
    }

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        let region = self.region(VFIO_PCI_CONFIG_REGION_INDEX);
        check_config(region.size.min(CONFIG_SIZE), offset, data.len())?;
        let read = region.read(self.file(), offset.into(), data);
        Ok(read.map_err(at("read configuration space"))?)
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        let region = self.region(VFIO_PCI_CONFIG_REGION_INDEX);
        check_config(region.size.min(CONFIG_SIZE), offset, data.len())?;
        let written = region.write(self.file(), offset.into(), data);
        Ok(written.map_err(at("write configuration space"))?)
    }

    fn command(&self) -> Result<u16, PciError> {
        let mut command = [0; 2];
        self.config_read(COMMAND, &mut command)?;
        Ok(u16::from_le_bytes(command))
    }

    fn msi(&self) -> MutexGuard<'_, bool> {
        self.msi.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_msi(&self, flags: u32, event: Option<&impl AsFd>) -> Result<(), PciError> {
        let flags = flags | VFIO_IRQ_SET_ACTION_TRIGGER;
        let fd = event.map(AsFd::as_fd);
        let set = sys::set_irq(self.file(), VFIO_PCI_MSI_IRQ_INDEX, flags, fd);
        Ok(set.map_err(at("set the device's MSI"))?)
    }

    /// Why memory was not mapped.
    fn map_error(&self, bus_address: u64, len: u64, source: io::Error) -> PciError {
        match Errno::from_io_error(&source) {
            Some(Errno::EXIST | Errno::INVAL) => PciError::DmaAddress { bus_address, len },
            Some(Errno::NOSPC) => VfioError::TooManyMappings(source).into(),
            Some(Errno::NOMEM) => {
                let limit = getrlimit(Resource::Memlock).current;
                let limit = limit.map_or("no limit".into(), |limit| format!("{limit} bytes"));
                VfioError::MemoryLock { len, limit, source }.into()
            }
            _ => at("map memory for DMA")(source).into(),
        }
    }
}

impl Pci for VfioPci {
    type Bar = VfioBar;
    type Mapping = VfioMapping;

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.inner.config_read(offset, data)
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.inner.config_write(offset, data)
    }

    fn bar(&self, index: BarIndex) -> Result<VfioBar, PciError> {
        let region = self.inner.region(index as u32);
        if region.size == 0 {
            return Err(PciError::NoBar(index));
        }
        bar_kind(self, index)?.check(index, region.size)?;
        Ok(VfioBar {
            device: self.inner.clone(),
            index,
            region,
        })
    }

    fn rom_size(&self) -> u64 {
        self.inner.region(VFIO_PCI_ROM_REGION_INDEX).size
    }

    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        check_range(ROM, self.rom_size(), offset, data.len())?;
        // The kernel sets the ROM's own enable bit, and demands memory decode.
        let command = self.inner.command()?;
        let set = |value: u16| self.config_write(COMMAND, &value.to_le_bytes());
        set(command | COMMAND_MEMORY)?;
        let region = self.inner.region(VFIO_PCI_ROM_REGION_INDEX);
        let read = region.read(self.inner.file(), offset, data);
        set(command)?;
        Ok(read.map_err(at("read the option ROM"))?)
    }

    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError> {
        Ok(self.inner.ranges.clone())
    }

    fn dma_map(&self, bus_address: u64, memory: &Arc<DmaMemory>) -> Result<VfioMapping, PciError> {
        let len = memory.len();
        let last = bus_address.checked_add(len - 1);
        let inside = |range: &RangeInclusive<u64>| {
            range.contains(&bus_address) && last.is_some_and(|last| range.contains(&last))
        };
        if bus_address % PAGE_SIZE != 0 || !self.inner.ranges.iter().any(inside) {
            return Err(PciError::DmaAddress { bus_address, len });
        }
        sys::map_dma(&self.inner.opened.container, bus_address, memory)
            .map_err(|source| self.inner.map_error(bus_address, len, source))?;
        Ok(VfioMapping {
            device: self.inner.clone(),
            start: bus_address,
            memory: memory.clone(),
        })
    }

    fn enable_msi(&self) -> Result<EventFd, PciError> {
        if self.inner.msi_vectors == 0 {
            return Err(PciError::NoMsi);
        }
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
        let event = event.map_err(io::Error::from)?;
        self.inner
            .set_msi(VFIO_IRQ_SET_DATA_EVENTFD, Some(&event))?;
        Ok(crate::event::from_fd(event))
    }

    fn disable_msi(&self) -> Result<(), PciError> {
        if self.inner.msi_vectors == 0 {
            return Err(PciError::NoMsi);
        }
        let mut on = self.inner.msi();
        if *on {
            self.inner.set_msi(VFIO_IRQ_SET_DATA_NONE, None::<&File>)?;
            *on = false;
        }
        Ok(())
    }

    fn reset(&self) -> Result<(), PciError> {
        let inner = &self.inner;
        reset::reset(&inner.opened, inner.resettable, inner.address)?;
        // The kernel puts back what was in configuration space, this register too.
        let off = !(COMMAND_MEMORY | COMMAND_BUS_MASTER);
        let command = inner.command()? & off;
        self.config_write(COMMAND, &command.to_le_bytes())
    }
}

/// Memory that the IOMMU maps for a [`VfioPci`], until this is dropped.
pub struct VfioMapping {
    device: Arc<Inner>,
    start: u64,
    memory: Arc<DmaMemory>,
}

impl Drop for VfioMapping {
    fn drop(&mut self) {
        let container = &self.device.opened.container;
        match sys::unmap_dma(container, self.start, self.memory.len()) {
            Ok(len) if len == self.memory.len() => {}
            Ok(len) => tracing::error!(len, start = self.start, "less was unmapped than mapped"),
            Err(error) => tracing::error!(%error, start = self.start, "memory was not unmapped"),
        }
    }
}
