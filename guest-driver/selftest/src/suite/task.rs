// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `task`, `cred`: what both homes know of the caller.

use crate::{sys, test::TestResult};
use kernel_abi::{
    current,
    task::{Kuid, Pid, TASK_COMM_LEN},
    types::ARef,
};

fn the_caller_is_a_thread_of_a_process() -> TestResult {
    let who = current!();
    check!(who.pid() > 0);
    check!(who.tgid() > 0);
    check_eq!(who.group_leader().pid(), who.tgid());
    check_eq!(who.group_leader().tgid(), who.tgid());
    Ok(())
}

fn another_thread_is_another_caller() -> TestResult {
    let own: Pid = current!().pid();
    let other = sys::spawn(|| current!().pid())?.join();
    check!(other > 0);
    check!(other != own);
    Ok(())
}

fn names_are_zero_filled() -> TestResult {
    let name: [u8; TASK_COMM_LEN] = current!().comm();
    let len = name.iter().position(|byte| *byte == 0);
    match len {
        Some(len) => check!(len > 0 && name.iter().skip(len).all(|byte| *byte == 0)),
        None => check!(false),
    }
    Ok(())
}

fn user_ids_are_numbers_in_a_namespace() -> TestResult {
    let who = current!();
    let euid = Kuid::current_euid();
    check!(who.euid() == euid);
    // Nothing here is set-user-id.
    check!(who.uid() == euid);
    check_eq!(euid.into_uid_in_current_ns(), euid.into_uid_in_init_ns());
    check!(Kuid::from_raw(euid.into_raw()) == euid);
    Ok(())
}

fn credentials_are_counted() -> TestResult {
    let cred = current!().get_cred();
    let again = ARef::clone(&cred);
    drop(cred);
    check!(again.euid() == Kuid::current_euid());
    Ok(())
}

selftests! {
    the_caller_is_a_thread_of_a_process => [
        kernel_abi::current, kernel_abi::task::Task, kernel_abi::task::CurrentTask, kernel_abi::task::Task::pid,
        kernel_abi::task::Task::tgid, kernel_abi::task::CurrentTask::group_leader,
    ];
    another_thread_is_another_caller => [kernel_abi::task::Pid];
    names_are_zero_filled => [kernel_abi::task::Task::comm, kernel_abi::task::TASK_COMM_LEN];
    user_ids_are_numbers_in_a_namespace => [
        kernel_abi::task::Kuid, kernel_abi::task::Kuid::current_euid, kernel_abi::task::Task::uid,
        kernel_abi::task::Task::euid, kernel_abi::task::Kuid::into_uid_in_current_ns,
        kernel_abi::task::Kuid::into_uid_in_init_ns, kernel_abi::task::Kuid::from_raw,
        kernel_abi::task::Kuid::into_raw,
    ];
    credentials_are_counted => [
        kernel_abi::task::Task::get_cred, kernel_abi::cred::Credential, kernel_abi::cred::Credential::euid,
    ];
}
