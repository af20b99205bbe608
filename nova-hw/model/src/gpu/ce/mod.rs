// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The copy engine: class `AMPERE_DMA_COPY_B`.
//!
//! | module | holds |
//! |---|---|
//! | here | what methods set, per channel |
//! | `job` | a copy that was launched: what is left of it, and its next part |
//! | `remap` | components that are rearranged on the way |
//! | `transfer` | a part that is copied while nobody is kept from the card |
//!
//! Memory in blocks is refused: GOBs are not modelled.

mod job;
mod remap;
mod transfer;

pub(crate) use job::{Job, Step};
pub(crate) use transfer::{Ticket, Transfer, Transferred};

use nova_spec::{
    ce::{
        method, phys_mode, render_enable, DataTransferType, InterruptType, LaunchDma,
        RemapComponents, SemaphoreType,
    },
    host::SemOperation,
    semaphore::Reduction,
};

use super::{host::SemaphoreOp, mmu::Aperture};
use job::{Layout, Side};
use remap::Remap;

/// What methods set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CopyEngine {
    semaphore: u64,
    payload: u64,
    render_enable: u32,
    src_phys_mode: u32,
    dst_phys_mode: u32,
    offset_in: u64,
    offset_out: u64,
    pitch_in: u32,
    pitch_out: u32,
    line_length: u32,
    line_count: u32,
    remap_const: [u32; 2],
    remap_components: u32,
}

impl Default for CopyEngine {
    fn default() -> Self {
        Self {
            semaphore: 0,
            payload: 0,
            render_enable: render_enable::TRUE,
            src_phys_mode: 0,
            dst_phys_mode: 0,
            offset_in: 0,
            offset_out: 0,
            pitch_in: 0,
            pitch_out: 0,
            line_length: 0,
            line_count: 0,
            remap_const: [0; 2],
            remap_components: 0,
        }
    }
}

/// Bits of an address's upper half.
const UPPER: u32 = 0x1_ffff;

