// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `alloc`: allocators and boxes.
#![allow(unsafe_code)] // goes through raw memory

use crate::test::{Failure, TestResult};
use core::{alloc::Layout, cell::Cell, pin::Pin};
use kernel_abi::{
    alloc::{
        flags::{
            Flags, __GFP_NOWARN, __GFP_ZERO, GFP_ATOMIC, GFP_KERNEL, GFP_KERNEL_ACCOUNT, GFP_NOWAIT,
        },
        Allocator, Box, KBox, KVBox, KVmalloc, Kmalloc, VBox, Vmalloc,
    },
    error::{code::EBUSY, Error},
    types::ForeignOwnable,
};
use pinned_init::init_from_closure;

/// Counts how often it is dropped.
struct Counted<'a>(&'a Cell<u32>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Grows memory and looks whether it keeps what it had.
fn try_allocator<A: Allocator>(flags: Flags, align: usize) -> TestResult {
    let layout = |size| Layout::from_size_align(size, align);
    let (small, large) = (layout(24)?, layout(9000)?);
    let memory = A::alloc(small, flags | __GFP_ZERO)?;
    check!(memory.len() >= 24 && memory.cast::<u8>().addr().get() % align.max(A::MIN_ALIGN) == 0);
    // SAFETY: as large as was asked for, and of the same allocator throughout.
    unsafe {
        let bytes = memory.cast::<[u8; 24]>();
        check_eq!(bytes.read(), [0; 24]);
        bytes.write([7; 24]);
        let memory = A::realloc(Some(memory.cast()), large, small, flags)?;
        check!(memory.cast::<u8>().addr().get() % align == 0);
        check_eq!(memory.cast::<[u8; 24]>().read(), [7; 24]);
        let memory = A::realloc(Some(memory.cast()), small, large, flags)?;
        check_eq!(memory.cast::<[u8; 24]>().read(), [7; 24]);
        A::free(memory.cast(), small);
        let none = A::alloc(layout(0)?, flags)?;
        A::free(none.cast(), layout(0)?);
    }
    Ok(())
}

fn allocators_grow_shrink_and_align() -> TestResult {
    for align in [1, 8, 256, 4096] {
        try_allocator::<Kmalloc>(GFP_KERNEL, align)?;
        try_allocator::<Vmalloc>(GFP_KERNEL, align)?;
        try_allocator::<KVmalloc>(GFP_KERNEL_ACCOUNT, align)?;
    }
    try_allocator::<Kmalloc>(GFP_ATOMIC, 8)?;
    // It may fail at any time, and says nothing.
    drop(KBox::new(7, GFP_NOWAIT | __GFP_NOWARN));
    check!((GFP_KERNEL | __GFP_ZERO).contains(__GFP_ZERO) && !GFP_KERNEL.contains(__GFP_ZERO));
    check_eq!(
        (GFP_KERNEL | __GFP_ZERO).as_raw(),
        GFP_KERNEL.as_raw() | __GFP_ZERO.as_raw()
    );
    Ok(())
}

fn try_box<A: Allocator>() -> TestResult {
    let drops = Cell::new(0);
    let boxed = Box::<_, A>::new(Counted(&drops), GFP_KERNEL)?;
    let raw = Box::into_raw(boxed);
    // SAFETY: from the line above.
    let boxed = unsafe { Box::<_, A>::from_raw(raw) };
    check_eq!(drops.get(), 0);
    let memory = Box::drop_contents(boxed);
    check_eq!(drops.get(), 1);
    let boxed = memory.write(Counted(&drops));
    drop(Box::into_inner(boxed));
    check_eq!(drops.get(), 2);
    drop(Box::<_, A>::pin(Counted(&drops), GFP_KERNEL)?);
    check_eq!(drops.get(), 3);
    drop(Box::into_pin(Box::<_, A>::new(
        Counted(&drops),
        GFP_KERNEL,
    )?));
    check_eq!(drops.get(), 4);
    let mut uninit = Box::<u64, A>::new_uninit(GFP_KERNEL)?;
    (*uninit).write(9);
    // SAFETY: just written.
    check_eq!(*unsafe { uninit.assume_init() }, 9);
    check!(Box::<[u64; 700], A>::zeroed(GFP_KERNEL)?
        .iter()
        .all(|word| *word == 0));
    Ok(())
}

