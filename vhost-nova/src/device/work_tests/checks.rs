// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Every error row of the document.

use super::*;

#[test]
fn fence_memory_is_named_once_and_inside_memory() {
    let mut rig = Rig::bare();
    rig.refused(&rig.vm_create(0), ErrBusy);
    for (addr, length, status) in [
        (FENCES + 1, 4096, ErrInvalidParameter),
        (FENCES, 8192, ErrInvalidParameter),
        (FENCES, 320, ErrInvalidParameter),
        (FENCES, 0, ErrInvalidParameter),
        (128 << 10, 4096, ErrInvalidAddress),
        (u64::MAX - 4095, 4096, ErrInvalidAddress),
    ] {
        rig.refused(&rig.fence_memory(addr, length), status);
    }
    let mut padded = rig.fence_memory(FENCES, 4096);
    padded[36] = 1;
    rig.refused(&padded, ErrInvalidParameter);
    rig.refused(
        &message(0x103, rig.ctx, &[&u64s(&[FENCES]), &u32s(&[4096, 0])]),
        ErrInvalidContext,
    );
    rig.mem
        .write_slice(&[0xff; 4096], GuestAddress(FENCES))
        .unwrap();
    rig.ok(&rig.fence_memory(FENCES, 4096));
    let mut bytes = [1; 4096];
    rig.mem
        .read_slice(&mut bytes, GuestAddress(FENCES))
        .unwrap();
    assert_eq!(bytes, [0; 4096]);
    rig.refused(&rig.fence_memory(FENCES, 4096), ErrBusy);
}

#[test]
fn every_field_of_the_creating_commands_is_checked() {
    let mut rig = Rig::new();
    let (ctx, vm) = (rig.ctx, rig.vm);
    rig.refused(&rig.vm_create(SLOTS), ErrInvalidParameter);
    rig.refused(&rig.vm_create(u32::MAX), ErrInvalidParameter);
    rig.refused(&rig.vm_create(SLOT_QUEUE), ErrBusy);
    rig.refused(&message(0x130, ctx, &[&u32s(&[3, 1])]), ErrInvalidParameter);
    rig.refused(&message(0x130, 0, &[&u32s(&[3, 0])]), ErrInvalidContext);
    rig.refused(&message(0x130, ctx, &[&u32s(&[3])]), ErrInvalidLength);
    for (words, status) in [
        ([vm + 77, 3, 1, 1, 0, 0], ErrInvalidHandle),
        ([0, 3, 1, 1, 0, 0], ErrInvalidHandle),
        ([vm, SLOTS, 1, 1, 0, 0], ErrInvalidParameter),
        ([vm, SLOT_SPACE, 1, 1, 0, 0], ErrBusy),
        ([vm, 3, 0, 1, 0, 0], ErrInvalidParameter),
        ([vm, 3, 2, 1, 0, 0], ErrInvalidParameter),
        ([vm, 3, 1, 3, 0, 0], ErrInvalidParameter),
        ([vm, 3, 1, 1, 1, 0], ErrInvalidParameter),
        ([vm, 3, 1, 1, 0, 1], ErrInvalidParameter),
    ] {
        rig.refused(&message(0x140, ctx, &[&u32s(&words)]), status);
    }
    rig.fake.is_full.store(true, Ordering::Relaxed);
    rig.refused(&rig.vm_create(3), ErrLimit);
    rig.refused(&rig.queue_create(vm, 3), ErrLimit);
    rig.fake.is_full.store(false, Ordering::Relaxed);
    rig.ok(&rig.queue_create(vm, 3));
    rig.ok(&rig.queue_create(vm, 4));
    rig.refused(&rig.queue_create(vm, 5), ErrLimit);
    rig.ok(&rig.vm_create(5));
    rig.refused(&rig.vm_create(6), ErrLimit);
}

