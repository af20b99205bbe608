// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Methods: those of the host engine itself, and the way to those of the copy engine.

use nova_spec::{
    ce::LaunchDma,
    host::{method, userd, PageDirBaseTarget, SemExecute},
    mem_op::{operation, MemOpC, MemOpD},
    rm::{engine::nv2080_copy_index, Class},
    semaphore::{Reduction, SemaphoreD},
};

use super::{
    super::{
        ce::CopyEngine,
        mmu::{AddressSpace, Aperture, Invalidation, PageDirectory},
    },
    pbdma::{write_userd, Call},
    ChannelParams, RcKind, SemaphoreOp,
};

/// What a method asks for that takes time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Todo {
    Semaphore(SemaphoreOp),
    Launch(LaunchDma),
}

/// What a method did.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    None,
    Todo(Todo),
    /// The engine's notification.
    Notify,
    /// Somebody else's turn.
    Yield,
}

/// What methods set.
#[derive(Debug, Default)]
pub(super) struct Methods {
    objects: [Option<Class>; 8],
    sem_address: u64,
    sem_payload: u64,
    /// The older semaphore.
    semaphore_address: u64,
    semaphore_payload: u32,
    mem_op_c: u32,
    pub(super) ce: CopyEngine,
}

impl Methods {
    pub(super) fn call(
        &mut self,
        call: Call,
        space: &mut AddressSpace<'_, '_>,
        params: &ChannelParams,
    ) -> Result<Effect, RcKind> {
        if call.method < method::ENGINE_METHODS {
            return self.host(call, space, params);
        }
        let object = self.objects.get(call.subchannel).copied().flatten();
        if object.is_none() {
            return Err(RcKind::Pbdma("a method of no object"));
        }
        let launch = self.ce.method(call.method, call.data);
        Ok(match launch.map_err(|what| ce_error(params, what))? {
            Some(launch) => Effect::Todo(Todo::Launch(launch)),
            None => Effect::None,
        })
    }

    fn host(
        &mut self,
        call: Call,
        space: &mut AddressSpace<'_, '_>,
        params: &ChannelParams,
    ) -> Result<Effect, RcKind> {
        let data = call.data;
        match call.method {
            method::SET_OBJECT => self.set_object(call, params)?,
            method::NOP | method::FB_FLUSH | method::WFI => {}
            method::SEMAPHOREA => high(&mut self.semaphore_address, data & 0xff),
            method::SEMAPHOREB => low(&mut self.semaphore_address, data & !3),
            method::SEMAPHOREC => self.semaphore_payload = data,
            method::SEMAPHORED => {
                let semaphore = self.semaphore(SemaphoreD::new_with_raw_value(data))?;
                return Ok(Effect::Todo(Todo::Semaphore(semaphore)));
            }
            method::NON_STALL_INTERRUPT => return Ok(Effect::Notify),
            method::MEM_OP_A | method::MEM_OP_B => {}
            method::MEM_OP_C => self.mem_op_c = data,
            method::MEM_OP_D => self.mem_op(MemOpD::new_with_raw_value(data), space, params)?,
            method::SET_REFERENCE => {
                write_userd(space, params, userd::REFERENCE, data.to_le_bytes())?;
            }
            method::SEM_ADDR_LO => low(&mut self.sem_address, data & !3),
            method::SEM_ADDR_HI => high(&mut self.sem_address, data & 0xff),
            method::SEM_PAYLOAD_LO => low(&mut self.sem_payload, data),
            method::SEM_PAYLOAD_HI => high(&mut self.sem_payload, data),
            method::SEM_EXECUTE => {
                let semaphore = self.sem_execute(SemExecute::new_with_raw_value(data))?;
                return Ok(Effect::Todo(Todo::Semaphore(semaphore)));
            }
            method::YIELD => return Ok(Effect::Yield),
            method::CLEAR_FAULTED => return Err(RcKind::Pbdma("a privileged method")),
            _ => return Err(RcKind::Pbdma("a method that the host engine does not have")),
        }
        Ok(Effect::None)
    }