fn boxes_drop_and_free() -> TestResult {
    try_box::<Kmalloc>()?;
    try_box::<Vmalloc>()?;
    try_box::<KVmalloc>()?;
    let (k, v, kv): (KBox<u8>, VBox<u8>, KVBox<u8>) = (
        KBox::new(1, GFP_KERNEL)?,
        VBox::new(2, GFP_KERNEL)?,
        KVBox::new(3, GFP_KERNEL)?,
    );
    check_eq!(*k + *v + *kv, 6);
    check_eq!(*Box::leak(KBox::new((), GFP_KERNEL)?), ());
    Ok(())
}

fn boxes_initialise_in_place() -> TestResult {
    let drops = Cell::new(0);
    let boxed = KBox::init::<Error>(Ok(Counted(&drops)), GFP_KERNEL)?;
    let pinned = KBox::pin_init::<Error>(Ok(Counted(&drops)), GFP_KERNEL)?;
    drop((boxed, pinned));
    check_eq!(drops.get(), 2);
    // SAFETY: it fails, and leaves nothing initialised.
    let failing = unsafe { init_from_closure(|_: *mut Counted<'_>| Err(EBUSY)) };
    check_eq!(KBox::init(failing, GFP_KERNEL).err(), Some(EBUSY));
    check_eq!(drops.get(), 2);
    Ok(())
}

fn c_keeps_boxes() -> TestResult {
    type Owner<'a> = Pin<KBox<Counted<'a>>>;
    let drops = Cell::new(0);
    let foreign = KBox::pin(Counted(&drops), GFP_KERNEL)?.into_foreign();
    let aligned = foreign.addr() % Owner::FOREIGN_ALIGN;
    // SAFETY: from `into_foreign`, lent before it is taken back.
    let seen = unsafe {
        let seen = Owner::<'_>::try_from_foreign(core::ptr::null_mut()).is_none()
            && <Owner<'_> as ForeignOwnable>::borrow(foreign).0.get() == 0
            && <Owner<'_> as ForeignOwnable>::borrow_mut(foreign).0.get() == 0;
        drop(Owner::from_foreign(foreign));
        seen
    };
    check!(seen && aligned == 0);
    check_eq!(drops.get(), 1);
    Ok::<(), Failure>(())
}

selftests! {
    allocators_grow_shrink_and_align => [
        kernel_abi::alloc::Allocator,
        kernel_abi::alloc::KVmalloc,
        kernel_abi::alloc::Kmalloc,
        kernel_abi::alloc::Vmalloc,
        kernel_abi::alloc::Flags,
        kernel_abi::alloc::Flags::as_raw,
        kernel_abi::alloc::Flags::contains,
        kernel_abi::alloc::flags::GFP_ATOMIC,
        kernel_abi::alloc::flags::GFP_KERNEL,
        kernel_abi::alloc::flags::GFP_KERNEL_ACCOUNT,
        kernel_abi::alloc::flags::GFP_NOWAIT,
        kernel_abi::alloc::flags::__GFP_NOWARN,
        kernel_abi::alloc::flags::__GFP_ZERO,
    ];
    boxes_drop_and_free => [
        kernel_abi::alloc::Box,
        kernel_abi::alloc::Box::assume_init,
        kernel_abi::alloc::Box::drop_contents,
        kernel_abi::alloc::Box::from_raw,
        kernel_abi::alloc::Box::into_inner,
        kernel_abi::alloc::Box::into_pin,
        kernel_abi::alloc::Box::into_raw,
        kernel_abi::alloc::Box::leak,
        kernel_abi::alloc::Box::new,
        kernel_abi::alloc::Box::new_uninit,
        kernel_abi::alloc::Box::pin,
        kernel_abi::alloc::Box::write,
        kernel_abi::alloc::Box::zeroed,
        kernel_abi::alloc::KBox,
        kernel_abi::alloc::KVBox,
        kernel_abi::alloc::VBox,
    ];
    boxes_initialise_in_place => [
        kernel_abi::alloc::Box::init,
        kernel_abi::alloc::Box::pin_init,
    ];
    c_keeps_boxes => [kernel_abi::types::ForeignOwnable];
}