#[test]
fn every_field_of_an_operation_is_checked() {
    let mut rig = Rig::new();
    let object = rig.object;
    let end = 1u64 << 40;
    for (words, longs, status) in [
        ([2, 0, 0], [VA_START, 0, PAGE], ErrInvalidParameter),
        ([0, 4, object], [VA_START, 0, PAGE], ErrInvalidParameter),
        ([0, 3, 0], [VA_START, 0, PAGE], ErrInvalidParameter),
        ([1, 1, 0], [VA_START, 0, PAGE], ErrInvalidParameter),
        ([1, 0, object], [VA_START, 0, PAGE], ErrInvalidParameter),
        ([1, 0, 0], [VA_START, PAGE, PAGE], ErrInvalidParameter),
        ([0, 2, object], [VA_START, 0, PAGE], ErrInvalidParameter),
        ([0, 2, 0], [VA_START, PAGE, PAGE], ErrInvalidParameter),
        ([0, 0, object], [VA_START + 1, 0, PAGE], ErrInvalidParameter),
        ([0, 0, object], [VA_START, 1, PAGE], ErrInvalidParameter),
        ([0, 0, object], [VA_START, 0, PAGE + 1], ErrInvalidParameter),
        ([0, 0, object], [VA_START, 0, 0], ErrInvalidParameter),
        (
            [0, 0, object],
            [VA_START - PAGE, 0, PAGE],
            ErrInvalidParameter,
        ),
        (
            [0, 0, object],
            [end - PAGE, 0, 2 * PAGE],
            ErrInvalidParameter,
        ),
        ([0, 0, object], [end, 0, PAGE], ErrInvalidParameter),
        (
            [1, 0, 0],
            [VA_START, 0, u64::MAX - 4095],
            ErrInvalidParameter,
        ),
        (
            [0, 0, object],
            [VA_START, u64::MAX - 4095, PAGE],
            ErrInvalidParameter,
        ),
        ([0, 0, object], [VA_START, 0, 4 * PAGE], ErrInvalidParameter),
        (
            [0, 0, object],
            [VA_START, PAGE, 3 * PAGE],
            ErrInvalidParameter,
        ),
        ([0, 0, object + 9], [VA_START, 0, PAGE], ErrInvalidHandle),
        ([0, 0, 0], [VA_START, 0, PAGE], ErrInvalidHandle),
    ] {
        // A good one before it changes nothing.
        let ops = [unmap(VA_START, PAGE), (words, longs)];
        rig.refused(&rig.bind(1, &ops, &[]), status);
    }
    let partial = rig.ok(&create(rig.ctx, 2 * PAGE, &[(0, 4096)]))[0];
    rig.refused(
        &rig.bind(1, &[map(partial, VA_START, 0, PAGE)], &[]),
        ErrBusy,
    );
    let mut padded = rig.bind(1, &[unmap(VA_START, PAGE)], &[]);
    padded[48 + 12] = 1;
    rig.refused(&padded, ErrInvalidParameter);
    let mut padded = rig.bind(1, &[], &[]);
    padded[44] = 1;
    rig.refused(&padded, ErrInvalidParameter);
    rig.fake.is_full.store(true, Ordering::Relaxed);
    rig.refused(&rig.bind(1, &[unmap(VA_START, PAGE)], &[]), ErrLimit);
    rig.fake.is_full.store(false, Ordering::Relaxed);
    rig.fake.take_log();
    rig.step();
    assert_eq!(rig.fake.take_log(), [""; 0]);
    rig.ok(&rig.bind(1, &[unmap(VA_START, PAGE)], &[]));
}

#[test]
fn every_field_of_a_push_is_checked() {
    let mut rig = Rig::new();
    let (ctx, queue) = (rig.ctx, rig.queue);
    let end = 1u64 << 40;
    for push in [
        (VA_START + 2, 4, 0),
        (VA_START, 6, 0),
        (VA_START, 0, 0),
        (VA_START, 8_388_608, 0),
        (VA_START - 4, 4, 0),
        (end - 4, 8, 0),
        (u64::MAX - 3, 4, 0),
        (VA_START, 4, 2),
    ] {
        let pushes = [(VA_START, 4, 0), push];
        let request = exec_with(ctx, queue, 1, &pushes, &[]);
        rig.refused(&request, ErrInvalidParameter);
    }
    let mut padded = exec_with(ctx, queue, 1, &[], &[]);
    padded[44] = 1;
    rig.refused(&padded, ErrInvalidParameter);
    for id in [0, queue + 9, rig.vm] {
        let request = exec_with(ctx, id, 1, &[], &[]);
        rig.refused(&request, ErrInvalidHandle);
    }
    let longest = [(end - 8_388_604, 8_388_604, 1); 4];
    rig.ok(&exec_with(ctx, queue, 1, &longest, &[]));
}

#[test]
fn counts_and_lengths_agree_and_have_limits() {
    let mut rig = Rig::new();
    let (ctx, vm, queue) = (rig.ctx, rig.vm, rig.queue);
    let ops = [unmap(VA_START, PAGE); 5];
    let pushes = [(VA_START, 4, 0); 5];
    let waits = [(0, 0); 3];
    rig.refused(&bind_with(ctx, vm, 1, &ops, &[]), ErrInvalidParameter);
    rig.refused(&bind_with(ctx, vm, 1, &[], &waits), ErrInvalidParameter);
    rig.refused(&exec_with(ctx, queue, 1, &pushes, &[]), ErrInvalidParameter);
    rig.refused(&exec_with(ctx, queue, 1, &[], &waits), ErrInvalidParameter);
    for request in [
        bind_with(ctx, vm, 1, &ops[..2], &waits[..1]),
        exec_with(ctx, queue, 1, &pushes[..2], &waits[..1]),
    ] {
        rig.refused(&request[..request.len() - 1], ErrInvalidLength);
        rig.refused(&request[..40], ErrInvalidLength);
        rig.refused(&[&request[..], &[0]].concat(), ErrInvalidLength);
        for count in [28, 40] {
            let mut many = request.clone();
            many[count..count + 4].copy_from_slice(&[0xff; 4]);
            rig.refused(&many, ErrInvalidLength);
        }
    }
}

