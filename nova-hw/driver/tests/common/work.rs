// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Devices that do work, on small models.
#![allow(dead_code)] // each test uses a part

use std::{sync::Arc, time::Duration};

use nova_driver::{
    mem::{Limits, PageSize, Resource, SystemMemory, VideoMemory, VramRequest},
    mmu::MapFlags,
    BootOptions, Command, CopyQueue, Device, FirmwareSet, Gpu, OwnerHandle, Space,
};
use nova_model::{Builder, Model};
use nova_pci::Pci;
use nova_spec::{
    chip::{Chip, GA102},
    firmware::set::Synthetic,
    Chipset,
};

/// Longer than anything takes that ends at all.
pub const LONG: Duration = Duration::from_secs(60);
/// Bytes of VRAM: little, because all of it is scrubbed when a device is opened.
pub const VRAM: u64 = 160 << 20;
/// Where queues are, in the address spaces of the tests.
pub const QUEUE: u64 = 0x80_0000_0000;
/// The addresses of the tests' address spaces.
pub const SPACE: std::ops::Range<u64> = 0x10_0000..1 << 42;

/// A model with little VRAM.
pub fn builder() -> Builder {
    let chip = Chip {
        bar1_size: 32 << 20,
        ..GA102
    };
    Model::builder().chip(chip).vram(VRAM)
}

pub fn firmware() -> FirmwareSet {
    let chipset = Chipset::GA102;
    let files = Synthetic::default().files(chipset).unwrap().into_iter();
    let folder = chipset.firmware_folder();
    files
        .map(|file| (format!("{folder}/{}", file.name), file.content))
        .collect()
}

/// Probes, boots and opens.
pub fn open<P: Pci + 'static>(pci: P) -> Device<P> {
    let gpu = Gpu::probe(pci).unwrap();
    let booted = gpu.boot(&firmware(), &BootOptions::default()).unwrap();
    booted.open().unwrap()
}

/// A few of each.
pub fn limits() -> Limits {
    Limits::UNLIMITED
        .with(Resource::Channels, 8)
        .with(Resource::ChannelGroups, 8)
        .with(Resource::AddressSpaces, 8)
}

/// An owner with an address space and a queue in it.
pub struct Tenant<P: Pci> {
    pub queue: CopyQueue<P>,
    pub space: Arc<Space<P>>,
    pub owner: OwnerHandle<P>,
}

impl<P: Pci + 'static> Tenant<P> {
    pub fn new(device: &Device<P>, name: &str) -> Self {
        let owner = device.owner(name, limits()).unwrap();
        let space = owner.address_space(SPACE).unwrap();
        let queue = owner.copy_queue(&space, 0, QUEUE).unwrap();
        Self {
            queue,
            space,
            owner,
        }
    }

    /// Submits and waits.
    pub fn run(&self, commands: &[Command]) {
        let fence = self.queue.submit(commands).unwrap();
        fence.wait(LONG).unwrap();
    }

    /// System memory, mapped.
    pub fn system(&self, va: u64, len: u64) -> Arc<SystemMemory<P::Mapping>> {
        let memory = self.owner.alloc_system(len).unwrap();
        let flags = MapFlags::default();
        let len = memory.memory().len();
        self.space.map(va, memory.clone(), 0, len, flags).unwrap();
        memory
    }

    /// VRAM in pages of one size, mapped.
    pub fn video(&self, va: u64, len: u64, page: PageSize) -> Arc<VideoMemory> {
        let request = VramRequest::buffer(len).in_pages(page);
        let memory = self.owner.alloc_vram(&request).unwrap();
        let flags = MapFlags::default();
        self.space.map(va, memory.clone(), 0, len, flags).unwrap();
        memory
    }
}

pub fn copy(src: u64, dst: u64, len: u64) -> Command {
    Command::Copy { src, dst, len }
}

/// Bytes that differ everywhere, from a seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub fn read<M>(memory: &SystemMemory<M>, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    memory.memory().read(offset, &mut bytes).unwrap();
    bytes
}
