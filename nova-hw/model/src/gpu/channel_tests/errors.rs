// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What takes a channel off its runlist, and no other one.

use nova_spec::{
    ce::{method as ce, LaunchDma},
    gmmu::{kind, Pte, PteAperture, SMALL_PAGE},
    host::{method, GpEntry, MethodHeader, SemExecute, SemOperation},
    mmu_fault::MmuFaultType,
};

use super::rig::*;
use crate::gpu::host::RcKind;

const AT: u64 = 0xe0 << 32;
const SEMAPHORE: u64 = 0xf0 << 32;
/// `ROBUST_CHANNEL_*` numbers.
const MMU: u32 = 31;
const PBDMA: u32 = 32;
const CE2: u32 = 41;

/// Has a channel do something wrong. Its error, after which another one still works.
fn wrong(
    prepare: impl FnOnce(&mut Rig),
    act: impl FnOnce(&Rig, &mut Channel),
) -> (Rig, Channel, RcKind) {
    let mut rig = Rig::new();
    let semaphore = rig.vram(4096, 4096);
    rig.map(SEMAPHORE, semaphore, 4096, VRAM);
    let memory = rig.vram(0x10000, 4096);
    rig.map(AT, memory, 0x10000, VRAM);
    prepare(&mut rig);
    let (mut bad, mut good) = (rig.channel(1), rig.channel(2));
    rig.submit(&mut bad, &set_object());
    act(&rig, &mut bad);
    let event = rig.error(&bad);
    assert_eq!((event.channel, event.engine_type), (bad.id, 0xb));
    // The notifier: number, engine, status.
    let words = [rig.get64(bad.notifier), rig.get64(bad.notifier + 8)];
    assert_ne!(words[0], 0);
    assert_eq!(words[1] as u32, event.kind.except_type());
    assert_eq!(words[1] >> 32, 0xffff_000b);
    let payload = event.payload();
    assert_eq!(payload.nv2080EngineType.get(), 0xb);
    assert_eq!(payload.chid.get(), 1);
    assert_eq!(payload.exceptType.get(), event.kind.except_type());
    // It does nothing more, whatever it is told.
    rig.submit(&mut bad, &release(SEMAPHORE + 8, 1));
    let mut words = set_object();
    words.extend(copy(AT, AT + 0x1000, 0x1000));
    words.extend(release(SEMAPHORE, 7));
    rig.submit(&mut good, &words);
    rig.wait("the other channel", |rig| rig.get64(semaphore) == 7);
    assert_eq!(rig.get64(semaphore + 8), 0);
    assert_eq!(rig.host(|host| host.error_of(good.id)), None);
    assert_eq!(rig.model.counters().faulted, 1);
    (rig, bad, event.kind)
}

fn nothing(_: &mut Rig) {}

/// The address and the type of an MMU fault.
fn mmu_fault(kind: RcKind) -> (u64, MmuFaultType) {
    assert_eq!(kind.except_type(), MMU);
    match kind {
        RcKind::Mmu(fault) => (fault.va, fault.fault),
        other => panic!("{other}"),
    }
}

#[test]
fn methods_that_there_are_not() {
    let illegal: [(&[u32], u32); 12] = [
        (&methods(0, method::ILLEGAL, &[0]), PBDMA),
        (&methods(0, 0x40, &[0]), PBDMA),
        (&methods(0, method::CLEAR_FAULTED, &[0]), PBDMA),
        // An object of no class of the engine, and none.
        (&methods(0, method::SET_OBJECT, &[0xc797]), PBDMA),
        (&methods(3, ce::NOP, &[0]), PBDMA),
        // Headers.
        (&[6 << 29 | 1 << 16], PBDMA),
        (&[2 << 29 | 1 << 16], PBDMA),
        // A semaphore operation, and a reduction.
        (&methods(0, method::SEM_EXECUTE, &[7]), PBDMA),
        (&methods(0, method::SEM_EXECUTE, &[6 | 9 << 27]), PBDMA),
        (&methods(OBJECT, 0x180, &[0]), CE2),
        (&methods(OBJECT, 0x3ffc, &[0, 0]), CE2),
        (&launch(LaunchDma::new_with_raw_value(3)), CE2),
    ];
    for (words, number) in illegal {
        let (_, _, kind) = wrong(nothing, |rig, channel| rig.submit(channel, words));
        assert_eq!(kind.except_type(), number, "{words:x?}: {kind}");
    }
}

