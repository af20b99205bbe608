// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A BAR as messages, or as memory where the peer lets it be mapped.

use std::sync::Arc;

use nova_pci::{Bar, BarIndex, BarMemory, DmaMemory, PciError};
use zerocopy::IntoBytes;

use super::connection::{Call, Connection};
use crate::{
    access::{check_aligned, check_range},
    vfio_user::{
        error::VfioUserError,
        message::{Command, RegionAccess},
    },
};

const ACCESS: usize = size_of::<RegionAccess>();

/// A BAR of a [`VfioUser`](super::VfioUser) device.
pub struct VfioUserBar {
    pub(super) connection: Arc<Connection>,
    pub(super) index: BarIndex,
    pub(super) size: u64,
    /// The most bytes in a message.
    pub(super) chunk: usize,
    pub(super) memory: Option<BarMemory>,
    /// `memory`, mapped here.
    pub(super) map: Option<Arc<DmaMemory>>,
}

impl Bar for VfioUserBar {
    fn size(&self) -> u64 {
        self.size
    }

    fn read32(&self, offset: u64) -> Result<u32, PciError> {
        check_aligned(self.index.name(), offset)?;
        check_range(self.index.name(), self.size, offset, 4)?;
        if let Some(map) = &self.map {
            return map.load32(offset);
        }
        let mut data = [0; 4];
        read(&self.connection, self.index as u32, offset, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        check_aligned(self.index.name(), offset)?;
        check_range(self.index.name(), self.size, offset, 4)?;
        if let Some(map) = &self.map {
            return map.store32(offset, value);
        }
        let data = value.to_le_bytes();
        Ok(write(&self.connection, self.index as u32, offset, &data)?)
    }

    fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        check_range(self.index.name(), self.size, offset, data.len())?;
        if let Some(map) = &self.map {
            return map.read(offset, data);
        }
        for (at, part) in (offset..)
            .step_by(self.chunk)
            .zip(data.chunks_mut(self.chunk))
        {
            read(&self.connection, self.index as u32, at, part)?;
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        check_range(self.index.name(), self.size, offset, data.len())?;
        if let Some(map) = &self.map {
            return map.write(offset, data);
        }
        for (at, part) in (offset..).step_by(self.chunk).zip(data.chunks(self.chunk)) {
            write(&self.connection, self.index as u32, at, part)?;
        }
        Ok(())
    }

    fn memory(&self) -> Option<BarMemory> {
        self.memory.clone()
    }
}

/// Reads from a region, in one message.
pub(super) fn read(
    connection: &Connection,
    region: u32,
    offset: u64,
    data: &mut [u8],
) -> Result<(), VfioUserError> {
    let access = RegionAccess {
        offset,
        region,
        count: data.len() as u32,
    };
    let call = Call {
        command: Command::REGION_READ,
        parts: &[access.as_bytes()],
        fds: &[],
    };
    // A register fits the stack.
    let mut small = [0; ACCESS + 8];
    let mut large = Vec::new();
    let reply = match small.get_mut(..ACCESS + data.len()) {
        Some(reply) => reply,
        None => {
            large.resize(ACCESS + data.len(), 0);
            &mut large
        }
    };
    let (len, _) = connection.call(&call, reply)?;
    match reply
        .get(..len)
        .and_then(|reply| reply.split_at_checked(ACCESS))
    {
        Some((_, read)) if read.len() == data.len() => data.copy_from_slice(read),
        _ => {
            let what = format!("{len} bytes for {} of data", data.len());
            return Err(VfioUserError::nonsense(call.command, what));
        }
    }
    Ok(())
}

/// Writes to a region, in one message, and waits until the device has it: what is written next
/// by whatever way comes after it.
pub(super) fn write(
    connection: &Connection,
    region: u32,
    offset: u64,
    data: &[u8],
) -> Result<(), VfioUserError> {
    let access = RegionAccess {
        offset,
        region,
        count: data.len() as u32,
    };
    let call = Call {
        command: Command::REGION_WRITE,
        parts: &[access.as_bytes(), data],
        fds: &[],
    };
    connection.call(&call, &mut [0; ACCESS])?;
    Ok(())
}
