// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The order of the checks (section 6.1 of `docs/virtio-nova.md`), command by command: of two
//! faults the earlier one is named.

use super::*;

/// One request of each command, valid but for the ids in it.
fn all_commands(ctx: u32, handle: u32) -> [Vec<u8>; 8] {
    [
        negotiate(),
        ctx_create(),
        header(0x102, ctx),
        create(ctx, PAGE, &[(0, PAGE as u32)]),
        add(ctx, handle, &[(0, PAGE as u32)]),
        close(ctx, handle),
        open(ctx, ctx, handle),
        checksum(ctx, handle, 0, (0, 1), 0),
    ]
}

fn set_ctx(request: &[u8], ctx: u32) -> Vec<u8> {
    let mut request = request.to_vec();
    request[16..20].copy_from_slice(&ctx.to_le_bytes());
    request
}

#[test]
fn room_for_the_whole_answer_is_what_the_document_draws() {
    let lengths = [72, 32, 24, 32, 24, 24, 32, 32];
    for (request, length) in all_commands(1, 1).iter().zip(lengths) {
        assert_eq!(Device::answer_len(request), length, "{request:02x?}");
        // The type alone decides.
        assert_eq!(Device::answer_len(&request[..24]), length);
        assert_eq!(Device::answer_len(&request[..23]), 24);
    }
    for unknown in [0, 0xff, 0x103, 0x10f, 0x114, 0x121, 0x1100, u32::MAX] {
        assert_eq!(Device::answer_len(&header(unknown, 0)), 24);
    }
}

#[test]
fn good_answers_have_that_length_and_zero_padding() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let part = rig.ok(&create(ctx, 2 * PAGE, &[(0, PAGE as u32)]));
    assert_eq!((part.len(), part[1]), (2, 0));
    assert!(rig.ok(&add(ctx, part[0], &[(0, PAGE as u32)])).is_empty());
    let opened = rig.ok(&open(ctx, ctx, part[0]));
    assert_eq!((opened.len(), opened[1]), (2, 0));
    let sum = rig.ok(&checksum(ctx, part[0], 0, (0, 1), 0));
    assert_eq!((sum.len(), sum[1]), (2, 0));
    assert!(rig.ok(&close(ctx, part[0])).is_empty());
    assert!(rig.ok(&header(0x102, ctx)).is_empty());
    let context = rig.ok(&ctx_create());
    assert_eq!((context.len(), context[1]), (2, 0));
}

#[test]
fn every_reserved_byte_of_the_header_is_checked_before_anything_else() {
    let mut rigs = [Rig::fresh(), Rig::new(), Rig::new()];
    rigs[2].device.mark_lost();
    for rig in &mut rigs {
        for request in all_commands(99, 99) {
            for at in (4..16).chain(20..24) {
                let mut request = request.clone();
                request[at] = 0x80;
                rig.refused(&request, ErrInvalidParameter);
                request.push(0);
                rig.refused(&request, ErrInvalidParameter);
                // An unknown command.
                request[1] = 7;
                rig.refused(&request, ErrInvalidParameter);
            }
        }
    }
}

#[test]
fn types_next_to_the_known_ones_are_unknown() {
    let mut rigs = [Rig::fresh(), Rig::new(), Rig::new()];
    rigs[2].device.mark_lost();
    for rig in &mut rigs {
        let known_in_16_bits = (1 << 16) + 0x100;
        for unknown in [0, 0xff, 0x103, 0x10f, 0x114, 0x11f, 0x121, known_in_16_bits] {
            // Whatever its length and context are.
            rig.refused(&header(unknown, 0), ErrInvalidCommand);
            rig.refused(&message(unknown, 99, &[&[1; 99]]), ErrInvalidCommand);
        }
    }
}

#[test]
fn the_state_of_the_device_comes_before_the_length() {
    let (mut fresh, mut lost) = (Rig::fresh(), Rig::new());
    let ctx = lost.context();
    lost.device.mark_lost();
    for request in &all_commands(ctx, 1)[1..] {
        let longer = [&request[..], &[0]].concat();
        for request in [request, &longer, &request[..24].to_vec()] {
            fresh.refused(request, ErrNotNegotiated);
            lost.refused(request, ErrDeviceLost);
        }
    }
    // NEGOTIATE is checked as usual on a lost device, and has no other answer.
    lost.refused(&[&negotiate()[..], &[0]].concat(), ErrInvalidLength);
    lost.refused(&set_ctx(&negotiate(), ctx), ErrInvalidContext);
    let info = fresh.ok(&negotiate());
    assert_eq!(lost.ok(&negotiate()), info);
}

#[test]
fn the_length_comes_before_the_context_and_the_parameters() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let handle = rig.object(ctx);
    for request in all_commands(ctx, handle) {
        for ctx in [0, ctx, 99] {
            let mut request = set_ctx(&request, ctx);
            // All parameters are wrong too, but for the counts of what follows.
            for byte in request.iter_mut().skip(24) {
                *byte = 0xff;
            }
            request.push(0xff);
            rig.refused(&request, ErrInvalidLength);
        }
    }
    // More entries than one request may have, and not as many as it says.
    let mut request = create(ctx, PAGE, &[(0, PAGE as u32); 9]);
    request.pop();
    rig.refused(&request, ErrInvalidLength);
    // A count whose length does not fit in 32 bits.
    let mut request = create(ctx, PAGE, &[]);
    request[36..40].copy_from_slice(&(1u32 << 28).to_le_bytes());
    rig.refused(&request, ErrInvalidLength);
    let mut request = add(ctx, handle, &[]);
    request[28..32].copy_from_slice(&(1u32 << 28).to_le_bytes());
    rig.refused(&request, ErrInvalidLength);
}

#[test]
fn the_context_comes_before_the_parameters() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let handle = rig.object(ctx);
    // A context where none applies, with a wrong version and padding, and at the limit.
    rig.refused(&message(0x100, ctx, &[&[0xff; 8]]), ErrInvalidContext);
    rig.context();
    rig.context();
    rig.refused(&set_ctx(&ctx_create(), ctx), ErrInvalidContext);
    rig.refused(&ctx_create(), ErrLimit);
    let mut padding = close(0, handle);
    padding[28] = 1;
    let mut domain = create(0, PAGE, &[]);
    domain[32] = 9;
    let bad_address = [(u64::MAX - PAGE + 1, PAGE as u32)];
    for request in [
        header(0x102, 0),
        domain,
        create(0, 0, &[]),
        create(0, PAGE, &[(1, 1)]),
        create(0, PAGE, &bad_address),
        create(0, 9 * PAGE, &[(0, PAGE as u32); 9]),
        add(0, handle, &[]),
        add(0, 0, &bad_address),
        padding,
        close(0, 0),
        open(0, ctx, 0),
        open(0, 0, handle),
        checksum(0, handle, 7, (0, 0), 0),
        checksum(0, 0, 0, (u64::MAX, 2), 1),
    ] {
        for nobody in [0, 1, ctx ^ (1 << 11), ctx + (1 << 12), u32::MAX] {
            rig.refused(&set_ctx(&request, nobody), ErrInvalidContext);
        }
    }
}

#[test]
fn a_name_may_have_any_bytes() {
    let mut rig = Rig::new();
    for byte in [0, b'\n', 0xff] {
        let numbers = u32s(&[u32::MAX, u32::MAX]);
        rig.ok(&message(0x101, 0, &[&numbers, &[byte; 16]]));
    }
}
