// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Fence slots, who has them, and what waits for what. No thread and no GPU call that takes time is
//! in here: [`steps`](super::steps) says what is to be done next, and is told how it ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel_abi::virtio_nova::{Event, Status, EVENT_FENCES, EVENT_QUEUE_LOST, EVENT_VM_LOST};
use vm_memory::GuestMemoryMmap;

use super::fences::{Fences, Gone};
use super::limits::WorkLimits;
use super::line::{Bind, Job, Line, Owner, QueueLine, SpaceLine};
use super::request::Waits;
use super::share::{Loss, Queue, Segment, Space};

/// A fence slot.
#[derive(Default)]
pub(super) struct Slot {
    /// The last sequence number that was submitted.
    pub submitted: u64,
    /// The last that is complete.
    pub completed: u64,
    /// What of that was written to the fence memory and looked at.
    pub shown: u64,
    /// Who has it.
    pub line: Option<Line>,
    /// The loss of which the driver was not told.
    pub event: Option<Event>,
}

/// How much has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Address spaces.
    pub vms: u32,
    /// Queues.
    pub queues: u32,
    /// Binds that were accepted.
    pub binds: u64,
    /// Submissions that were accepted.
    pub execs: u64,
    /// Queues and address spaces that were lost.
    pub lost: u64,
}

/// A tenant's fence slots.
pub struct Table {
    pub(super) limits: WorkLimits,
    pub(super) slots: Vec<Slot>,
    vms: BTreeMap<(u32, u32), u32>,
    queues: BTreeMap<(u32, u32), u32>,
    last_id: u32,
    mem: GuestMemoryMmap,
    fences: Option<Fences>,
    fences_due: bool,
    /// The guest's memory is not touched.
    pub(super) is_paused: bool,
    /// The fence memory is not there any more.
    pub(super) is_gone: bool,
    pub(super) figures: Figures,
    /// The slot that is looked at first for what is next.
    pub(super) cursor: usize,
}

impl Table {
    /// Nothing yet.
    pub fn new(limits: WorkLimits) -> Self {
        Self {
            slots: (0..limits.fence_slots()).map(|_| Slot::default()).collect(),
            limits,
            vms: BTreeMap::new(),
            queues: BTreeMap::new(),
            last_id: 0,
            mem: GuestMemoryMmap::new(),
            fences: None,
            fences_due: false,
            is_paused: false,
            is_gone: false,
            figures: Figures::default(),
            cursor: 0,
        }
    }

    /// Forgets everything; what there was is returned, to be dropped without the lock.
    pub fn reset(&mut self) -> Vec<Line> {
        let mut new = Self::new(self.limits);
        new.mem = self.mem.clone();
        // Ids of before stay unknown, and figures go on.
        new.last_id = self.last_id;
        new.is_paused = self.is_paused;
        new.figures = Figures {
            vms: 0,
            queues: 0,
            ..self.figures
        };
        let old = std::mem::replace(self, new);
        old.slots.into_iter().filter_map(|slot| slot.line).collect()
    }

    /// The guest's memory is another.
    pub fn set_memory(&mut self, mem: GuestMemoryMmap) {
        self.mem = mem;
    }

    /// `FENCE_MEMORY`.
    pub fn fence_memory(&mut self, addr: u64, length: u32) -> Result<(), Status> {
        if length != self.limits.fence_bytes() || addr % 4096 != 0 {
            return Err(Status::ErrInvalidParameter);
        }
        if self.fences.is_some() {
            return Err(Status::ErrBusy);
        }
        self.fences = Some(Fences::new(&self.mem, addr, length)?);
        Ok(())
    }

    fn free_slot(&self, slot: u32) -> Result<(), Status> {
        let slot = self.slots.get(slot as usize);
        let slot = slot.ok_or(Status::ErrInvalidParameter)?;
        match slot.line.is_none() && self.fences.is_some() {
            true => Ok(()),
            false => Err(Status::ErrBusy),
        }
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.slots.iter().filter_map(|slot| slot.line.as_ref())
    }