#[test]
fn launches_that_are_refused() {
    let copy = LaunchDma::copy();
    let raw = |bits: u32| LaunchDma::new_with_raw_value(copy.raw_value() | bits);
    for refused in [
        copy.with_src_memory_layout_pitch(false),
        copy.with_dst_memory_layout_pitch(false),
        copy.with_src_type_physical(true),
        copy.with_dst_type_physical(true),
        // A blocking interrupt, one on a condition, protected memory, a reduction.
        raw(1 << 5),
        raw(3 << 3),
        raw(1 << 22),
        raw(1 << 3 | 1 << 19 | 10 << 14),
    ] {
        let (_, _, kind) = wrong(nothing, |rig, channel| {
            let mut words = geometry(AT, AT + 0x1000, [0; 2], 16, 1);
            words.extend(launch(refused));
            rig.submit(channel, &words);
        });
        assert_eq!(kind.except_type(), CE2, "{refused:?}: {kind}");
    }
    // A condition on memory, and a semaphore across words.
    for words in [
        methods(OBJECT, ce::SET_RENDER_ENABLE_C, &[2]),
        methods(OBJECT, ce::SET_SEMAPHORE_A, &[0, 2]),
    ] {
        let (_, _, kind) = wrong(nothing, |rig, channel| {
            rig.submit(channel, &words);
            let mut words = geometry(AT, AT + 0x1000, [0; 2], 16, 1);
            words.extend(launch(raw(1 << 3)));
            rig.submit(channel, &words);
        });
        assert_eq!(kind.except_type(), CE2);
    }
}

#[test]
fn rings_that_make_no_sense() {
    let (_, _, kind) = wrong(nothing, |rig, channel| rig.set_put(channel, ENTRIES));
    assert_eq!(kind, RcKind::Pbdma("GP_PUT is outside of the ring"));
    for entry in [
        1 << 32,
        0xff << 32,
        GpEntry::push(AT, 4)
            .unwrap()
            .with_fetch_conditional(true)
            .raw_value(),
    ] {
        let (_, _, kind) = wrong(nothing, |rig, channel| rig.ring(channel, entry));
        assert_eq!(kind.except_type(), PBDMA);
    }
    let nowhere = GpEntry::push(AT + 0x20000, 4).unwrap().raw_value();
    let (_, _, kind) = wrong(nothing, |rig, channel| rig.ring(channel, nowhere));
    assert_eq!(mmu_fault(kind), (AT + 0x20000, MmuFaultType::PTE));
}

#[test]
fn addresses_that_lead_nowhere() {
    let hole = AT + 0x20000;
    let vram = |address| Pte::page(PteAperture::VideoMemory, address).unwrap();
    for (entry, fault) in [
        (0, MmuFaultType::PTE),
        (
            vram(0).with_aperture(PteAperture::Peer).raw_value(),
            MmuFaultType::UNSUPPORTED_APERTURE,
        ),
        (
            vram(0).with_kind(kind::INVALID).raw_value(),
            MmuFaultType::UNSUPPORTED_KIND,
        ),
        (vram(256 * MIB).raw_value(), MmuFaultType::REGION_VIOLATION),
        (
            vram(0).with_privilege(true).raw_value(),
            MmuFaultType::PRIV_VIOLATION,
        ),
        (
            Pte::page(PteAperture::SystemCoherent, 0x9000_0000)
                .unwrap()
                .raw_value(),
            MmuFaultType::POISONED,
        ),
    ] {
        for (from, to) in [(hole, AT), (AT, hole)] {
            let (_, _, kind) = wrong(
                |rig| rig.entry(hole, SMALL_PAGE, entry),
                |rig, channel| rig.submit(channel, &copy(from, to, 16)),
            );
            assert_eq!(mmu_fault(kind), (hole, fault));
        }
        let (_, _, kind) = wrong(
            |rig| rig.entry(hole, SMALL_PAGE, entry),
            |rig, channel| rig.submit(channel, &release(hole, 1)),
        );
        assert_eq!(mmu_fault(kind), (hole, fault));
    }
}

