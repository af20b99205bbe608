// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `task`, `pid_namespace`, `mm`: what only a kernel knows. The caller is the process that loads the module.

use crate::{sys, test::TestResult};
use core::ptr;
use kernel_abi::{
    current,
    mm::{Mm, MmWithUser},
    pid_namespace::PidNamespace,
    task::{might_sleep, Task},
    types::ARef,
};

fn tasks_are_counted() -> TestResult {
    // SAFETY: used inside of this function alone.
    let who = unsafe { Task::current() };
    check!(ptr::eq(who.as_ptr(), Task::current_raw()));
    let kept: ARef<Task> = ARef::from(&**who);
    check!(*kept == **current!());
    // A thread that has ended is still there for whoever has a reference.
    let (pid, ended) = sys::spawn(|| (current!().pid(), ARef::<Task>::from(&**current!())))?.join();
    sys::sleep_ms(10);
    check_eq!(ended.pid(), pid);
    check!(*ended != *kept);
    Ok(())
}

fn nobody_has_signalled_us() -> TestResult {
    check!(!current!().signal_pending());
    Ok(())
}

fn a_sleeper_is_woken_up() -> TestResult {
    let sleeper = sys::spawn_sleeper()?;
    while !sleeper.sleeps() {
        sys::sleep_ms(1);
    }
    sleeper.task().wake_up();
    // Without the wake-up this would not end.
    sleeper.join();
    Ok(())
}

fn the_caller_s_pid_namespace_is_the_same_both_ways() -> TestResult {
    let who = current!();
    let ns = some!(who.active_pid_ns());
    let counted = some!(who.get_pid_ns());
    check!(*counted == *ns);
    // SAFETY: counted.
    check!(*unsafe { PidNamespace::from_ptr(counted.as_ptr()) } == *ns);
    check_eq!(who.tgid_nr_ns(None), who.tgid_nr_ns(Some(ns)));
    // The self-test runs in the initial namespace.
    check_eq!(who.tgid_nr_ns(Some(ns)), who.tgid());
    Ok(())
}

fn a_dead_task_has_no_pid_namespace() -> TestResult {
    let ended = sys::spawn(|| ARef::<Task>::from(&**current!()))?;
    let ended = ended.join();
    let mut left = 1000;
    while ended.get_pid_ns().is_some() && left > 0 {
        left -= 1;
        sys::sleep_ms(1);
    }
    check!(ended.get_pid_ns().is_none());
    Ok(())
}

fn only_programs_have_an_address_space() -> TestResult {
    check!(current!().mm().is_some());
    check!(sys::spawn(|| current!().mm().is_none())?.join());
    Ok(())
}

fn users_of_an_address_space_are_counted() -> TestResult {
    let who = current!();
    let mm = some!(who.mm());
    let user: ARef<MmWithUser> = ARef::from(mm);
    let structure: ARef<Mm> = ARef::from(&**mm);
    check!(ptr::eq(user.as_raw(), structure.as_raw()));
    let another = some!(structure.mmget_not_zero());
    drop(user);
    drop(structure);
    // SAFETY: `another` is a user.
    let (with_user, without) = unsafe {
        (
            MmWithUser::from_raw(another.as_raw()),
            Mm::from_raw(another.as_raw()),
        )
    };
    check!(ptr::eq(with_user.as_raw(), without.as_raw()));
    Ok(())
}

fn mappings_can_be_held() -> TestResult {
    let who = current!();
    let mm = some!(who.mm());
    drop(mm.mmap_read_lock());
    // The caller has one thread, so nobody writes now.
    let guard = some!(mm.mmap_read_trylock());
    drop(guard);
    Ok(())
}

fn a_test_may_sleep() -> TestResult {
    might_sleep();
    Ok(())
}

selftests! {
    tasks_are_counted => [
        kernel_abi::task::Task::current, kernel_abi::task::Task::current_raw, kernel_abi::task::Task::as_ptr,
    ];
    nobody_has_signalled_us => [kernel_abi::task::Task::signal_pending];
    a_sleeper_is_woken_up => [kernel_abi::task::Task::wake_up];
    the_caller_s_pid_namespace_is_the_same_both_ways => [
        kernel_abi::task::CurrentTask::active_pid_ns, kernel_abi::task::Task::get_pid_ns,
        kernel_abi::task::Task::tgid_nr_ns, kernel_abi::pid_namespace::PidNamespace,
        kernel_abi::pid_namespace::PidNamespace::as_ptr, kernel_abi::pid_namespace::PidNamespace::from_ptr,
    ];
    a_dead_task_has_no_pid_namespace => [];
    only_programs_have_an_address_space => [kernel_abi::task::CurrentTask::mm];
    users_of_an_address_space_are_counted => [
        kernel_abi::mm::Mm, kernel_abi::mm::MmWithUser, kernel_abi::mm::Mm::as_raw, kernel_abi::mm::Mm::from_raw,
        kernel_abi::mm::Mm::mmget_not_zero, kernel_abi::mm::MmWithUser::from_raw,
    ];
    mappings_can_be_held => [
        kernel_abi::mm::MmWithUser::mmap_read_lock, kernel_abi::mm::MmWithUser::mmap_read_trylock,
        kernel_abi::mm::MmapReadGuard,
    ];
    a_test_may_sleep => [kernel_abi::task::might_sleep];
}
