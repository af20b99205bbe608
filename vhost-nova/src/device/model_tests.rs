// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Random requests: nothing panics, errors change nothing, and what there is is what a simple model has.

use super::{
    tests::{add, checksum, close, create, ctx_create, header, negotiate, open, Rig},
    *,
};
use kernel_abi::virtio_nova::Status::{self, Ok as Done};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A request that is nearly valid: known commands, small ids, and then some bytes changed.
fn nearly_valid() -> impl Strategy<Value = Vec<u8>> {
    let command = prop_oneof![
        Just(0x100u32),
        0x101u32..0x103,
        0x110u32..0x114,
        Just(0x120),
        any::<u32>()
    ];
    let body = proptest::collection::vec(
        prop_oneof![Just(0u8), Just(1), Just(0x10), any::<u8>()],
        0..200,
    );
    (command, prop_oneof![Just(4096u32), 0u32..3], body).prop_map(|(command, ctx, body)| {
        let mut request = header(command, ctx);
        request.extend(body);
        request
    })
}

proptest! {
    #[test]
    fn random_bytes_are_answered(request in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut rig = Rig::new();
        rig.ok(&ctx_create());
        let before = rig.device.stats();
        if rig.send(&request).0 != Done {
            prop_assert_eq!(rig.device.stats(), before);
        }
    }

    #[test]
    fn errors_change_nothing(requests in proptest::collection::vec(nearly_valid(), 1..40)) {
        let mut rig = Rig::new();
        rig.ok(&ctx_create());
        for request in requests {
            let before = rig.device.stats();
            let (status, _) = rig.send(&request);
            if status != Done {
                prop_assert_eq!(rig.device.stats(), before);
            }
        }
    }
}

/// How a valid request is spoilt; positions are taken modulo its length.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(usize, u8),
    Word(usize, u32),
    Long(usize, u64),
    Cut(usize),
    Extend(Vec<u8>),
}

