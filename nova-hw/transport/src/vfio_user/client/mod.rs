// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The PCI seam over a vfio-user socket.

mod bar;
mod connection;
mod handshake;
mod region;

use std::{
    io,
    ops::RangeInclusive,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    path::Path,
    sync::Arc,
    time::Duration,
};

use nova_pci::{BarIndex, DmaMemory, EventFd, Pci, PciError};
use rustix::{
    event::{eventfd, EventfdFlags},
    io::Errno,
};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_ROM_REGION_INDEX,
};
use zerocopy::IntoBytes;

pub use bar::VfioUserBar;

use self::{
    connection::{Call, Connection, DEFAULT_TIMEOUT},
    handshake::Device,
    region::Region,
};
use super::{
    error::VfioUserError,
    message::{argsz, Command, DmaMap, DmaUnmap, SetIrqs},
};
use crate::{
    access::{check_config, check_range, CONFIG_SIZE, CONVENTIONAL_CONFIG_SIZE, ROM},
    config::bar_kind,
};

/// Bus addresses that are given to a peer; it has no way to say which it takes. All GPUs of the
/// chip table reach this far.
const ADDRESS_BITS: u32 = 47;

/// A PCI device of another process.
///
/// Calls of several threads take turns on the one socket.
pub struct VfioUser {
    connection: Arc<Connection>,
    device: Device,
}

impl VfioUser {
    /// Connects to the server at `path` and asks what its device has.
    ///
    /// # Errors
    /// Any [`VfioUserError`].
    pub fn connect(path: &Path) -> Result<Self, VfioUserError> {
        let stream = UnixStream::connect(path).map_err(VfioUserError::Connect)?;
        Self::new(stream, DEFAULT_TIMEOUT)
    }

    /// As [`Self::connect`], on a connection that is there. An answer that takes longer than
    /// `timeout` ends it.
    ///
    /// # Errors
    /// Any [`VfioUserError`].
    pub fn new(stream: UnixStream, timeout: Duration) -> Result<Self, VfioUserError> {
        let connection = Connection::new(stream, timeout).map_err(VfioUserError::Connect)?;
        let device = handshake::introduce(&connection)?;
        Ok(Self {
            connection: Arc::new(connection),
            device,
        })
    }

    fn region(&self, index: u32) -> Option<&Region> {
        self.device.regions.get(index as usize)
    }

    fn config_size(&self) -> u64 {
        let size = self.region(VFIO_PCI_CONFIG_REGION_INDEX);
        let size = size.map_or(0, |region| region.size);
        size.clamp(CONVENTIONAL_CONFIG_SIZE, CONFIG_SIZE)
    }

    fn set_irqs(
        &self,
        flags: u32,
        count: u32,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(), VfioUserError> {
        let irqs = SetIrqs {
            argsz: argsz::<SetIrqs>(),
            flags: flags | VFIO_IRQ_SET_ACTION_TRIGGER,
            index: VFIO_PCI_MSI_IRQ_INDEX,
            start: 0,
            count,
        };
        let call = Call {
            command: Command::SET_IRQS,
            parts: &[irqs.as_bytes()],
            fds,
        };
        self.connection.call(&call, &mut [])?;
        Ok(())
    }
}

impl Pci for VfioUser {
    type Bar = VfioUserBar;
    type Mapping = VfioUserMapping;

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        check_config(self.config_size(), offset, data.len())?;
        let region = VFIO_PCI_CONFIG_REGION_INDEX;
        Ok(bar::read(&self.connection, region, offset.into(), data)?)
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        check_config(self.config_size(), offset, data.len())?;
        let region = VFIO_PCI_CONFIG_REGION_INDEX;
        Ok(bar::write(&self.connection, region, offset.into(), data)?)
    }

    fn bar(&self, index: BarIndex) -> Result<VfioUserBar, PciError> {
        let region = self.region(index as u32);
        let region = region.filter(|region| region.size > 0);
        let region = region.ok_or(PciError::NoBar(index))?;
        bar_kind(self, index)?.check(index, region.size)?;
        let map = match &region.memory {
            Some(memory) => {
                let (file, offset) = (memory.file.clone(), memory.offset);
                Some(DmaMemory::from_file(file, offset, memory.len)?)
            }
            None => None,
        };
        Ok(VfioUserBar {
            connection: self.connection.clone(),
            index,
            size: region.size,
            chunk: self.device.max_data,
            memory: region.memory.clone(),
            map,
        })
    }

