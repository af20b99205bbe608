// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a channel does in its turn: it goes on where the last one ended.

use std::time::Instant;

use super::{
    super::{
        ce::{Step, Transfer},
        mmu::{page_directory_of, AddressSpace, Memory},
    },
    channel::Channel,
    hold::{Hold, HostPlace},
    methods::{ce_error, Effect, Todo},
    schedule::GroupSettings,
    semaphore::{retry_at, Outcome},
    RcKind, SemaphoreOp, Shared,
};

/// What a turn has of the card.
#[derive(Debug)]
pub(crate) struct Environment<'a> {
    pub(crate) memory: Memory<'a>,
    pub(crate) now: Instant,
    /// What the card's clock says.
    pub(crate) clock_ns: u64,
}

/// How a turn ends.
#[derive(Debug)]
pub(super) enum Turn {
    /// There is more to do.
    Again,
    /// The ring is empty.
    Idle,
    /// It waits for a semaphore, or for its time.
    Parked,
    /// It does nothing any more.
    Hung,
    /// This is to be copied first.
    Transfer(Transfer),
}

/// What an entry of the ring costs, in methods.
const ENTRY_COST: u64 = 8;
/// Bytes that are copied under the card's lock and cost as much as a method.
const BYTES_OF_A_METHOD: u64 = 256;

/// A turn.
pub(super) fn run(
    channel: &mut Channel,
    shared: &mut Shared,
    env: &mut Environment<'_>,
    settings: &GroupSettings,
) -> Result<Turn, RcKind> {
    let mut left = settings.methods();
    while left > 0 {
        let cost = match next(channel, shared, env, settings)? {
            Next::Cost(cost) => cost,
            Next::End(turn) => return Ok(turn),
        };
        left = left.saturating_sub(cost);
    }
    Ok(Turn::Again)
}

/// What one step was.
enum Next {
    Cost(u64),
    End(Turn),
}

fn next(
    channel: &mut Channel,
    shared: &mut Shared,
    env: &mut Environment<'_>,
    settings: &GroupSettings,
) -> Result<Next, RcKind> {
    if channel.job.is_some() {
        return copy(channel, shared, env, settings);
    }
    match channel.todo {
        Some(Todo::Semaphore(semaphore)) => self::semaphore(channel, shared, env, &semaphore),
        Some(Todo::Launch(launch)) => {
            if let Some(turn) = held(channel, shared, env, HostPlace::Copy) {
                return Ok(turn);
            }
            channel.todo = None;
            let params = &channel.params;
            let physical = params.privileged && !params.deny_physical;
            let job = channel.methods.ce.launch(launch, physical);
            channel.job = Some(job.map_err(|what| ce_error(params, what))?);
            shared.counters.launches += 1;
            Ok(Next::Cost(1))
        }
        None if channel.pbdma.has_methods() => method(channel, shared, env),
        None => fetch(channel, shared, env),
    }
}

/// The address space of a channel.
fn space<'a, 'm>(
    channel: &Channel,
    shared: &'a mut Shared,
    env: &'a mut Environment<'m>,
) -> AddressSpace<'a, 'm> {
    let params = &channel.params;
    let at = params.instance;
    let root = params.page_directory;
    let root = root.or_else(|| page_directory_of(&mut env.memory, at.aperture, at.address));
    AddressSpace {
        memory: &mut env.memory,
        tlb: &mut shared.tlb,
        root,
        privileged: params.privileged,
    }
}

/// What keeps a channel from going on, if anything does. Something that is skipped is
/// forgotten: the ring's entry is fetched for nothing.
fn held(
    channel: &mut Channel,
    shared: &mut Shared,
    env: &Environment<'_>,
    place: HostPlace,
) -> Option<Next> {
    if std::mem::take(&mut channel.rested) {
        return None;
    }
    match shared.holds.at(place, channel.params.id) {
        Hold::Go => None,
        Hold::Hang => Some(Next::End(Turn::Hung)),
        Hold::Sleep(delay) => {
            channel.asleep = Some(env.now + delay);
            Some(Next::End(Turn::Parked))
        }
        Hold::Skip => {
            channel.todo = None;
            Some(Next::Cost(1))
        }
    }
}

