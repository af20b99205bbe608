// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Address spaces, as RM knows them.

use std::{ops::Range, sync::Arc};

use nova_pci::Pci;
use nova_spec::{
    gmmu::Level,
    rm::{
        alloc::{
            NV_VASPACE_ALLOCATION_FLAGS_IS_EXTERNALLY_OWNED, NV_VASPACE_ALLOCATION_PARAMETERS,
        },
        control::{
            NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS, SET_PAGE_DIRECTORY_FLAGS_ALL_CHANNELS,
            SET_PAGE_DIRECTORY_FLAGS_APERTURE_VIDMEM,
        },
        Class, Control,
    },
};
use zerocopy::FromZeros;

use super::{OwnerParts, WorkError};
use crate::{
    mmu::AddressSpace,
    rm::{handle, Object},
};

/// An address space that channels can use: its page tables are the driver's, and RM was told where
/// they are. Dereferences to what maps and unmaps. A channel keeps its space.
pub struct Space<P: Pci> {
    // RM lets go of the page directory before it is gone.
    object: Object<P>,
    space: Arc<AddressSpace<P>>,
    _owner: Arc<OwnerParts<P>>,
}

impl<P: Pci> Space<P> {
    pub(super) fn new(owner: &Arc<OwnerParts<P>>, range: Range<u64>) -> Result<Self, WorkError> {
        let space = AddressSpace::new(&owner.device.memory, &owner.owner, range)?;
        let mut params = NV_VASPACE_ALLOCATION_PARAMETERS::new_zeroed();
        params.flags = NV_VASPACE_ALLOCATION_FLAGS_IS_EXTERNALLY_OWNED.into();
        let object = owner
            .client
            .alloc(handle::DEVICE, Class::FERMI_VASPACE_A, &params)?;
        let directory = NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS {
            physAddress: space.page_directory().into(),
            numEntries: (Level::Pd3.entries() as u32).into(),
            flags: (SET_PAGE_DIRECTORY_FLAGS_APERTURE_VIDMEM
                | SET_PAGE_DIRECTORY_FLAGS_ALL_CHANNELS)
                .into(),
            hVASpace: object.handle().into(),
            chId: 0.into(),
            subDeviceId: 0.into(),
            pasid: u32::MAX.into(),
        };
        let control = Control::NV0080_DMA_SET_PAGE_DIRECTORY;
        owner.client.control(handle::DEVICE, control, &directory)?;
        Ok(Self {
            object,
            space,
            _owner: owner.clone(),
        })
    }

    /// RM's handle of it.
    pub(crate) fn handle(&self) -> u32 {
        self.object.handle()
    }
}

impl<P: Pci> std::ops::Deref for Space<P> {
    type Target = AddressSpace<P>;

    fn deref(&self) -> &AddressSpace<P> {
        &self.space
    }
}