    pub(super) fn line_mut(&mut self, slot: u32) -> Option<&mut Line> {
        self.slots.get_mut(slot as usize)?.line.as_mut()
    }

    /// Whether an address space may be made in `slot`.
    pub fn check_new_space(&self, slot: u32) -> Result<(), Status> {
        self.free_slot(slot)?;
        match self.figures.vms < self.limits.max_vms {
            true => Ok(()),
            false => Err(Status::ErrLimit),
        }
    }

    /// Gives an address space a slot and a name.
    pub fn add_space(&mut self, ctx: u32, slot: u32, space: Arc<dyn Space>) -> Result<u32, Status> {
        let owner = Owner::Space(SpaceLine {
            space: Some(space),
            jobs: Default::default(),
            running: None,
        });
        let id = self.add(ctx, slot, owner)?;
        self.vms.insert((ctx, id), slot);
        self.figures.vms += 1;
        Ok(id)
    }

    /// Whether a queue may be made in `slot` for an address space: that, and its slot.
    pub fn check_new_queue(
        &mut self,
        ctx: u32,
        vm: u32,
        slot: u32,
    ) -> Result<(u32, Arc<dyn Space>), Status> {
        let space_slot = self.vm(ctx, vm)?;
        self.free_slot(slot)?;
        let is_full = self.figures.queues >= self.limits.max_queues;
        let line = self.line_mut(space_slot).ok_or(Status::ErrUnspec)?;
        if line.loss.is_some() {
            return Err(Status::ErrLost);
        }
        if is_full {
            return Err(Status::ErrLimit);
        }
        let space = line.space_mut().and_then(|space| space.space.clone());
        Ok((space_slot, space.ok_or(Status::ErrUnspec)?))
    }

    /// Gives a queue a slot and a name, unless its address space was lost meanwhile.
    pub fn add_queue(
        &mut self,
        ctx: u32,
        slot: u32,
        space: u32,
        queue: Box<dyn Queue>,
    ) -> Result<u32, Status> {
        if self.line_mut(space).is_none_or(|line| line.loss.is_some()) {
            return Err(Status::ErrLost);
        }
        let id = self.add(ctx, slot, Owner::Queue(QueueLine::new(queue, space)))?;
        self.queues.insert((ctx, id), slot);
        self.figures.queues += 1;
        Ok(id)
    }

    fn add(&mut self, ctx: u32, slot: u32, owner: Owner) -> Result<u32, Status> {
        self.free_slot(slot)?;
        let id = self.unused_id();
        if let Some(fences) = self.fences {
            let cleared = fences.lose(&self.mem, slot, 0);
            self.note(cleared);
        }
        let place = self.slots.get_mut(slot as usize);
        let place = place.ok_or(Status::ErrUnspec)?;
        place.line = Some(Line::new(ctx, id, owner));
        place.event = None;
        Ok(id)
    }

