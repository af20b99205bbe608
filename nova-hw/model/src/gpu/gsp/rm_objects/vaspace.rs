// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Address spaces: RM tells the channels of one where its page directory is, in their instance
//! blocks.

use nova_spec::{
    host::{ramin, PageDirBaseLo, PageDirBaseTarget},
    rm::{
        channel::{ADDR_FBMEM, ADDR_SYSMEM, NV_MEMORY_DESC_PARAMS},
        control::{
            NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS, NV0080_CTRL_DMA_UNSET_PAGE_DIRECTORY_PARAMS,
            SET_PAGE_DIRECTORY_FLAGS_ALL_CHANNELS,
        },
        NvStatus,
    },
};

use super::{
    tree::{Address, Kind},
    Env, Objects,
};
use crate::gpu::mmu::{self, Aperture};

/// An address space.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct VaSpace {
    pub(super) page_directory: Option<PageDirectory>,
}

/// A root page directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageDirectory {
    target: PageDirBaseTarget,
    address: u64,
}

/// The aperture, in the flags.
const APERTURE: u32 = 3;
/// Entries of a root page directory are at most those of a page.
const MAX_ENTRIES: u32 = 512;

impl PageDirectory {
    fn new(env: &Env<'_>, address: u64, flags: u32) -> Result<Self, NvStatus> {
        let target = match flags & APERTURE {
            0 => PageDirBaseTarget::VID_MEM,
            1 => PageDirBaseTarget::SYS_MEM_COHERENT,
            2 => PageDirBaseTarget::SYS_MEM_NONCOHERENT,
            _ => return Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        };
        let in_vram = target == PageDirBaseTarget::VID_MEM;
        if address % 4096 != 0 || in_vram && !env.has_vram(address, 4096) {
            return Err(NvStatus::NV_ERR_INVALID_ADDRESS);
        }
        Ok(Self { target, address })
    }

    /// As the MMU has it.
    pub(super) fn root(self) -> mmu::PageDirectory {
        let aperture = match self.target {
            PageDirBaseTarget::VID_MEM => Aperture::Vram,
            _ => Aperture::System,
        };
        let address = self.address;
        mmu::PageDirectory { aperture, address }
    }

    /// What an instance block has for it.
    fn page_dir_base(self) -> [u8; 8] {
        // The address was checked.
        let base = PageDirBaseLo::page_dir_base(self.target, self.address);
        base.unwrap_or(NO_PAGE_DIRECTORY).to_le_bytes()
    }
}

/// What an instance block has without a page directory: a memory that there is not.
const NO_PAGE_DIRECTORY: u64 = 1;

/// Writes the page directory into an instance block, whose place was checked.
pub(super) fn write_page_directory(
    env: &mut Env<'_>,
    instance: &NV_MEMORY_DESC_PARAMS,
    directory: Option<PageDirectory>,
) {
    let bytes = directory.map_or(
        NO_PAGE_DIRECTORY.to_le_bytes(),
        PageDirectory::page_dir_base,
    );
    let address = instance.base.get().saturating_add(ramin::PAGE_DIR_BASE);
    match instance.addressSpace.get() {
        ADDR_FBMEM => env.write_vram(address, &bytes),
        ADDR_SYSMEM => env.write_bus(address, &bytes),
        _ => {}
    }
}

impl Objects {
    fn vaspace_mut(&mut self, client: u32, handle: u32) -> Result<&mut VaSpace, NvStatus> {
        match &mut self.tree.get_mut(client, handle)?.kind {
            Kind::VaSpace(vaspace) => Ok(vaspace),
            _ => Err(NvStatus::NV_ERR_INVALID_OBJECT),
        }
    }

    fn check_device(&self, at: Address) -> Result<(), NvStatus> {
        match self.tree.get(at.0, at.1)?.kind {
            Kind::Device => Ok(()),
            _ => Err(NvStatus::NV_ERR_INVALID_DEVICE),
        }
    }

    pub(super) fn set_page_directory(
        &mut self,
        env: &mut Env<'_>,
        device: Address,
        params: &NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS,
    ) -> Result<(), NvStatus> {
        self.check_device(device)?;
        if !(1..=MAX_ENTRIES).contains(&params.numEntries.get()) {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        let flags = params.flags.get();
        let directory = PageDirectory::new(env, params.physAddress.get(), flags)?;
        let handle = params.hVASpace.get();
        self.vaspace_mut(device.0, handle)?.page_directory = Some(directory);
        let chid = (flags & SET_PAGE_DIRECTORY_FLAGS_ALL_CHANNELS == 0).then(|| params.chId.get());
        self.tell_channels(env, device.0, handle, Some(directory), chid);
        Ok(())
    }

    pub(super) fn unset_page_directory(
        &mut self,
        env: &mut Env<'_>,
        device: Address,
        params: &NV0080_CTRL_DMA_UNSET_PAGE_DIRECTORY_PARAMS,
    ) -> Result<(), NvStatus> {
        self.check_device(device)?;
        let handle = params.hVASpace.get();
        let vaspace = self.vaspace_mut(device.0, handle)?;
        if vaspace.page_directory.take().is_none() {
            return Err(NvStatus::NV_ERR_INVALID_STATE);
        }
        self.tell_channels(env, device.0, handle, None, None);
        Ok(())
    }

    /// Writes the page directory into the instance blocks of an address space's channels: of
    /// all, or of one.
    fn tell_channels(
        &self,
        env: &mut Env<'_>,
        client: u32,
        vaspace: u32,
        directory: Option<PageDirectory>,
        only: Option<u32>,
    ) {
        for (id, &(owner, handle)) in &self.channels {
            if owner != client || only.is_some_and(|chid| chid != u32::from(id.chid)) {
                continue;
            }
            if let Ok(Kind::Channel(channel)) = self.tree.get(owner, handle).map(|o| &o.kind) {
                if channel.vaspace == vaspace {
                    write_page_directory(env, &channel.params.instanceMem, directory);
                    let root = directory.map(PageDirectory::root);
                    // The host engine has every channel of these.
                    let _ = Env::host_result(env.host.set_page_directory(*id, root));
                }
            }
        }
    }
}
