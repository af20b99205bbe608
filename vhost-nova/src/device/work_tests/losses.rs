// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Queues and address spaces that are lost, and a card that is.

use super::*;
use crate::work::Loss;

const FAULT: Loss = Loss {
    reason: 1,
    address: 0x1_2345_6000,
};

/// An event as the document draws it.
fn event(rig: &mut Rig) -> (u32, u32, [u64; 2]) {
    let event = rig.device.take_event().unwrap();
    assert_eq!((event.flags, event.padding), (0, 0));
    (event.type_, event.ctx_id, event.value)
}

#[test]
fn a_fault_loses_its_queue_alone() {
    let mut rig = Rig::new();
    let other = rig.ok(&rig.queue_create(rig.vm, SLOT_OTHER))[0];
    for seqno in [2, 4, 6] {
        rig.ok(&rig.exec(seqno, &[]));
    }
    rig.ok(&rig.bind(1, &[], &[(SLOT_QUEUE, 6)]));
    rig.fake.queues.lock().get_mut(&0).unwrap().completed = 1;
    rig.fake.fault(0, FAULT);
    rig.want(SLOT_QUEUE, 6);
    rig.fake.take_log();
    rig.step();
    assert_eq!(rig.fake.take_log(), ["queue 0 gone"]);
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.lost_from(SLOT_QUEUE)),
        (6, 4)
    );
    let ctx = rig.ctx;
    let place = u64::from(SLOT_QUEUE) | 1 << 32;
    assert_eq!(event(&mut rig), (3, ctx, [place, 0x1_2345_6000]));
    assert_eq!(event(&mut rig), (2, 0, [0, 0]));
    assert_eq!(rig.device.take_event(), None);
    assert_eq!(rig.completed(SLOT_SPACE), 1, "who waited for it goes on");
    rig.refused(&rig.exec(7, &[]), ErrLost);
    rig.ok(&exec_with(ctx, other, 1, &[], &[]));
    assert_eq!(rig.completed(SLOT_OTHER), 1);
    // It is destroyed like any other, and the slot begins anew.
    rig.ok(&rig.destroy(0x141, rig.queue, 8));
    rig.step();
    assert_eq!(rig.completed(SLOT_QUEUE), 8);
    rig.queue = rig.ok(&rig.queue_create(rig.vm, SLOT_QUEUE))[0];
    assert_eq!(rig.lost_from(SLOT_QUEUE), 0);
    rig.ok(&exec_with(ctx, rig.queue, 9, &[], &[]));
    assert_eq!(rig.completed(SLOT_QUEUE), 9);
}

#[test]
fn a_bind_that_cannot_be_carried_out_loses_the_space_and_its_queues() {
    let mut rig = Rig::new();
    let second = rig.ok(&rig.vm_create(4))[0];
    rig.ok(&rig.exec(1, &[]));
    rig.ok(&rig.bind(1, &[], &[]));
    let ops = [unmap(VA_START, PAGE), unmap(VA_START + PAGE, PAGE)];
    rig.ok(&rig.bind(2, &ops, &[]));
    rig.ok(&rig.bind(3, &[], &[]));
    rig.fake.take_log();
    rig.fake.fail_map.store(true, Ordering::Relaxed);
    rig.step();
    assert_eq!(
        rig.fake.take_log(),
        ["unreserve", "unmap 0x100000000 0x1000", "queue 0 gone"],
        "no other operation, and the mappings stay"
    );
    assert_eq!(
        (rig.completed(SLOT_SPACE), rig.lost_from(SLOT_SPACE)),
        (3, 2)
    );
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.lost_from(SLOT_QUEUE)),
        (1, 1)
    );
    let mut events = [event(&mut rig), event(&mut rig)];
    events.sort();
    assert_eq!(
        events[0],
        (3, rig.ctx, [u64::from(SLOT_QUEUE) | 5 << 32, 0])
    );
    assert_eq!(
        events[1],
        (4, rig.ctx, [u64::from(SLOT_SPACE) | 5 << 32, 0])
    );
    rig.refused(&rig.bind(4, &[], &[]), ErrLost);
    rig.refused(&rig.exec(2, &[]), ErrLost);
    rig.refused(&rig.queue_create(rig.vm, 5), ErrLost);
    rig.ok(&bind_with(rig.ctx, second, 1, &[], &[]));
    rig.ok(&rig.destroy(0x141, rig.queue, 2));
    rig.ok(&rig.destroy(0x131, rig.vm, 4));
    rig.step();
    assert_eq!(rig.fake.take_log(), ["space gone"]);
    assert_eq!(
        (rig.completed(SLOT_SPACE), rig.completed(SLOT_QUEUE)),
        (4, 2)
    );
    assert_eq!(rig.completed(4), 1);
}

#[test]
fn work_that_takes_too_long_loses_its_queue() {
    let mut rig = Rig::set_up(Rig::with(WorkLimits {
        work_timeout: Some(Duration::ZERO),
        ..work_limits()
    }));
    rig.ok(&rig.exec(1, &[]));
    rig.step();
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.lost_from(SLOT_QUEUE)),
        (1, 1)
    );
    let place = u64::from(SLOT_QUEUE) | 3 << 32;
    assert_eq!(event(&mut rig), (3, rig.ctx, [place, 0]));
}

#[test]
fn what_waits_does_not_take_too_long() {
    let mut rig = Rig::new();
    rig.ok(&rig.exec(1, &[]));
    let late = rig.ok(&rig.queue_create(rig.vm, SLOT_OTHER))[0];
    let push = [(VA_START, 4, 0)];
    rig.ok(&exec_with(rig.ctx, late, 1, &push, &[(SLOT_QUEUE, 1)]));
    rig.step();
    assert_eq!(
        (rig.completed(SLOT_OTHER), rig.lost_from(SLOT_OTHER)),
        (0, 0)
    );
}

#[test]
fn a_loss_without_work_names_no_number_that_was_used() {
    let mut rig = Rig::new();
    rig.ok(&exec_with(rig.ctx, rig.queue, 5, &[], &[]));
    rig.fake.fault(0, FAULT);
    rig.step();
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.lost_from(SLOT_QUEUE)),
        (5, 6)
    );
}

#[test]
fn an_event_of_an_owner_that_is_gone_is_forgotten() {
    let mut rig = Rig::new();
    rig.fake.fault(0, FAULT);
    rig.step();
    let event = rig.device.take_event().unwrap();
    rig.device.put_back_event(event);
    rig.ok(&rig.destroy(0x141, rig.queue, 1));
    rig.step();
    assert!(!rig.device.has_event());
    rig.device.put_back_event(event);
    assert!(!rig.device.has_event());
}

#[test]
fn a_lost_card_is_noticed() {
    let rig = Rig::new();
    assert!(!rig.device.is_work_lost());
    rig.fake.is_lost.store(true, Ordering::Relaxed);
    assert!(rig.device.is_work_lost());
}

#[test]
fn fence_memory_that_goes_away_is_noticed() {
    let mut rig = Rig::new();
    let small = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 4096)]).unwrap();
    rig.device.set_memory(&small).unwrap();
    rig.ok(&exec_with(rig.ctx, rig.queue, 1, &[], &[]));
    assert!(rig.device.is_work_lost());
}