impl CopyEngine {
    /// A method; what it launches, if it does.
    pub(crate) fn method(
        &mut self,
        method: u32,
        data: u32,
    ) -> Result<Option<LaunchDma>, &'static str> {
        match method {
            method::NOP | method::PM_TRIGGER | method::PM_TRIGGER_END => {}
            method::SET_SEMAPHORE_A => upper(&mut self.semaphore, data & UPPER),
            method::SET_SEMAPHORE_B => lower(&mut self.semaphore, data),
            method::SET_SEMAPHORE_PAYLOAD => lower(&mut self.payload, data),
            method::SET_SEMAPHORE_PAYLOAD_UPPER => upper(&mut self.payload, data),
            // The address is of a condition, and none is supported.
            method::SET_RENDER_ENABLE_A | method::SET_RENDER_ENABLE_B => {}
            method::SET_RENDER_ENABLE_C => self.render_enable = data & 7,
            method::SET_SRC_PHYS_MODE => self.src_phys_mode = data & 3,
            method::SET_DST_PHYS_MODE => self.dst_phys_mode = data & 3,
            method::LAUNCH_DMA => return Ok(Some(LaunchDma::new_with_raw_value(data))),
            method::OFFSET_IN_UPPER => upper(&mut self.offset_in, data & UPPER),
            method::OFFSET_IN_LOWER => lower(&mut self.offset_in, data),
            method::OFFSET_OUT_UPPER => upper(&mut self.offset_out, data & UPPER),
            method::OFFSET_OUT_LOWER => lower(&mut self.offset_out, data),
            method::PITCH_IN => self.pitch_in = data,
            method::PITCH_OUT => self.pitch_out = data,
            method::LINE_LENGTH_IN => self.line_length = data,
            method::LINE_COUNT => self.line_count = data,
            method::SET_REMAP_CONST_A => self.remap_const[0] = data,
            method::SET_REMAP_CONST_B => self.remap_const[1] = data,
            method::SET_REMAP_COMPONENTS => self.remap_components = data,
            // Geometry of blocks, which a launch that needs it is refused for.
            method::SET_DST_BLOCK_SIZE..=method::SRC_ORIGIN_Y => {}
            _ => return Err("a method that the class does not have"),
        }
        Ok(None)
    }

    /// The copy that is launched; `physical` says whether physical addresses are allowed.
    pub(crate) fn launch(&self, launch: LaunchDma, physical: bool) -> Result<Job, &'static str> {
        let transfer = launch.data_transfer_type();
        let transfer = transfer.map_err(|_| "a transfer type that there is not")?;
        if launch.vprmode().value() != 0 {
            return Err("protected memory");
        }
        let interrupt = match launch.interrupt_type() {
            Ok(InterruptType::NONE) => false,
            Ok(InterruptType::NON_BLOCKING) => true,
            _ => return Err("a blocking interrupt"),
        };
        let layout = match (transfer, self.render_enable) {
            (DataTransferType::NONE, _) | (_, render_enable::FALSE) => None,
            (_, render_enable::TRUE) => Some(self.layout(launch, physical)?),
            _ => return Err("a condition on memory"),
        };
        let release = self.release(launch, interrupt)?;
        Ok(Job::new(layout, release, interrupt))
    }

    fn layout(&self, launch: LaunchDma, physical: bool) -> Result<Layout, &'static str> {
        let remap = launch.remap_enable().then(|| {
            let components = RemapComponents::new_with_raw_value(self.remap_components);
            Remap::new(components, self.remap_const)
        });
        let remap = remap.transpose()?;
        if !launch.dst_memory_layout_pitch() {
            return Err("a destination in blocks");
        }
        let reads = remap.as_ref().is_none_or(Remap::reads_source);
        if reads && !launch.src_memory_layout_pitch() {
            return Err("a source in blocks");
        }
        let source = Side {
            physical: aperture(launch.src_type_physical(), self.src_phys_mode, physical)?,
            offset: self.offset_in,
            pitch: self.pitch_in.into(),
        };
        let destination = Side {
            physical: aperture(launch.dst_type_physical(), self.dst_phys_mode, physical)?,
            offset: self.offset_out,
            pitch: self.pitch_out.into(),
        };
        let lines = match launch.multi_line_enable() {
            true => self.line_count.into(),
            false => 1,
        };
        Ok(Layout {
            source,
            destination,
            line: self.line_length.into(),
            lines,
            remap,
        })
    }

    fn release(
        &self,
        launch: LaunchDma,
        interrupt: bool,
    ) -> Result<Option<SemaphoreOp>, &'static str> {
        let timestamp = match launch.semaphore_type() {
            SemaphoreType::NONE => return Ok(None),
            SemaphoreType::RELEASE_ONE_WORD_SEMAPHORE => false,
            SemaphoreType::RELEASE_FOUR_WORD_SEMAPHORE => true,
            SemaphoreType::RELEASE_CONDITIONAL_INTR_SEMAPHORE => {
                return Err("an interrupt on a condition")
            }
        };
        let wide = launch.semaphore_payload_size_two_word();
        let size = if timestamp { 16 } else { 4 << u32::from(wide) };
        if self.semaphore % size != 0 {
            return Err("a semaphore that is not aligned");
        }
        let reduction = match launch.semaphore_reduction_enable() {
            false => None,
            true => {
                let reduction = Reduction::new_with_raw_value(launch.semaphore_reduction());
                Some(reduction.map_err(|_| "a reduction that there is not")?)
            }
        };
        Ok(Some(SemaphoreOp {
            va: self.semaphore,
            operation: match reduction {
                None => SemOperation::RELEASE,
                Some(_) => SemOperation::REDUCTION,
            },
            payload: self.payload,
            wide,
            timestamp,
            reduction: reduction.unwrap_or(Reduction::IADD),
            unsigned: launch.semaphore_reduction_sign_unsigned(),
            interrupt,
        }))
    }
}

/// The memory of a physical address; none for a virtual one.
fn aperture(is_physical: bool, mode: u32, allowed: bool) -> Result<Option<Aperture>, &'static str> {
    if !is_physical {
        return Ok(None);
    }
    if !allowed {
        return Err("a physical address, which the channel may not use");
    }
    match mode {
        phys_mode::LOCAL_FB => Ok(Some(Aperture::Vram)),
        phys_mode::COHERENT_SYSMEM | phys_mode::NONCOHERENT_SYSMEM => Ok(Some(Aperture::System)),
        _ => Err("memory of a peer"),
    }
}

fn upper(address: &mut u64, data: u32) {
    *address = *address & 0xffff_ffff | u64::from(data) << 32;
}

fn lower(address: &mut u64, data: u32) {
    *address = *address >> 32 << 32 | u64::from(data);
}
