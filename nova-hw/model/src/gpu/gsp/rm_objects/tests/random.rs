// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Calls of any class, size and handle.

use super::*;

#[test]
fn random_calls_end_in_answers() {
    let classes = [
        0, 0x7e, 0x80, 0x2080, 0x9067, 0x90f1, 0xa06c, 0xc461, 0xc56f, 0xc7b5, 0xffff,
    ];
    let kinds = [0x2080, 0x80, 0x90f1, 0xa06c, 0xa06f, 0xc36f];
    let controls: Vec<u32> = kinds
        .iter()
        .flat_map(|kind| (0..0x4000).map(move |n| kind << 16 | n))
        .filter(|cmd| Control(*cmd).name().is_some())
        .collect();
    assert!(controls.len() > 15);
    let mut rng = Rng::with_seed(7);
    let mut bench = Bench::new();
    let sizes = [
        0, 2, 4, 8, 12, 20, 24, 32, 40, 48, 56, 120, 184, 368, 536, 0x504, 0x814, 3212,
    ];
    for _ in 0..20_000 {
        // Few handles, so that they meet.
        let mut handle = || rng.u32(0..12);
        let (client, parent, object) = (handle(), handle(), handle());
        let size = sizes[rng.usize(..sizes.len())];
        let mut params = vec![0; size];
        for word in params.chunks_mut(4) {
            let value = match rng.u8(0..4) {
                0 => rng.u32(0..12),
                1 => rng.u32(..),
                _ => 0,
            };
            word.copy_from_slice(&value.to_le_bytes()[..word.len()]);
        }
        match rng.u8(0..8) {
            0..=3 => {
                let class = Class(classes[rng.usize(..classes.len())]);
                let payload = GspRmAlloc::encode(client, parent, object, class, &params);
                bench.call(RpcFunction::GSP_RM_ALLOC, &payload);
            }
            4..=6 => {
                let cmd = Control(controls[rng.usize(..controls.len())]);
                let payload = GspRmControl::encode(client, object, cmd, &params);
                bench.call(RpcFunction::GSP_RM_CONTROL, &payload);
            }
            _ => {
                let function = [10, 54, 76, 79, 103][rng.usize(0..5)];
                bench.call(RpcFunction(function), &params);
            }
        }
    }
    assert!(bench.objects.tree.count() <= 200);
    assert!(bench.objects.channels.len() <= 200);
}