    fn set_object(&mut self, call: Call, params: &ChannelParams) -> Result<(), RcKind> {
        let class = Class(call.data & 0xffff);
        let copies = nv2080_copy_index(params.engine_type).is_some();
        if class != Class::AMPERE_DMA_COPY_B || !copies {
            return Err(RcKind::Pbdma("a class that the engine does not have"));
        }
        self.objects[call.subchannel] = Some(class);
        Ok(())
    }

    fn sem_execute(&self, execute: SemExecute) -> Result<SemaphoreOp, RcKind> {
        let operation = execute.operation();
        let operation = operation.map_err(|_| RcKind::Pbdma("a semaphore operation"))?;
        Ok(SemaphoreOp {
            va: self.sem_address,
            operation,
            payload: self.sem_payload,
            wide: execute.payload_size_64bit(),
            timestamp: execute.release_timestamp(),
            reduction: reduction(Reduction::new_with_raw_value(execute.reduction()))?,
            unsigned: execute.reduction_format_unsigned(),
            interrupt: false,
        })
    }

    fn semaphore(&self, d: SemaphoreD) -> Result<SemaphoreOp, RcKind> {
        let operation = d.sem_operation();
        Ok(SemaphoreOp {
            va: self.semaphore_address,
            operation: operation.ok_or(RcKind::Pbdma("a semaphore operation"))?,
            payload: self.semaphore_payload.into(),
            wide: false,
            timestamp: !d.release_size_4byte(),
            reduction: reduction(Reduction::new_with_raw_value(d.reduction()))?,
            unsigned: d.format_unsigned(),
            interrupt: false,
        })
    }

    /// TLBs, caches and barriers. There are no caches, and memory is in order.
    fn mem_op(
        &self,
        d: MemOpD,
        space: &mut AddressSpace<'_, '_>,
        params: &ChannelParams,
    ) -> Result<(), RcKind> {
        match d.operation().value() {
            operation::MEMBAR => return Ok(()),
            _ if !params.privileged => return Err(RcKind::Pbdma("a privileged method")),
            operation::MMU_TLB_INVALIDATE | operation::MMU_TLB_INVALIDATE_TARGETED => {}
            operation::L2_PEERMEM_INVALIDATE
            | operation::L2_SYSMEM_INVALIDATE
            | operation::L2_CLEAN_COMPTAGS
            | operation::L2_FLUSH_DIRTY
            | operation::L2_WAIT_FOR_SYS_PENDING_READS
            | operation::ACCESS_COUNTER_CLR => return Ok(()),
            _ => return Err(RcKind::Pbdma("a memory operation that there is not")),
        }
        let c = MemOpC::new_with_raw_value(self.mem_op_c);
        if c.tlb_invalidate_pdb_all() {
            space.tlb.invalidate(Invalidation::All);
            return Ok(());
        }
        let target = PageDirBaseTarget::new_with_raw_value(c.tlb_invalidate_pdb_aperture());
        let aperture = match target {
            Ok(PageDirBaseTarget::VID_MEM) => Aperture::Vram,
            Ok(_) => Aperture::System,
            Err(_) => return Err(RcKind::Pbdma("an aperture that there is not")),
        };
        let address = c.page_directory(d);
        let root = PageDirectory { aperture, address };
        space.tlb.invalidate(Invalidation::Space(root));
        Ok(())
    }
}

/// An error of the channel's copy engine.
pub(super) fn ce_error(params: &ChannelParams, what: &'static str) -> RcKind {
    let engine = nv2080_copy_index(params.engine_type).unwrap_or(0);
    RcKind::Ce { engine, what }
}

fn reduction<E>(known: Result<Reduction, E>) -> Result<Reduction, RcKind> {
    known.map_err(|_| RcKind::Pbdma("a reduction that there is not"))
}

fn high(value: &mut u64, data: u32) {
    *value = *value & 0xffff_ffff | u64::from(data) << 32;
}

fn low(value: &mut u64, data: u32) {
    *value = *value >> 32 << 32 | u64::from(data);
}
