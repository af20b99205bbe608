// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `sync::poll`: what polls is registered, woken, and detached at the end, as epoll's entries are.

use crate::test::TestResult;
use core::{
    cell::Cell,
    ffi::{c_int, c_uint, c_void},
    mem::offset_of,
    pin::Pin,
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    bindings,
    fs::File,
    new_poll_condvar, static_lock_class,
    sync::{CondVar, PollCondVar, PollTable},
    types::Opaque,
};

/// Who polls: its table, its entry in the queue, and what it has seen.
#[repr(C)]
struct Poller {
    table: Opaque<bindings::poll_table>,
    entry: Opaque<bindings::wait_queue_entry>,
    wakes: Cell<u32>,
    is_detached: Cell<bool>,
}

impl Poller {
    fn new() -> Self {
        Self {
            table: Opaque::new(bindings::poll_table_struct {
                _qproc: Some(enter),
                _key: !0,
            }),
            entry: Opaque::zeroed(),
            wakes: Cell::new(0),
            is_detached: Cell::new(false),
        }
    }
}

/// Called by `poll_wait()`: enters the queue.
unsafe extern "C" fn enter(
    _file: *mut bindings::file,
    head: *mut bindings::wait_queue_head_t,
    table: *mut bindings::poll_table,
) {
    let poller = table
        .wrapping_byte_sub(offset_of!(Poller, table))
        .cast::<Poller>();
    // SAFETY: the table is a `Poller`'s, which stays in place until the queue has ended.
    unsafe {
        let entry = (*poller).entry.get();
        bindings::nova_init_wait(entry);
        (*entry).func = Some(woken);
        bindings::add_wait_queue(head, entry);
    }
}

/// Called with the queue's lock held: counts, and leaves the queue when that is about to end (`POLLFREE`).
unsafe extern "C" fn woken(
    entry: *mut bindings::wait_queue_entry,
    _mode: c_uint,
    _flags: c_int,
    key: *mut c_void,
) -> c_int {
    const POLLFREE: usize = 0x4000;
    let poller = entry
        .wrapping_byte_sub(offset_of!(Poller, entry))
        .cast::<Poller>();
    // SAFETY: the entry is a `Poller`'s; the list is this call's.
    unsafe {
        (*poller).wakes.set((*poller).wakes.get() + 1);
        if key.addr() & POLLFREE != 0 {
            let (next, prev) = ((*entry).entry.next, (*entry).entry.prev);
            (*next).prev = prev;
            (*prev).next = next;
            (*poller).is_detached.set(true);
        }
    }
    0
}

fn who_polls_is_woken_and_detached() -> TestResult {
    let file = File::fget(1)?;
    let readable: Pin<KBox<PollCondVar>> =
        KBox::pin_init(new_poll_condvar!("readable"), GFP_KERNEL)?;
    let poller = KBox::new(Poller::new(), GFP_KERNEL)?;
    // SAFETY: the poller outlives the queue. A null table is one that wants nothing.
    let (table, none) = unsafe {
        (
            PollTable::from_raw(poller.table.get()),
            PollTable::from_raw(core::ptr::null_mut()),
        )
    };
    none.register_wait(&file, &readable);
    readable.notify_all();
    check_eq!(poller.wakes.get(), 0);
    table.register_wait(&file, &readable);
    readable.notify_one();
    let condvar: &CondVar = &readable;
    condvar.notify_all();
    check_eq!((poller.wakes.get(), poller.is_detached.get()), (2, false));
    drop(readable);
    check_eq!((poller.wakes.get(), poller.is_detached.get()), (3, true));
    let init = PollCondVar::new(c"unused", static_lock_class!());
    drop(KBox::pin_init(init, GFP_KERNEL)?);
    Ok(())
}

selftests! {
    who_polls_is_woken_and_detached => [
        kernel_abi::new_poll_condvar,
        kernel_abi::sync::PollCondVar,
        kernel_abi::sync::PollCondVar::new,
        kernel_abi::sync::PollTable,
        kernel_abi::sync::PollTable::from_raw,
        kernel_abi::sync::PollTable::register_wait,
    ];
}
