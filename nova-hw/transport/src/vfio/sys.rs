// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! VFIO's ioctls, with their errors (`include/uapi/linux/vfio.h`).
//!
//! Not the crate `vfio-ioctls` (0.10): it keeps the group's descriptor, which a hot reset needs,
//! to itself, has no hot reset and no IOVA ranges, drops the errno of half its calls and only
//! logs that a reset or a register access failed.
#![allow(unsafe_code)] // ioctls

use std::{
    ffi::CStr,
    fs::File,
    io,
    mem::size_of,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use nova_pci::DmaMemory;
use vfio_bindings::bindings::vfio::{
    vfio_device_info, vfio_group_status, vfio_iommu_type1_dma_map, vfio_iommu_type1_dma_unmap,
    vfio_irq_info, vfio_region_info, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE,
};
use vmm_sys_util::{
    ioctl::{ioctl, ioctl_with_mut_ref, ioctl_with_ptr, ioctl_with_ref, ioctl_with_val},
    ioctl_io_nr,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const TYPE: u32 = b';' as u32;
const BASE: u32 = 100;

ioctl_io_nr!(GET_API_VERSION, TYPE, BASE);
ioctl_io_nr!(CHECK_EXTENSION, TYPE, BASE + 1);
ioctl_io_nr!(SET_IOMMU, TYPE, BASE + 2);
ioctl_io_nr!(GROUP_GET_STATUS, TYPE, BASE + 3);
ioctl_io_nr!(GROUP_SET_CONTAINER, TYPE, BASE + 4);
ioctl_io_nr!(GROUP_GET_DEVICE_FD, TYPE, BASE + 6);
ioctl_io_nr!(DEVICE_GET_INFO, TYPE, BASE + 7);
ioctl_io_nr!(DEVICE_GET_REGION_INFO, TYPE, BASE + 8);
ioctl_io_nr!(DEVICE_GET_IRQ_INFO, TYPE, BASE + 9);
ioctl_io_nr!(DEVICE_SET_IRQS, TYPE, BASE + 10);
ioctl_io_nr!(DEVICE_RESET, TYPE, BASE + 11);
ioctl_io_nr!(DEVICE_GET_PCI_HOT_RESET_INFO, TYPE, BASE + 12);
ioctl_io_nr!(DEVICE_PCI_HOT_RESET, TYPE, BASE + 13);
ioctl_io_nr!(IOMMU_GET_INFO, TYPE, BASE + 12);
ioctl_io_nr!(IOMMU_MAP_DMA, TYPE, BASE + 13);
ioctl_io_nr!(IOMMU_UNMAP_DMA, TYPE, BASE + 14);

/// `struct vfio_pci_dependent_device`: a function that a hot reset resets too.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct DependentDevice {
    pub(crate) group: u32,
    pub(crate) segment: u16,
    pub(crate) bus: u8,
    pub(crate) devfn: u8,
}

/// Room for the answers of unknown length; both are far shorter.
const MAX_ANSWER: usize = 64 << 10;

fn check(returned: i32) -> io::Result<i32> {
    match returned {
        0.. => Ok(returned),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(crate) fn api_version(container: &File) -> io::Result<i32> {
    // SAFETY: takes no argument.
    check(unsafe { ioctl(container, GET_API_VERSION()) })
}

pub(crate) fn has_extension(container: &File, extension: u32) -> io::Result<bool> {
    // SAFETY: takes a number.
    let has = unsafe { ioctl_with_val(container, CHECK_EXTENSION(), extension.into()) };
    Ok(check(has)? > 0)
}

pub(crate) fn set_iommu(container: &File, kind: u32) -> io::Result<()> {
    // SAFETY: takes a number.
    check(unsafe { ioctl_with_val(container, SET_IOMMU(), kind.into()) }).map(drop)
}

/// The group's `VFIO_GROUP_FLAGS_*`.
pub(crate) fn group_flags(group: &File) -> io::Result<u32> {
    let mut status = vfio_group_status {
        argsz: size_of::<vfio_group_status>() as u32,
        flags: 0,
    };
    // SAFETY: the kernel writes `argsz` bytes at most, which the structure has.
    check(unsafe { ioctl_with_mut_ref(group, GROUP_GET_STATUS(), &mut status) })?;
    Ok(status.flags)
}

pub(crate) fn set_container(group: &File, container: &File) -> io::Result<()> {
    let fd = container.as_raw_fd();
    // SAFETY: the kernel reads one descriptor's number.
    check(unsafe { ioctl_with_ref(group, GROUP_SET_CONTAINER(), &fd) }).map(drop)
}

pub(crate) fn device(group: &File, address: &CStr) -> io::Result<File> {
    // SAFETY: the kernel reads a string up to its terminating zero.
    let fd = unsafe { ioctl_with_ptr(group, GROUP_GET_DEVICE_FD(), address.as_ptr()) };
    let fd = check(fd)?;
    // SAFETY: the kernel just made the descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) }.into())
}

pub(crate) fn device_info(device: &File) -> io::Result<vfio_device_info> {
    let mut info = vfio_device_info {
        argsz: size_of::<vfio_device_info>() as u32,
        ..Default::default()
    };
    // SAFETY: the kernel writes `argsz` bytes at most, which the structure has.
    check(unsafe { ioctl_with_mut_ref(device, DEVICE_GET_INFO(), &mut info) })?;
    Ok(info)
}

pub(crate) fn region_info(device: &File, index: u32) -> io::Result<vfio_region_info> {
    let mut info = vfio_region_info {
        argsz: size_of::<vfio_region_info>() as u32,
        index,
        ..Default::default()
    };
    // SAFETY: the kernel writes `argsz` bytes at most, which the structure has.
    check(unsafe { ioctl_with_mut_ref(device, DEVICE_GET_REGION_INFO(), &mut info) })?;
    Ok(info)
}

pub(crate) fn irq_info(device: &File, index: u32) -> io::Result<vfio_irq_info> {
    let mut info = vfio_irq_info {
        argsz: size_of::<vfio_irq_info>() as u32,
        index,
        ..Default::default()
    };
    // SAFETY: the kernel writes `argsz` bytes at most, which the structure has.
    check(unsafe { ioctl_with_mut_ref(device, DEVICE_GET_IRQ_INFO(), &mut info) })?;
    Ok(info)
}

/// `struct vfio_irq_set` with one eventfd behind it.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct IrqSet {
    argsz: u32,
    flags: u32,
    index: u32,
    start: u32,
    count: u32,
    eventfd: i32,
}

/// Sets one interrupt's eventfd, or none.
pub(crate) fn set_irq(
    device: &File,
    index: u32,
    flags: u32,
    eventfd: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let set = IrqSet {
        argsz: size_of::<IrqSet>() as u32,
        flags,
        index,
        start: 0,
        count: eventfd.is_some().into(),
        eventfd: eventfd.map_or(-1, |fd| fd.as_raw_fd()),
    };
    // SAFETY: the kernel reads `argsz` bytes at most, which the structure has.
    check(unsafe { ioctl_with_ref(device, DEVICE_SET_IRQS(), &set) }).map(drop)
}

pub(crate) fn reset(device: &File) -> io::Result<()> {
    // SAFETY: takes no argument.
    check(unsafe { ioctl(device, DEVICE_RESET()) }).map(drop)
}

/// A buffer of dwords whose first is its size in bytes, for the kernel to fill.
fn answer() -> Vec<u64> {
    let mut answer = vec![0u64; MAX_ANSWER / 8];
    let bytes = answer.as_mut_slice().as_mut_bytes();
    if let Some(argsz) = bytes.first_chunk_mut() {
        *argsz = (MAX_ANSWER as u32).to_ne_bytes();
    }
    answer
}

/// The functions that a hot reset resets, this one among them.
pub(crate) fn hot_reset_info(device: &File) -> io::Result<Vec<DependentDevice>> {
    let mut answer = answer();
    let code = DEVICE_GET_PCI_HOT_RESET_INFO();
    // SAFETY: the kernel writes as many bytes as the first dword says, which the buffer has, and
    // it is aligned for the structure.
    check(unsafe { ioctl_with_ptr(device, code, answer.as_mut_ptr()) })?;
    let bytes = answer.as_bytes();
    // argsz, flags, count, and the devices.
    let count = bytes.get(8..12).and_then(|count| count.try_into().ok());
    let count = count.map_or(0, u32::from_ne_bytes) as usize;
    let devices = bytes.get(12..).unwrap_or_default();
    <[DependentDevice]>::ref_from_prefix_with_elems(devices, count)
        .map(|(devices, _)| devices.to_vec())
        .map_err(|_| io::Error::other("the kernel counts more functions than it names"))
}

/// `struct vfio_pci_hot_reset` with one group.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct HotReset {
    argsz: u32,
    flags: u32,
    count: u32,
    group: i32,
}

/// Resets the bus or slot of a device all of whose functions are in `group`.
pub(crate) fn hot_reset(device: &File, group: &File) -> io::Result<()> {
    let reset = HotReset {
        argsz: size_of::<HotReset>() as u32,
        flags: 0,
        count: 1,
        group: group.as_raw_fd(),
    };
    // SAFETY: the kernel reads `argsz` bytes at most, which the structure has.
    check(unsafe { ioctl_with_ref(device, DEVICE_PCI_HOT_RESET(), &reset) }).map(drop)
}

/// `struct vfio_iommu_type1_info` and the capabilities behind it.
pub(crate) fn iommu_info(container: &File) -> io::Result<Vec<u8>> {
    let mut answer = answer();
    // SAFETY: the kernel writes as many bytes as the first dword says, which the buffer has, and
    // it is aligned for the structure.
    check(unsafe { ioctl_with_ptr(container, IOMMU_GET_INFO(), answer.as_mut_ptr()) })?;
    Ok(answer.as_bytes().to_vec())
}

/// Shows all of `memory` to the container's devices, readable and writable.
pub(crate) fn map_dma(container: &File, iova: u64, memory: &DmaMemory) -> io::Result<()> {
    let map = vfio_iommu_type1_dma_map {
        argsz: size_of::<vfio_iommu_type1_dma_map>() as u32,
        flags: VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        vaddr: memory.host_address() as u64,
        iova,
        size: memory.len(),
    };
    // SAFETY: the kernel reads the structure. The addresses in it are mapped while `memory` lives,
    // which nobody holds references into, and the kernel keeps their pages as long as it maps them.
    check(unsafe { ioctl_with_ref(container, IOMMU_MAP_DMA(), &map) }).map(drop)
}

/// Takes away what [`map_dma`] showed; returns how many bytes that were.
pub(crate) fn unmap_dma(container: &File, iova: u64, size: u64) -> io::Result<u64> {
    let mut unmap = vfio_iommu_type1_dma_unmap {
        argsz: size_of::<vfio_iommu_type1_dma_unmap>() as u32,
        iova,
        size,
        ..Default::default()
    };
    // SAFETY: the kernel reads and writes `argsz` bytes at most, which the structure has.
    check(unsafe { ioctl_with_mut_ref(container, IOMMU_UNMAP_DMA(), &mut unmap) })?;
    Ok(unmap.size)
}