#[test]
fn sequence_numbers_ascend_and_waits_are_for_what_was_submitted() {
    let mut rig = Rig::new();
    rig.refused(&rig.exec(0, &[]), ErrInvalidParameter);
    rig.ok(&rig.exec(5, &[]));
    rig.refused(&rig.exec(5, &[]), ErrInvalidParameter);
    rig.refused(&rig.exec(4, &[]), ErrInvalidParameter);
    rig.refused(&rig.destroy(0x141, rig.queue, 5), ErrInvalidParameter);
    rig.refused(&rig.destroy(0x141, rig.queue + 9, 6), ErrInvalidHandle);
    rig.refused(&rig.destroy(0x131, rig.vm + 9, 6), ErrInvalidHandle);
    for wait in [(SLOT_QUEUE, 6), (SLOT_SPACE, 1), (SLOTS, 0), (u32::MAX, 0)] {
        rig.refused(&rig.exec(6, &[wait]), ErrInvalidParameter);
        rig.refused(&rig.bind(1, &[], &[wait]), ErrInvalidParameter);
    }
    let mut padded = rig.exec(6, &[(SLOT_QUEUE, 5)]);
    let at = padded.len() - 12;
    padded[at] = 1;
    rig.refused(&padded, ErrInvalidParameter);
    // A slot that nobody has, and the queue's own past.
    rig.ok(&rig.exec(6, &[(7, 0), (SLOT_QUEUE, 5)]));
    rig.ok(&rig.exec(u64::MAX, &[]));
    rig.refused(&rig.exec(u64::MAX, &[]), ErrInvalidParameter);
}

#[test]
fn so_much_is_in_flight_and_no_more() {
    let mut rig = Rig::new();
    rig.ok(&rig.exec(1, &[]));
    for seqno in 2..=3 {
        rig.ok(&rig.exec(seqno, &[]));
    }
    rig.refused(&rig.exec(4, &[]), ErrLimit);
    for seqno in 1..=3 {
        rig.ok(&rig.bind(seqno, &[], &[(SLOT_QUEUE, 1)]));
    }
    rig.refused(&rig.bind(4, &[], &[]), ErrLimit);
    rig.fake.finish(0);
    rig.step();
    rig.ok(&rig.exec(4, &[]));
    rig.ok(&rig.bind(4, &[], &[]));
}

#[test]
fn names_are_of_one_context() {
    let mut rig = Rig::new();
    let other = rig.ok(&message(0x101, 0, &[&[0; 24]]))[0];
    rig.refused(&bind_with(other, rig.vm, 1, &[], &[]), ErrInvalidHandle);
    rig.refused(&exec_with(other, rig.queue, 1, &[], &[]), ErrInvalidHandle);
    let destroy = |command, id| message(command, other, &[&u32s(&[id, 0]), &u64s(&[9])]);
    rig.refused(&destroy(0x131, rig.vm), ErrInvalidHandle);
    rig.refused(&destroy(0x141, rig.queue), ErrInvalidHandle);
    let create = message(0x140, other, &[&u32s(&[rig.vm, 3, 1, 1, 0, 0])]);
    rig.refused(&create, ErrInvalidHandle);
    rig.ok(&message(0x102, other, &[]));
}

#[test]
fn vram_is_an_object_without_pages() {
    let mut rig = Rig::new();
    let vram = |size: u64, entries: u32| {
        let mut body = u64s(&[size]);
        body.extend(u32s(&[2, entries]));
        for _ in 0..entries {
            body.extend(u64s(&[0]));
            body.extend(u32s(&[4096, 0]));
        }
        body
    };
    let ctx = rig.ctx;
    let create = |body: Vec<u8>| message(0x110, ctx, &[&body]);
    rig.refused(&create(vram(4096, 1)), ErrInvalidParameter);
    rig.refused(&create(vram(4097, 0)), ErrInvalidParameter);
    rig.fake.is_full.store(true, Ordering::Relaxed);
    rig.refused(&create(vram(4096, 0)), ErrLimit);
    rig.fake.is_full.store(false, Ordering::Relaxed);
    let handle = rig.ok(&create(vram(4096, 0)))[0];
    let mut entry = u32s(&[handle, 1]);
    entry.extend(u64s(&[0]));
    entry.extend(u32s(&[4096, 0]));
    rig.refused(&message(0x111, ctx, &[&entry]), ErrBusy);
    let mut sum = u32s(&[handle, 0]);
    sum.extend(u64s(&[0, 4096, 0]));
    rig.refused(&message(0x120, ctx, &[&sum]), ErrInvalidParameter);
    rig.ok(&message(0x112, ctx, &[&u32s(&[handle, 0])]));
}