impl Mutation {
    fn apply(&self, request: &mut Vec<u8>) {
        let len = request.len().max(1);
        let put = |request: &mut Vec<u8>, at: usize, bytes: &[u8]| {
            for (to, from) in request.iter_mut().skip(at).zip(bytes) {
                *to = *from;
            }
        };
        match self {
            Self::Flip(at, bit) => request.iter_mut().skip(at % len).take(1).for_each(|byte| {
                *byte ^= 1 << bit;
            }),
            Self::Word(at, word) => put(request, at % len / 4 * 4, &word.to_le_bytes()),
            Self::Long(at, long) => put(request, at % len / 8 * 8, &long.to_le_bytes()),
            Self::Cut(at) => request.truncate(at % len),
            Self::Extend(bytes) => request.extend(bytes),
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let word = prop_oneof![0u32..10, Just(1 << 12), Just(u32::MAX), any::<u32>()];
    let long = prop_oneof![
        Just(0u64),
        (0u64..64).prop_map(|page| page << 12),
        (0u64..64).prop_map(|bit| 1 << bit),
        (0u64..9000).prop_map(|below| u64::MAX - below),
        any::<u64>(),
    ];
    let at = 0usize..256;
    prop_oneof![
        1 => (at.clone(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        // What commands check themselves lies behind the header.
        4 => (24usize..256, word).prop_map(|(at, word)| Mutation::Word(at, word)),
        4 => (24usize..256, long).prop_map(|(at, long)| Mutation::Long(at, long)),
        1 => at.prop_map(Mutation::Cut),
        1 => proptest::collection::vec(any::<u8>(), 1..20).prop_map(Mutation::Extend),
    ]
}

/// A request that is valid as long as the ids are.
fn valid(which: u8, ctx: u32, other: u32, handles: [u32; 2]) -> Vec<u8> {
    let [complete, partial] = handles;
    match which {
        0 => negotiate(),
        1 => ctx_create(),
        2 => header(0x102, other),
        3 => create(ctx, 4 * 4096, &[(0, 4096), (15 * 4096, 8192)]),
        4 => add(ctx, partial, &[(4096, 4096)]),
        5 => close(ctx, complete),
        6 => open(other, ctx, complete),
        7 => checksum(ctx, complete, 0, (1, 8190), 0),
        _ => checksum(ctx, complete, 1, (4095, 17), 7),
    }
}

proptest! {
    #[test]
    fn spoilt_requests_that_fail_change_nothing(
        requests in proptest::collection::vec(
            (0u8..9, proptest::collection::vec(mutation(), 0..3)),
            1..40,
        )
    ) {
        let mut rig = Rig::new();
        let (ctx, other) = (rig.context(), rig.context());
        let handles = [1, 2].map(|pages| rig.ok(&create(ctx, pages * 8192, &[(0, 8192)]))[0]);
        for (which, mutations) in requests {
            let mut request = valid(which, ctx, other, handles);
            for mutation in &mutations {
                mutation.apply(&mut request);
            }
            let before = rig.device.stats();
            if rig.send(&request).0 != Done {
                prop_assert_eq!(rig.device.stats(), before);
            }
        }
        rig.device.reset();
        prop_assert_eq!(rig.device.stats(), Stats::default());
    }
}

#[test]
fn what_is_spoilt_is_valid_before() {
    for which in 0..9 {
        let mut rig = Rig::new();
        let (ctx, other) = (rig.context(), rig.context());
        let handles = [1, 2].map(|pages| rig.ok(&create(ctx, pages * 8192, &[(0, 8192)]))[0]);
        rig.ok(&valid(which, ctx, other, handles));
    }
}

/// What a tenant does; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Op {
    Context,
    Destroy(usize),
    Create(usize),
    Open(usize, usize),
    Close(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Context),
        1 => (0usize..4).prop_map(Op::Destroy),
        4 => (0usize..4).prop_map(Op::Create),
        2 => (0usize..4, 0usize..8).prop_map(|(ctx, from)| Op::Open(ctx, from)),
        3 => (0usize..8).prop_map(Op::Close),
    ]
}

/// Contexts, and which object a handle of a context is.
#[derive(Default)]
struct Model {
    contexts: Vec<u32>,
    handles: BTreeMap<(u32, u32), u64>,
    objects: u64,
}

impl Model {
    fn pick_context(&self, at: usize) -> u32 {
        self.contexts.get(at).copied().unwrap_or(0xdead_0000)
    }

    fn pick_handle(&self, at: usize) -> (u32, u32) {
        let handle = self.handles.keys().nth(at).copied();
        handle.unwrap_or((self.pick_context(0), 999))
    }

    fn stats(&self) -> Stats {
        let mut objects: Vec<u64> = self.handles.values().copied().collect();
        objects.sort_unstable();
        objects.dedup();
        Stats {
            contexts: self.contexts.len() as u32,
            handles: self.handles.len() as u32,
            objects: objects.len() as u32,
            bytes: objects.len() as u64 * 4096,
            entries: objects.len() as u32,
        }
    }

    fn step(&mut self, rig: &mut Rig, op: Op) {
        match op {
            Op::Context => {
                if let (Done, ids) = rig.send(&ctx_create()) {
                    assert!(!self.contexts.contains(&ids[0]));
                    self.contexts.push(ids[0]);
                } else {
                    assert_eq!(self.contexts.len(), 3);
                }
            }
            Op::Destroy(at) => {
                let ctx = self.pick_context(at);
                let done = rig.send(&header(0x102, ctx)).0 == Done;
                assert_eq!(done, at < self.contexts.len());
                self.contexts.retain(|other| *other != ctx);
                self.handles.retain(|(of, _), _| *of != ctx);
            }
            Op::Create(at) => {
                let ctx = self.pick_context(at);
                let answer = rig.send(&create(ctx, 4096, &[(0, 4096)]));
                let object = self.objects;
                self.objects += 1;
                self.gained(ctx, answer, object, at < self.contexts.len());
            }
            Op::Open(at, from) => {
                let (ctx, (source, handle)) = (self.pick_context(at), self.pick_handle(from));
                let answer = rig.send(&open(ctx, source, handle));
                let object = self.handles.get(&(source, handle)).copied();
                let valid = at < self.contexts.len() && object.is_some();
                self.gained(ctx, answer, object.unwrap_or(0), valid);
            }
            Op::Close(at) => {
                let (ctx, handle) = self.pick_handle(at);
                let done = rig.send(&close(ctx, handle)).0 == Done;
                assert_eq!(done, self.handles.remove(&(ctx, handle)).is_some());
            }
        }
    }

    fn gained(&mut self, ctx: u32, answer: (Status, Vec<u32>), object: u64, valid: bool) {
        let expected = valid && self.handles.len() < 4;
        assert_eq!(answer.0 == Done, expected, "{:?}", answer.0);
        if expected {
            assert_eq!(self.handles.insert((ctx, answer.1[0]), object), None);
        }
    }
}

proptest! {
    #[test]
    fn what_there_is_is_what_the_model_has(ops in proptest::collection::vec(op(), 0..120)) {
        let mut rig = Rig::fresh();
        rig.ok(&negotiate());
        let mut model = Model::default();
        for op in ops {
            model.step(&mut rig, op);
            prop_assert_eq!(rig.device.stats(), model.stats());
        }
        for ctx in std::mem::take(&mut model.contexts) {
            rig.ok(&header(0x102, ctx));
        }
        prop_assert_eq!(rig.device.stats(), Stats::default());
    }
}
