// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Every interleaving of a few threads on the hosted home's locks, waits, counts and values that are set once, with loom's
//! memory model. What runs is the code of the crate; only the primitives below it are loom's.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --release -p kernel-abi --test loom
//! ```
#![cfg(loom)]
#![allow(unsafe_code)] // values whose accesses loom checks

use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::Error,
    new_condvar, new_mutex,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Completion, CondVar, CondVarTimeoutResult, Mutex, SetOnce,
    },
};
use loom::{cell::UnsafeCell, thread};
use pinned_init::{pin_data, try_pin_init};

/// Runs `body` in every interleaving with up to three involuntary switches of a thread, which finds what is
/// found in practice; all of three threads' would take hours.
fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

/// A value whose accesses loom checks for races.
struct Tracked(UnsafeCell<u32>);

// SAFETY: loom panics when accesses are not ordered.
unsafe impl Send for Tracked {}
// SAFETY: as above.
unsafe impl Sync for Tracked {}

impl Tracked {
    fn new(value: u32) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn get(&self) -> u32 {
        // SAFETY: loom panics when somebody writes meanwhile.
        self.0.with(|value| unsafe { *value })
    }

    fn set(&self, new: u32) {
        // SAFETY: loom panics when somebody uses it meanwhile.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}

#[pin_data]
struct Shared {
    #[pin]
    lock: Mutex<Tracked>,
    #[pin]
    changed: CondVar,
}

fn shared() -> Arc<Shared> {
    Arc::pin_init(
        try_pin_init!(Shared {
            lock <- new_mutex!(Tracked::new(0)),
            changed <- new_condvar!(),
        }? Error),
        GFP_KERNEL,
    )
    .unwrap()
}

fn spawn(shared: &Arc<Shared>, work: impl FnOnce(&Shared) + 'static) -> thread::JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || work(&shared))
}

fn add(shared: &Shared) {
    let guard = shared.lock.lock();
    guard.set(guard.get() + 1);
}

#[test]
fn a_lock_has_one_holder_at_a_time() {
    model(|| {
        let shared = shared();
        let others = [spawn(&shared, add), spawn(&shared, add)];
        add(&shared);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(shared.lock.lock().get(), 3);
    });
}

#[test]
fn trying_and_unlocking_in_between_keep_others_out() {
    model(|| {
        let shared = shared();
        let other = spawn(&shared, |shared| {
            if let Some(guard) = shared.lock.try_lock() {
                guard.set(guard.get() + 10);
            }
        });
        let mut guard = shared.lock.lock();
        guard.set(guard.get() + 1);
        guard.unlocked(thread::yield_now);
        guard.set(guard.get() + 1);
        drop(guard);
        other.join().unwrap();
        let value = shared.lock.lock().get();
        assert!(value == 2 || value == 12, "{value}");
    });
}

#[test]
fn no_notification_is_missed() {
    model(|| {
        let shared = shared();
        let other = spawn(&shared, |shared| {
            shared.lock.lock().set(1);
            shared.changed.notify_one();
        });
        let mut guard = shared.lock.lock();
        while guard.get() == 0 {
            // Would never end if the notification fell between the look and the wait.
            shared.changed.wait(&mut guard);
        }
        drop(guard);
        other.join().unwrap();
    });
}

#[test]
fn notify_all_ends_every_wait() {
    model(|| {
        let shared = shared();
        let wait = |shared: &Shared| {
            let mut guard = shared.lock.lock();
            while guard.get() == 0 {
                shared.changed.wait(&mut guard);
            }
        };
        let waiters = [spawn(&shared, wait), spawn(&shared, wait)];
        shared.lock.lock().set(1);
        shared.changed.notify_all();
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
    });
}

/// A wait that is over takes itself out of the queue, while it is being notified.
#[test]
fn a_notification_and_the_end_of_the_time_race() {
    model(|| {
        let shared = shared();
        let other = spawn(&shared, |shared| shared.changed.notify_one());
        let mut guard = shared.lock.lock();
        let ended = shared.changed.wait_interruptible_timeout(&mut guard, 0);
        assert_eq!(ended, CondVarTimeoutResult::Timeout);
        drop(guard);
        other.join().unwrap();
        // Nobody is left in the queue: this would use a stack that is gone.
        shared.changed.notify_all();
    });
}

#[test]
fn a_completion_orders_what_came_before_it() {
    model(|| {
        let done = Arc::pin_init(Completion::new(), GFP_KERNEL).unwrap();
        let value = Arc::new(Tracked::new(0), GFP_KERNEL).unwrap();
        let other = {
            let (done, value) = (done.clone(), value.clone());
            thread::spawn(move || {
                value.set(7);
                done.complete();
            })
        };
        done.wait_for_completion();
        assert_eq!(value.get(), 7);
        other.join().unwrap();
    });
}

/// Says when it is dropped, and is written by its owners before.
struct Counted {
    value: Tracked,
    drops: Drops,
}

type Drops = std::sync::Arc<Atomic<u32>>;

impl Drop for Counted {
    fn drop(&mut self) {
        // What other owners read must be over: loom panics if it is not.
        self.value.set(99);
        self.drops.fetch_add(1, Relaxed);
    }
}

fn counted(drops: &Drops) -> Arc<Counted> {
    let value = Counted {
        value: Tracked::new(5),
        drops: drops.clone(),
    };
    Arc::new(value, GFP_KERNEL).unwrap()
}

#[test]
fn the_last_of_several_owners_ends_the_value() {
    model(|| {
        let drops = Drops::new(Atomic::new(0));
        let one = counted(&drops);
        let others = [one.clone(), one.clone()].map(|mine| {
            thread::spawn(move || {
                let again = mine.clone();
                drop(mine);
                assert_eq!(again.value.get(), 5);
            })
        });
        assert_eq!(one.value.get(), 5);
        drop(one);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(drops.load(Relaxed), 1);
    });
}

#[test]
fn one_of_two_last_owners_has_the_value_alone() {
    model(|| {
        let drops = Drops::new(Atomic::new(0));
        let (one, two) = {
            let arc = counted(&drops);
            (arc.clone(), arc)
        };
        let alone = |arc: Arc<Counted>| match Arc::into_unique_or_drop(arc) {
            Some(unique) => {
                unique.value.set(6);
                1
            }
            None => 0,
        };
        let other = thread::spawn(move || {
            assert_eq!(two.value.get(), 5);
            alone(two)
        });
        let mine = alone(one);
        assert_eq!(mine + other.join().unwrap(), 1);
        assert_eq!(drops.load(Relaxed), 1);
    });
}

#[test]
fn a_value_is_set_once_and_whole_when_it_is_seen() {
    model(|| {
        let once = std::sync::Arc::new(SetOnce::new());
        let setters = [1, 2].map(|number| {
            let once = once.clone();
            thread::spawn(move || {
                once.populate(KBox::new(Tracked::new(number), GFP_KERNEL).unwrap())
            })
        });
        let seen = SetOnce::as_ref(&once).map(|value| value.get());
        let won = setters.map(|setter| setter.join().unwrap());
        assert!(won[0] != won[1]);
        let value = SetOnce::as_ref(&once).unwrap().get();
        assert_eq!(value, if won[0] { 1 } else { 2 });
        assert!(seen.is_none_or(|seen| seen == value));
    });
}