#[test]
fn a_page_that_is_read_only_ends_the_copy_where_it_starts() {
    let to = AT + 0x20000;
    let (rig, channel, kind) = wrong(
        |rig| {
            let memory = rig.system(0x2000, 4096);
            rig.map(to, memory, 0x1000, SYS);
            let read_only = Map {
                read_only: true,
                ..SYS
            };
            rig.map(to + 0x1000, memory + 0x1000, 0x1000, read_only);
            rig.set_bytes(SYS, memory, &[9; 0x2000]);
        },
        |rig, channel| rig.submit(channel, &copy(AT, to + 0x800, 0x1000)),
    );
    let fault = (to + 0x1000, MmuFaultType::RO_VIOLATION);
    assert_eq!(mmu_fault(kind), fault);
    let event = rig
        .host(|host| host.error_of(channel.id))
        .unwrap()
        .payload();
    assert_eq!(event.fault_address(), fault.0);
    assert_eq!(event.mmuFaultType.get(), fault.1 .0);
    // What comes before the page was copied, and nothing else.
    let mut expected = vec![9; 0x2000];
    expected[0x800..0x1000].fill(0);
    assert!(rig.bytes(SYS, 0, 0x2000) == expected);
}

#[test]
fn privileged_methods_and_what_is_not_aligned() {
    for words in [
        methods(0, method::MEM_OP_C, &[1, 9 << 27]),
        methods(0, method::MEM_OP_D, &[0x10 << 27]),
        methods(0, method::MEM_OP_D, &[0x1f << 27]),
    ] {
        let (_, _, kind) = wrong(nothing, |rig, channel| rig.submit(channel, &words));
        assert_eq!(kind, RcKind::Pbdma("a privileged method"));
    }
    let wide = SemExecute::DEFAULT
        .with_operation(SemOperation::RELEASE)
        .with_payload_size_64bit(true);
    let stamped = wide.with_release_timestamp(true);
    for (va, execute) in [(SEMAPHORE + 4, wide), (SEMAPHORE + 8, stamped)] {
        let (_, _, kind) = wrong(nothing, |rig, channel| {
            rig.submit(channel, &semaphore(va, 1, execute));
        });
        assert_eq!(kind, RcKind::Pbdma("a semaphore that is not aligned"));
    }
    // A barrier is everybody's.
    let mut rig = Rig::new();
    let mut channel = rig.channel(1);
    rig.submit(&mut channel, &methods(0, method::MEM_OP_D, &[5 << 27]));
    let immediate = MethodHeader::immediate(0, method::WFI, 1).unwrap();
    rig.submit(&mut channel, &[immediate.raw_value()]);
    rig.wait_idle();
    assert_eq!(rig.host(|host| host.error_of(channel.id)), None);
}

#[test]
fn a_channel_without_address_space_or_userd() {
    let mut rig = Rig::new();
    let mut unbound = rig.channel_with(1, |params| params.page_directory = None);
    rig.submit(&mut unbound, &set_object());
    let fault = mmu_fault(rig.error(&unbound).kind);
    assert_eq!(fault, (unbound.base, MmuFaultType::UNBOUND_INST_BLOCK));
    let lost = rig.channel_with(2, |params| params.userd.address = 256 * MIB);
    rig.doorbell(lost.id.token());
    assert_eq!(rig.error(&lost).kind, RcKind::Pbdma("USERD cannot be read"));
    // The instance block names one.
    let mut instance = 0;
    let root = rig.root;
    let mut bound = rig.channel_with(3, |params| {
        params.page_directory = None;
        instance = params.instance.address;
    });
    rig.put64(instance + 0x200, root | 3 << 10);
    rig.submit(&mut bound, &set_object());
    rig.wait_idle();
    assert_eq!(rig.host(|host| host.error_of(bound.id)), None);
}
