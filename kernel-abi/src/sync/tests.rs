// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Waiting, counts, values that are set once, sections.
extern crate std;

use super::{
    atomic::{Atomic, Relaxed},
    barrier, rcu, Arc, Completion, CondVar, CondVarTimeoutResult, Mutex, Refcount, SetOnce,
};
use crate::{alloc::flags::GFP_KERNEL, error::Result, new_condvar, new_mutex, time::Jiffies};
use pinned_init::{pin_data, try_pin_init};
use std::{sync::mpsc, thread, vec::Vec};

/// How many have arrived, how many may go, and who waits for it.
#[pin_data]
struct Gate {
    #[pin]
    state: Mutex<(u32, u32)>,
    #[pin]
    changed: CondVar,
}

fn gate() -> Arc<Gate> {
    Arc::pin_init(
        try_pin_init!(Gate {
            state <- new_mutex!((0, 0), "Gate::state"),
            changed <- new_condvar!("Gate::changed"),
        }? crate::error::Error),
        GFP_KERNEL,
    )
    .unwrap()
}

impl Gate {
    /// Waits for one of the places; not woken again once it has one.
    fn enter(&self) {
        let mut state = self.state.lock();
        state.0 += 1;
        while state.1 == 0 {
            self.changed.wait(&mut state);
        }
        state.1 -= 1;
    }

    /// Waits, without a condition variable, until so many have arrived, which are then in the queue.
    fn arrived(&self, count: u32) {
        while self.state.lock().0 < count {
            thread::yield_now();
        }
    }
}

#[test]
fn notify_all_wakes_all() {
    let gate = gate();
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| gate.enter());
        }
        gate.arrived(5);
        gate.state.lock().1 = 5;
        gate.changed.notify_all();
    });
    assert_eq!(*gate.state.lock(), (5, 0));
}

#[test]
fn notify_one_wakes_one_for_each_call() {
    let gate = gate();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| gate.enter());
        }
        gate.arrived(3);
        for _ in 0..2 {
            gate.state.lock().1 += 1;
            gate.changed.notify_one();
        }
        gate.state.lock().1 += 1;
        gate.changed.notify_sync();
    });
    assert_eq!(*gate.state.lock(), (3, 0));
}

#[test]
fn who_waits_longest_is_woken_first() {
    let gate = gate();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for number in 0..4 {
            let (gate, tell) = (&gate, tell.clone());
            scope.spawn(move || {
                let mut state = gate.state.lock();
                state.0 += 1;
                gate.changed.wait(&mut state);
                tell.send(number).unwrap();
            });
            gate.arrived(number + 1);
        }
        for number in 0..4 {
            gate.changed.notify_one();
            assert_eq!(told.recv(), Ok(number));
        }
    });
}

#[test]
fn a_notification_without_a_waiter_is_lost() {
    let gate = gate();
    gate.changed.notify_all();
    gate.changed.notify_one();
    let mut state = gate.state.lock();
    let ended = gate.changed.wait_interruptible_timeout(&mut state, 1);
    assert_eq!(ended, CondVarTimeoutResult::Timeout);
}

#[test]
fn a_wait_that_is_over_leaves_the_queue() {
    let gate = gate();
    thread::scope(|scope| {
        scope.spawn(|| gate.enter());
        gate.arrived(1);
        for _ in 0..3 {
            let mut state = gate.state.lock();
            let ended = gate.changed.wait_interruptible_timeout(&mut state, 0);
            assert_eq!(ended, CondVarTimeoutResult::Timeout);
        }
        // Whoever is still there gets it.
        gate.state.lock().1 += 1;
        gate.changed.notify_one();
    });
}

#[test]
fn a_wait_that_is_notified_tells_what_was_left() {
    const LONG: Jiffies = 3_600_000;
    let gate = gate();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut state = gate.state.lock();
            state.0 += 1;
            let ended = gate.changed.wait_interruptible_timeout(&mut state, LONG);
            (
                ended,
                gate.changed.wait_interruptible(&mut state),
                gate.changed.wait_killable(&mut state),
            )
        });
        gate.arrived(1);
        while !waiter.is_finished() {
            gate.changed.notify_one();
            thread::yield_now();
        }
        let (ended, interrupted, killed) = waiter.join().unwrap();
        let CondVarTimeoutResult::Woken { jiffies } = ended else {
            panic!("{ended:?}");
        };
        assert!((1..=LONG).contains(&jiffies));
        assert!(!interrupted && !killed, "nobody sends signals");
    });
    let mut state = gate.state.lock();
    assert!(
        gate.changed.wait_interruptible_timeout(&mut state, 0) == CondVarTimeoutResult::Timeout
    );
}

