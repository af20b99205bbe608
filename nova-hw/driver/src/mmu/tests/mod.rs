// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Address spaces on the model: the tables are read back from VRAM and walked.

mod basic;
pub(crate) mod decode;
mod order;
mod quota;
mod random;

use std::sync::Arc;

use nova_model::Model;

use super::AddressSpace;
use crate::{
    mem::{Limits, MemoryManager, Owner, VideoMemory, VramRequest},
    testing::{clean_memory, VramFile},
};

/// A space of an owner, over all addresses.
struct Fixture {
    vram: VramFile,
    memory: Arc<MemoryManager<Model>>,
    owner: Owner,
    space: Arc<AddressSpace<Model>>,
}

impl Fixture {
    fn new() -> Self {
        let (card, memory) = clean_memory();
        let owner = memory.owner("a", Limits::UNLIMITED);
        let space = AddressSpace::new(&memory, &owner, 0..1 << 49).unwrap();
        Self {
            vram: VramFile::of(&card),
            memory,
            owner,
            space,
        }
    }

    fn alloc(&self, request: &VramRequest) -> Arc<VideoMemory> {
        self.memory.vram().alloc(&self.owner, request).unwrap()
    }

    fn decode(&self) -> decode::Decoded {
        decode::decode(&self.vram, self.space.page_directory())
    }
}