    fn unused_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let id = self.last_id;
            // There are fewer owners than ids.
            if id != 0 && self.lines().all(|line| line.id != id) {
                return id;
            }
        }
    }

    fn vm(&self, ctx: u32, vm: u32) -> Result<u32, Status> {
        let slot = self.vms.get(&(ctx, vm)).copied();
        slot.ok_or(Status::ErrInvalidHandle)
    }

    fn queue(&self, ctx: u32, queue: u32) -> Result<u32, Status> {
        let slot = self.queues.get(&(ctx, queue)).copied();
        slot.ok_or(Status::ErrInvalidHandle)
    }

    /// Whether a context has address spaces.
    pub fn has_vms(&self, ctx: u32) -> bool {
        self.vms.range((ctx, 0)..=(ctx, u32::MAX)).next().is_some()
    }

    /// Whether a sequence number is over.
    pub(super) fn is_over(&self, slot: u32, seqno: u64) -> bool {
        let slot = self.slots.get(slot as usize);
        slot.is_some_and(|slot| seqno <= slot.completed)
    }

    fn check_seqno(&self, slot: u32, seqno: u64) -> Result<(), Status> {
        let last = self.slots.get(slot as usize).map(|slot| slot.submitted);
        match last.is_some_and(|last| seqno > last) {
            true => Ok(()),
            false => Err(Status::ErrInvalidParameter),
        }
    }

    /// Checks that waits are for what was submitted, and returns those that are not over.
    fn open_waits(&self, waits: Waits<'_>) -> Result<Vec<(u32, u64)>, Status> {
        let mut open = Vec::new();
        for wait in waits.iter() {
            let slot = self.slots.get(wait.slot as usize);
            let slot = slot.ok_or(Status::ErrInvalidParameter)?;
            if wait.seqno > slot.submitted {
                return Err(Status::ErrInvalidParameter);
            }
            if wait.seqno > slot.completed {
                open.try_reserve(1).map_err(|_| Status::ErrOutOfMemory)?;
                open.push((wait.slot, wait.seqno));
            }
        }
        Ok(open)
    }

    /// Where a bind goes: the slot, and its open waits.
    pub fn check_bind(
        &mut self,
        ctx: u32,
        vm: u32,
        seqno: u64,
        waits: Waits<'_>,
    ) -> Result<(u32, Vec<(u32, u64)>), Status> {
        let slot = self.vm(ctx, vm)?;
        self.check_seqno(slot, seqno)?;
        let waits = self.open_waits(waits)?;
        let most = self.limits.max_binds_in_flight as usize;
        let line = self.line_mut(slot).ok_or(Status::ErrUnspec)?;
        let is_lost = line.loss.is_some();
        let space = line.space_mut().ok_or(Status::ErrUnspec)?;
        let open = space.jobs.len() + usize::from(space.running.is_some());
        match (is_lost, open < most) {
            (true, _) => Err(Status::ErrLost),
            (_, false) => Err(Status::ErrLimit),
            _ => Ok((slot, waits)),
        }
    }

    /// Accepts a bind that was checked; nothing else was accepted since.
    pub fn accept_bind(&mut self, slot: u32, job: Job<Bind>) {
        let seqno = job.seqno;
        if let Some(space) = self.line_mut(slot).and_then(Line::space_mut) {
            space.jobs.push_back(job);
            self.submitted(slot, seqno);
            self.figures.binds += 1;
        }
    }

    /// Accepts a submission.
    pub fn exec(
        &mut self,
        ctx: u32,
        queue: u32,
        seqno: u64,
        waits: Waits<'_>,
        work: Vec<Segment>,
    ) -> Result<(), Status> {
        let slot = self.queue(ctx, queue)?;
        self.check_seqno(slot, seqno)?;
        let waits = self.open_waits(waits)?;
        let most = self.limits.max_execs_in_flight as usize;
        let line = self.line_mut(slot).ok_or(Status::ErrUnspec)?;
        if line.loss.is_some() {
            return Err(Status::ErrLost);
        }
        let line = line.queue_mut().ok_or(Status::ErrUnspec)?;
        if line.len() >= most {
            return Err(Status::ErrLimit);
        }
        line.push(Job { seqno, waits, work });
        self.submitted(slot, seqno);
        self.figures.execs += 1;
        Ok(())
    }

    fn submitted(&mut self, slot: u32, seqno: u64) {
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            slot.submitted = seqno;
        }
    }

    /// `VM_DESTROY`.
    pub fn destroy_vm(&mut self, ctx: u32, vm: u32, seqno: u64) -> Result<(), Status> {
        let slot = self.vm(ctx, vm)?;
        self.check_seqno(slot, seqno)?;
        let on_it = |line: &Line| line.queue().is_some_and(|it| it.space == slot);
        if self.lines().any(|line| on_it(line) && line.end.is_none()) {
            return Err(Status::ErrBusy);
        }
        self.vms.remove(&(ctx, vm));
        self.end(slot, seqno);
        Ok(())
    }

    /// `QUEUE_DESTROY`.
    pub fn destroy_queue(&mut self, ctx: u32, queue: u32, seqno: u64) -> Result<(), Status> {
        let slot = self.queue(ctx, queue)?;
        self.check_seqno(slot, seqno)?;
        self.queues.remove(&(ctx, queue));
        self.end(slot, seqno);
        Ok(())
    }

    fn end(&mut self, slot: u32, seqno: u64) {
        if let Some(line) = self.line_mut(slot) {
            line.end = Some(seqno);
            line.give_up();
        }
        self.submitted(slot, seqno);
    }

    /// A slot is complete up to there.
    pub(super) fn complete(&mut self, slot: u32, seqno: u64) {
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            slot.completed = slot.completed.max(seqno);
        }
    }

    /// The owner of a slot is lost, and nothing of it runs.
    pub(super) fn write_loss(&mut self, slot: u32, loss: Loss) {
        let fences = self.fences;
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        let Some(line) = place.line.as_mut() else {
            return;
        };
        let first = line.first_open();
        let lost_from = first.unwrap_or(place.submitted.saturating_add(1));
        line.give_up();
        line.is_lost = true;
        place.event = Some(Event {
            type_: match line.owner {
                Owner::Queue(_) => EVENT_QUEUE_LOST,
                Owner::Space(_) => EVENT_VM_LOST,
            },
            ctx_id: line.ctx,
            value: [u64::from(slot) | u64::from(loss.reason) << 32, loss.address],
            ..Event::default()
        });
        self.figures.lost += 1;
        if let (Some(fences), false) = (fences, self.is_paused) {
            // Before `completed`: who reads that first then knows how each ended.
            let written = fences.lose(&self.mem, slot, lost_from);
            self.note(written);
        }
        let submitted = self.slots[slot as usize].submitted;
        self.complete(slot, submitted);
    }

    /// The destruction of a slot's owner is complete.
    pub(super) fn finish(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        if let Some(line) = place.line.take() {
            match line.owner {
                Owner::Queue(_) => self.figures.queues -= 1,
                Owner::Space(_) => self.figures.vms -= 1,
            }
            place.event = None;
            if let Some(seqno) = line.end {
                self.complete(slot, seqno);
            }
        }
    }

    fn note(&mut self, written: Result<(), Gone>) {
        if written.is_err() {
            self.is_gone = true;
        }
    }

    /// Writes what is complete to the fence memory, and notes whether somebody wants to know.
    pub(super) fn show(&mut self) {
        let (Some(fences), false) = (self.fences, self.is_paused || self.is_gone) else {
            return;
        };
        let changed = |slot: &Slot| slot.completed != slot.shown;
        if !self.slots.iter().any(changed) {
            return;
        }
        let mem = &self.mem;
        let mut news = (0..).zip(&self.slots).filter(|(_, slot)| changed(slot));
        let written = news.try_for_each(|(slot, it)| fences.complete(mem, slot, it.completed));
        let news = (0..).zip(&self.slots).filter(|(_, slot)| changed(slot));
        let looks = news.map(|(slot, it)| (slot, it.shown, it.completed));
        match written.and_then(|()| fences.is_wanted(mem, looks)) {
            Ok(due) => self.fences_due |= due,
            Err(Gone) => self.is_gone = true,
        }
        for slot in &mut self.slots {
            slot.shown = slot.completed;
        }
    }

    /// Whether there is an event for the driver.
    pub fn has_event(&self) -> bool {
        self.fences_due || self.slots.iter().any(|slot| slot.event.is_some())
    }

    /// Takes an event that is to be delivered.
    pub fn take_event(&mut self) -> Option<Event> {
        let lost = self.slots.iter_mut().find_map(|slot| slot.event.take());
        lost.or_else(|| {
            std::mem::take(&mut self.fences_due).then_some(Event {
                type_: EVENT_FENCES,
                ..Event::default()
            })
        })
    }

    /// An event could not be delivered.
    pub fn put_back(&mut self, event: Event) {
        if event.type_ == EVENT_FENCES {
            self.fences_due = true;
            return;
        }
        let slot = self.slots.get_mut(event.value[0] as u32 as usize);
        if let Some(slot) = slot.filter(|slot| slot.line.is_some()) {
            slot.event.get_or_insert(event);
        }
    }
}