#[test]
fn a_completion_lets_as_many_go_as_it_was_told() -> Result {
    let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
    done.complete();
    done.complete();
    done.wait_for_completion();
    done.wait_for_completion_killable()?;
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            done.wait_for_completion();
            tell.send(()).unwrap();
        });
        assert!(told.try_recv().is_err());
        done.complete();
        told.recv().unwrap();
    });
    done.complete_all();
    for _ in 0..3 {
        done.wait_for_completion();
    }
    Ok(())
}

#[test]
fn counts_saturate_instead_of_wrapping() {
    let number = |count: &Refcount| count.as_atomic().load(Relaxed);
    let count = Refcount::new(2);
    count.inc();
    count.dec();
    assert!(!count.dec_and_test() && count.dec_and_test());
    assert_eq!(number(&count), 0);
    for misuse in [Refcount::inc, Refcount::dec, |count: &Refcount| {
        assert!(!count.dec_and_test())
    }] {
        for from in [0, -1, i32::MIN / 2] {
            count.set(from);
            misuse(&count);
            assert_eq!(number(&count), i32::MIN / 2);
        }
    }
    count.set(i32::MAX);
    count.inc();
    assert_eq!(number(&count), i32::MIN / 2);
    count.set(1);
    count.dec();
    assert_eq!(
        number(&count),
        i32::MIN / 2,
        "the last reference is for `dec_and_test`"
    );
}

#[test]
fn a_value_is_set_once_and_dropped_once() {
    let value = std::sync::Arc::new(());
    let once = SetOnce::default();
    assert!(once.as_ref().is_none());
    let winners: Vec<bool> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| once.populate(value.clone())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(winners.iter().filter(|won| **won).count(), 1);
    assert_eq!(std::sync::Arc::strong_count(&value), 2);
    assert!(once.as_ref().is_some());
    drop(once);
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
    drop(SetOnce::<std::sync::Arc<()>>::new());
}

#[test]
fn a_grace_period_ends_after_the_sections_before_it() {
    let (entered, left) = (Atomic::new(false), Atomic::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let section = rcu::read_lock();
            entered.store(true, Relaxed);
            for _ in 0..1000 {
                rcu::Guard::new().unlock();
                thread::yield_now();
            }
            left.store(true, Relaxed);
            drop(section);
        });
        while !entered.load(Relaxed) {
            thread::yield_now();
        }
        rcu::synchronize_rcu();
        assert!(left.load(Relaxed));
    });
}

/// Each thread writes its own flag and reads the other's: with full barriers one of them sees the other.
#[test]
fn full_barriers_order_writes_before_reads() {
    for _ in 0..2000 {
        let flags = [Atomic::new(0u32), Atomic::new(0u32)];
        let seen = thread::scope(|scope| {
            let cross = |mine: usize| {
                let flags = &flags;
                move || {
                    flags[mine].store(1, Relaxed);
                    barrier::smp_mb(barrier::Full);
                    flags[1 - mine].load(Relaxed)
                }
            };
            let (one, two) = (scope.spawn(cross(0)), scope.spawn(cross(1)));
            one.join().unwrap() + two.join().unwrap()
        });
        assert!(seen > 0);
    }
    barrier::mb(barrier::Read);
    barrier::dma_mb(barrier::Write);
}

crate::global_lock! {
    // SAFETY: its one test initialises it.
    unsafe(uninit) static GLOBAL: SpinLockIrq<u32> = 7;
}

#[test]
#[allow(unsafe_code)]
fn a_global_lock_locks() {
    // SAFETY: once, before it is used.
    unsafe { GLOBAL.init() };
    let entry = super::GlobalLockedBy::<u32, GLOBAL>::new(1);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let mut guard = GLOBAL.lock();
                    *guard += 1;
                    *entry.as_mut(&mut guard) += 1;
                }
            });
        }
    });
    let guard = GLOBAL.try_lock().unwrap();
    assert!(GLOBAL.try_lock().is_none());
    assert_eq!((*guard, *entry.as_ref(&guard)), (4007, 4001));
}

#[test]
#[should_panic(expected = "the lock of another value")]
fn a_value_that_another_lock_protects_cannot_be_had() {
    let (one, two): (Arc<Mutex<u32>>, Arc<Mutex<u32>>) = (
        Arc::pin_init(new_mutex!(1), GFP_KERNEL).unwrap(),
        Arc::pin_init(new_mutex!(2), GFP_KERNEL).unwrap(),
    );
    let value = super::LockedBy::new(&one, 5);
    assert_eq!(*value.access(&*one.lock()), 5);
    *value.access_mut(&mut *two.lock()) = 6;
}
