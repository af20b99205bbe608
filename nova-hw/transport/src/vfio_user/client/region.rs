// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What the peer says about a region of its device.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use nova_pci::{BarMemory, PAGE_SIZE};
use rustix::fs::{fcntl_get_seals, SealFlags};
use vfio_bindings::bindings::vfio::{VFIO_REGION_INFO_CAP_SPARSE_MMAP, VFIO_REGION_INFO_FLAG_MMAP};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::connection::{Call, Connection};
use crate::vfio_user::{
    error::VfioUserError,
    message::{argsz, Command, RegionInfo, SparseMmap},
};

/// The most capability bytes that are looked at; one area takes 32.
const MAX_CAPS: usize = 4096;

#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) size: u64,
    /// Where the peer lets the whole region be mapped.
    pub(crate) memory: Option<BarMemory>,
}

impl Region {
    /// Asks twice where there are capabilities, as VFIO has it: first for their size.
    pub(crate) fn ask(connection: &Connection, index: u32) -> Result<Self, VfioUserError> {
        let mut reply = vec![0; size_of::<RegionInfo>() + MAX_CAPS];
        let (info, _, fds) = ask(connection, index, argsz::<RegionInfo>(), &mut reply)?;
        let (info, caps, fd) = if info.argsz > argsz::<RegionInfo>() {
            let limit = reply.len() as u32;
            let (info, len, fds) = ask(connection, index, info.argsz.min(limit), &mut reply)?;
            let caps = reply.get(..len).unwrap_or_default();
            (info, caps, fds.into_iter().next())
        } else {
            (info, &[][..], fds.into_iter().next())
        };
        let memory = fd.and_then(|fd| mappable(&info, caps, fd));
        Ok(Self {
            size: info.size,
            memory,
        })
    }
}

/// Returns the structure, the length of the reply, and its descriptors.
fn ask(
    connection: &Connection,
    index: u32,
    argsz: u32,
    reply: &mut [u8],
) -> Result<(RegionInfo, usize, Vec<OwnedFd>), VfioUserError> {
    let command = Command::GET_REGION_INFO;
    let question = RegionInfo {
        argsz,
        index,
        ..RegionInfo::new_zeroed()
    };
    let call = Call {
        command,
        parts: &[question.as_bytes()],
        fds: &[],
    };
    let (len, fds) = connection.call(&call, reply)?;
    let answer = reply.get(..len).unwrap_or_default();
    let (info, _) = RegionInfo::read_from_prefix(answer)
        .map_err(|_| VfioUserError::nonsense(command, format!("{len} bytes")))?;
    if info.index != index {
        let what = format!("it is about region {} and not {index}", info.index);
        return Err(VfioUserError::nonsense(command, what));
    }
    Ok((info, len, fds))
}

/// The region as memory, when all of it may be mapped and its file cannot shrink: a mapping
/// without a file behind it would end this process at the first access.
fn mappable(info: &RegionInfo, reply: &[u8], fd: OwnedFd) -> Option<BarMemory> {
    if info.flags & VFIO_REGION_INFO_FLAG_MMAP == 0 || info.size == 0 {
        return None;
    }
    let whole = match reply.get(info.cap_offset as usize..) {
        None | Some([]) => true,
        Some(_) if info.cap_offset == 0 => true,
        Some(cap) => {
            let (cap, _) = SparseMmap::read_from_prefix(cap).ok()?;
            u32::from(cap.id) == VFIO_REGION_INFO_CAP_SPARSE_MMAP
                && cap.nr_areas == 1
                && (cap.area_offset, cap.area_size) == (0, info.size)
        }
    };
    let sealed = fcntl_get_seals(fd.as_fd()).is_ok_and(|seals| seals.contains(SealFlags::SHRINK));
    let file = File::from(fd);
    let end = info.offset.checked_add(info.size)?;
    let backed = file.metadata().is_ok_and(|metadata| end <= metadata.len());
    let paged = info.offset % PAGE_SIZE == 0 && info.size % PAGE_SIZE == 0;
    (whole && sealed && backed && paged).then(|| BarMemory {
        file: Arc::new(file),
        offset: info.offset,
        len: info.size,
    })
}
