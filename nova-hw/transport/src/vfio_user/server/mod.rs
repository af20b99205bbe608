// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Any device of the PCI seam, offered on a socket: to QEMU's `vfio-user-pci`, or to
//! [`VfioUser`](super::VfioUser).

mod dma;
mod irq;
mod regions;
mod reply;

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use nova_pci::{Pci, PciError};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
};
use zerocopy::FromBytes;

use self::{dma::DmaTable, irq::Irqs, regions::Regions, reply::Reply};
use super::{
    message::{
        argsz, Command, DeviceInfo, DmaMap, DmaUnmap, Header, RegionAccess, Version, MAX_DATA,
    },
    receiver::Receiver,
    version,
};

/// How a device is offered.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerOptions {
    /// Lets the peer map the BARs that have memory. QEMU then waits for an answer to every
    /// write to any BAR, so registers get slower and memory faster.
    pub mmap_bars: bool,
}

/// A device that peers use, one after the other.
///
/// What a peer's messages ask is checked, and refused with an errno; the connection goes on. It
/// ends when the peer breaks the framing. The device keeps its state from one peer to the next,
/// but for memory and interrupts, which are the peer's own.
pub struct Server<P: Pci> {
    pci: P,
    regions: Regions<P>,
}

impl<P: Pci> Server<P> {
    /// Opens the device's BARs.
    ///
    /// # Errors
    /// What the device says to that.
    pub fn new(pci: P, options: ServerOptions) -> Result<Self, PciError> {
        let regions = Regions::new(&pci, options)?;
        Ok(Self { pci, regions })
    }

    /// Serves one peer until it goes.
    ///
    /// # Errors
    /// What the socket says, and `InvalidData` when a message has an impossible size or is no
    /// command.
    pub fn serve(&self, stream: &UnixStream) -> io::Result<()> {
        let mut peer = Peer {
            pci: &self.pci,
            regions: &self.regions,
            dma: DmaTable::default(),
            irqs: Irqs::default(),
        };
        let served = peer.serve(stream);
        if let Err(error) = peer.irqs.disconnect(&self.pci) {
            tracing::warn!(%error, "MSI was not turned off");
        }
        served
    }
}

/// One peer's connection.
struct Peer<'a, P: Pci> {
    pci: &'a P,
    regions: &'a Regions<P>,
    dma: DmaTable<P>,
    irqs: Irqs,
}

impl<P: Pci> Peer<'_, P> {
    fn serve(&mut self, stream: &UnixStream) -> io::Result<()> {
        let mut receiver = Receiver::default();
        let mut payload = Vec::new();
        let mut reply = Reply::default();
        while let Some((header, fds)) = receiver.header(stream)? {
            let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
            let size = header.payload();
            let size = size.ok_or_else(|| invalid("a message of an impossible size"))?;
            if header.is_reply() {
                return Err(invalid("a reply to nothing"));
            }
            // The whole message is taken before it is looked at: an error never loses step.
            payload.resize(size, 0);
            receiver.exact(stream, &mut payload)?;
            reply.clear();
            let result = self.handle(&header, &payload, fds, &mut reply);
            if let Err(errno) = result {
                tracing::debug!(command = %header.command(), %errno, "refused");
            }
            if header.wants_reply() {
                reply.send(stream, &header, result)?;
            }
        }
        Ok(())
    }

    fn handle(
        &mut self,
        header: &Header,
        payload: &[u8],
        fds: Vec<OwnedFd>,
        reply: &mut Reply,
    ) -> Result<(), Errno> {
        match header.command() {
            Command::REGION_READ => self.region_read(payload, reply),
            Command::REGION_WRITE => self.region_write(payload, reply),
            Command::VERSION => negotiate(payload, reply),
            Command::DMA_MAP => self.dma.map(self.pci, &exact::<DmaMap>(payload)?, fds),
            Command::DMA_UNMAP => {
                let unmap: DmaUnmap = exact(payload)?;
                self.dma.unmap(self.pci, &unmap)?;
                reply.put(&unmap);
                Ok(())
            }
            Command::GET_INFO => {
                exact::<DeviceInfo>(payload)?;
                reply.put(&DeviceInfo {
                    argsz: argsz::<DeviceInfo>(),
                    flags: VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
                    num_regions: VFIO_PCI_NUM_REGIONS,
                    num_irqs: VFIO_PCI_NUM_IRQS,
                });
                Ok(())
            }
            Command::GET_REGION_INFO => self.regions.info(&exact(payload)?, reply),
            Command::GET_IRQ_INFO => irq::info(&exact(payload)?, reply),
            Command::SET_IRQS => self.irqs.set(self.pci, payload, fds),
            Command::RESET => self.pci.reset().map_err(errno),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn region_read(&mut self, payload: &[u8], reply: &mut Reply) -> Result<(), Errno> {
        let access: RegionAccess = exact(payload)?;
        if access.count > MAX_DATA {
            return Err(Errno::INVAL);
        }
        reply.put(&access);
        let data = reply.room(access.count as usize);
        let (region, offset) = (access.region, access.offset);
        self.regions.read(self.pci, region, offset, data)
    }

    fn region_write(&mut self, payload: &[u8], reply: &mut Reply) -> Result<(), Errno> {
        let (access, data) = RegionAccess::read_from_prefix(payload).map_err(|_| Errno::INVAL)?;
        if data.len() != access.count as usize {
            return Err(Errno::INVAL);
        }
        let (region, offset) = (access.region, access.offset);
        self.regions.write(self.pci, region, offset, data)?;
        reply.put(&access);
        Ok(())
    }
}

fn negotiate(payload: &[u8], reply: &mut Reply) -> Result<(), Errno> {
    let (theirs, text) = Version::read_from_prefix(payload).map_err(|_| Errno::INVAL)?;
    if theirs.major != version::MAJOR || text.len() > version::MAX_TEXT {
        return Err(Errno::INVAL);
    }
    let theirs = version::parse(text).map_err(|_| Errno::INVAL)?;
    tracing::debug!(?theirs, "a vfio-user peer introduces itself");
    reply.put(&Version {
        major: version::MAJOR,
        minor: version::MINOR,
    });
    reply.put_bytes(&version::text());
    Ok(())
}

/// A payload that is one structure.
fn exact<T: FromBytes>(payload: &[u8]) -> Result<T, Errno> {
    T::read_from_bytes(payload).map_err(|_| Errno::INVAL)
}

/// The errno for a failure of the device's.
fn errno(error: PciError) -> Errno {
    match &error {
        PciError::OutOfRange { .. } | PciError::Misaligned { .. } => Errno::INVAL,
        PciError::NoBar(_) | PciError::NoMsi => Errno::INVAL,
        PciError::DmaAddress { .. } => Errno::EXIST,
        PciError::Transport(source) => Errno::from_io_error(source).unwrap_or(Errno::IO),
    }
}