fn fetch(
    channel: &mut Channel,
    shared: &mut Shared,
    env: &mut Environment<'_>,
) -> Result<Next, RcKind> {
    let params = channel.params;
    let mut space = self::space(channel, shared, env);
    if !channel.pbdma.has_entry(&mut space, &params)? {
        return Ok(Next::End(Turn::Idle));
    }
    let held = held(channel, shared, env, HostPlace::Fetch);
    let skip = matches!(held, Some(Next::Cost(_)));
    match held {
        Some(Next::End(turn)) => Ok(Next::End(turn)),
        None | Some(Next::Cost(_)) => {
            let mut space = self::space(channel, shared, env);
            channel.pbdma.fetch(&mut space, &params, skip)?;
            Ok(Next::Cost(ENTRY_COST))
        }
    }
}

fn method(
    channel: &mut Channel,
    shared: &mut Shared,
    env: &mut Environment<'_>,
) -> Result<Next, RcKind> {
    let params = channel.params;
    let mut space = self::space(channel, shared, env);
    let Some(call) = channel.pbdma.method(&mut space)? else {
        return Ok(Next::Cost(1));
    };
    match channel.methods.call(call, &mut space, &params)? {
        Effect::None => {}
        Effect::Todo(todo) => channel.todo = Some(todo),
        Effect::Notify => notify(channel, shared),
        Effect::Yield => return Ok(Next::End(Turn::Again)),
    }
    Ok(Next::Cost(1))
}

fn notify(channel: &Channel, shared: &mut Shared) {
    if let Some(vector) = channel.params.non_stall_vector {
        if !shared.vectors.contains(&vector) {
            shared.vectors.push(vector);
        }
    }
}

fn semaphore(
    channel: &mut Channel,
    shared: &mut Shared,
    env: &mut Environment<'_>,
    semaphore: &SemaphoreOp,
) -> Result<Next, RcKind> {
    // Whoever waits already has passed here.
    if channel.waits.is_none() {
        let held = held(channel, shared, env, HostPlace::Semaphore);
        if held.is_some() && channel.todo.is_none() && semaphore.interrupt {
            notify(channel, shared);
        }
        if let Some(next) = held {
            return Ok(next);
        }
    }
    let clock_ns = env.clock_ns;
    let mut space = self::space(channel, shared, env);
    match semaphore.run(&mut space, clock_ns)? {
        Outcome::Waits => {
            let since = *channel.waits.get_or_insert(env.now);
            channel.look = Some(retry_at(since, env.now));
            return Ok(Next::End(Turn::Parked));
        }
        Outcome::Released => shared.released = true,
        Outcome::Acquired => {}
    }
    (channel.waits, channel.todo) = (None, None);
    if semaphore.interrupt {
        notify(channel, shared);
    }
    Ok(Next::Cost(1))
}

fn copy(
    channel: &mut Channel,
    shared: &mut Shared,
    env: &mut Environment<'_>,
    settings: &GroupSettings,
) -> Result<Next, RcKind> {
    let Some(mut job) = channel.job.take() else {
        return Ok(Next::Cost(1));
    };
    let ticket = channel.ticket();
    let mut space = self::space(channel, shared, env);
    match job.step(&mut space, ticket, settings.bytes())? {
        Step::Copied(bytes) => {
            shared.counters.bytes += bytes;
            channel.job = Some(job);
            Ok(Next::Cost(1 + bytes / BYTES_OF_A_METHOD))
        }
        Step::Transfer(transfer) => {
            channel.job = Some(job);
            Ok(Next::End(Turn::Transfer(transfer)))
        }
        Step::Done => {
            match job.release {
                Some(release) => channel.todo = Some(Todo::Semaphore(release)),
                None if job.interrupt => notify(channel, shared),
                None => {}
            }
            Ok(Next::Cost(1))
        }
    }
}