    fn rom_size(&self) -> u64 {
        let rom = self.region(VFIO_PCI_ROM_REGION_INDEX);
        rom.map_or(0, |region| region.size)
    }

    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        check_range(ROM, self.rom_size(), offset, data.len())?;
        let chunk = self.device.max_data;
        for (at, part) in (offset..).step_by(chunk).zip(data.chunks_mut(chunk)) {
            bar::read(&self.connection, VFIO_PCI_ROM_REGION_INDEX, at, part)?;
        }
        Ok(())
    }

    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError> {
        Ok(vec![0..=(1 << ADDRESS_BITS) - 1])
    }

    fn dma_map(
        &self,
        bus_address: u64,
        memory: &Arc<DmaMemory>,
    ) -> Result<VfioUserMapping, PciError> {
        let len = memory.len();
        let refused = PciError::DmaAddress { bus_address, len };
        let end = bus_address.checked_add(len);
        let fits = end.is_some_and(|end| end <= 1 << ADDRESS_BITS);
        if !fits || bus_address % nova_pci::PAGE_SIZE != 0 {
            return Err(refused);
        }
        let (file, offset) = memory.file();
        let map = DmaMap {
            argsz: argsz::<DmaMap>(),
            flags: DmaMap::READ | DmaMap::WRITE,
            offset,
            address: bus_address,
            size: len,
        };
        let call = Call {
            command: Command::DMA_MAP,
            parts: &[map.as_bytes()],
            fds: &[file.as_fd()],
        };
        match self.connection.call(&call, &mut []) {
            Ok(_) => Ok(VfioUserMapping {
                connection: self.connection.clone(),
                start: bus_address,
                memory: memory.clone(),
            }),
            Err(VfioUserError::Refused { errno, .. }) if taken(errno) => Err(refused),
            Err(error) => Err(error.into()),
        }
    }

    fn enable_msi(&self) -> Result<EventFd, PciError> {
        if self.device.msi_vectors == 0 {
            return Err(PciError::NoMsi);
        }
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        let event = eventfd(0, flags).map_err(io::Error::from)?;
        self.set_irqs(VFIO_IRQ_SET_DATA_EVENTFD, 1, &[event.as_fd()])?;
        Ok(crate::event::from_fd(event))
    }

    fn disable_msi(&self) -> Result<(), PciError> {
        if self.device.msi_vectors == 0 {
            return Err(PciError::NoMsi);
        }
        Ok(self.set_irqs(VFIO_IRQ_SET_DATA_NONE, 0, &[])?)
    }

    fn reset(&self) -> Result<(), PciError> {
        if !self.device.resettable {
            return Err(VfioUserError::NoReset.into());
        }
        let call = Call {
            command: Command::RESET,
            parts: &[],
            fds: &[],
        };
        self.connection.call(&call, &mut [])?;
        Ok(())
    }
}

/// Whether a server says by this that an address is not free.
fn taken(errno: i32) -> bool {
    // As numbers: what a peer sends need not be an errno at all.
    [Errno::EXIST, Errno::INVAL]
        .map(Errno::raw_os_error)
        .contains(&errno)
}

/// Memory that is shown to the device of a [`VfioUser`], until this is dropped.
pub struct VfioUserMapping {
    connection: Arc<Connection>,
    start: u64,
    memory: Arc<DmaMemory>,
}

impl Drop for VfioUserMapping {
    fn drop(&mut self) {
        let unmap = DmaUnmap {
            argsz: argsz::<DmaUnmap>(),
            flags: 0,
            address: self.start,
            size: self.memory.len(),
        };
        let call = Call {
            command: Command::DMA_UNMAP,
            parts: &[unmap.as_bytes()],
            fds: &[],
        };
        // With the connection the peer loses all its maps.
        match self.connection.call(&call, &mut [0; size_of::<DmaUnmap>()]) {
            Ok(_) | Err(VfioUserError::Lost(_)) => {}
            Err(error) => tracing::warn!(%error, "memory was not taken back from the device"),
        }
    }
}
