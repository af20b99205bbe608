// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Chains as drivers make them, and as none should.

use proptest::prelude::*;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::*;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

const TABLE: u64 = 0x1000;
const INDIRECT_TABLE: u64 = 0x2000;
const REQUEST: u64 = 0x3000;
const ANSWER: u64 = 0x4000;
const END: u64 = 0x10000;

const MAX_REQUEST: usize = 128;
const MAX_ANSWER: usize = 72;

/// Address, length, flags, next.
type Raw = (u64, u32, u16, u16);

fn memory() -> GuestMemoryMmap {
    let mem = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), END as usize)]).unwrap();
    let request: Vec<u8> = (0..=255).collect();
    mem.write_slice(&request, GuestAddress(REQUEST)).unwrap();
    mem
}

fn write_table(mem: &GuestMemoryMmap, at: u64, table: &[Raw]) {
    for (index, &(addr, len, flags, next)) in (0u64..).zip(table) {
        let descriptor = Descriptor::new(addr, len, flags, next);
        let addr = GuestAddress(at + index * DESCRIPTOR_SIZE);
        mem.write_obj(descriptor, addr).unwrap();
    }
}

fn head(entries: u16) -> Head {
    Head {
        index: 0,
        entries,
        indirect: true,
    }
}

/// Reads a chain from the ring's table.
fn read_chain(chain: &mut Chain, mem: &GuestMemoryMmap, head: Head) {
    let len = usize::from(head.entries) * DESCRIPTOR_SIZE as usize;
    let table = mem.get_slice(GuestAddress(TABLE), len).unwrap();
    chain.read(mem, table, head);
}

fn read(table: &[Raw]) -> Chain {
    let mem = memory();
    write_table(&mem, TABLE, table);
    let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
    read_chain(&mut chain, &mem, head(table.len() as u16));
    chain
}

fn read_indirect(table: &[Raw], len: u32) -> Chain {
    let mem = memory();
    write_table(&mem, TABLE, &[(INDIRECT_TABLE, len, INDIRECT, 0)]);
    write_table(&mem, INDIRECT_TABLE, table);
    let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
    read_chain(&mut chain, &mem, head(1));
    chain
}

#[test]
fn how_a_request_is_split_has_no_meaning() {
    let whole: Vec<u8> = (0..40).collect();
    let in_one = [(REQUEST, 40, NEXT, 1), (ANSWER, 72, WRITE, 0)];
    let in_many = [
        (REQUEST, 1, NEXT, 2),
        (ANSWER, 1, WRITE | NEXT, 4),
        (REQUEST + 1, 0, NEXT, 3),
        (REQUEST + 1, 39, NEXT, 1),
        (ANSWER + 1, 71, WRITE, 0),
    ];
    for table in [&in_one[..], &in_many] {
        for chain in [read(table), read_indirect(table, 16 * table.len() as u32)] {
            assert_eq!(chain.fault(), None);
            assert_eq!(chain.request(), whole);
            assert_eq!(chain.writable_len(), 72);
        }
    }
}

#[test]
fn descriptors_may_come_before_an_indirect_one() {
    let mem = memory();
    let direct = [(REQUEST, 24, NEXT, 1), (INDIRECT_TABLE, 16, INDIRECT, 0)];
    write_table(&mem, TABLE, &direct);
    write_table(&mem, INDIRECT_TABLE, &[(ANSWER, 24, WRITE, 0)]);
    let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
    read_chain(&mut chain, &mem, head(2));
    assert_eq!(chain.fault(), None);
    assert_eq!((chain.request().len(), chain.writable_len()), (24, 24));
}

#[test]
fn an_answer_fills_the_segments_in_order() {
    let mem = memory();
    let table = [(ANSWER, 3, WRITE | NEXT, 1), (ANSWER + 100, 40, WRITE, 0)];
    write_table(&mem, TABLE, &table);
    let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
    read_chain(&mut chain, &mem, head(2));
    let answer: Vec<u8> = (100..124).collect();
    assert_eq!(chain.write(&mem, &answer), 24);
    let mut written = [0; 24];
    mem.read_slice(&mut written[..3], GuestAddress(ANSWER))
        .unwrap();
    mem.read_slice(&mut written[3..], GuestAddress(ANSWER + 100))
        .unwrap();
    assert_eq!(written[..], answer);
    // There is no room for 44, so nothing is written.
    assert_eq!(chain.write(&mem, &[0; 44]), 0);
}

#[test]
fn malformed_chains_are_faults_and_leave_what_is_writable() {
    let far = u64::MAX - 8;
    for (table, fault, writable) in [
        // Loops.
        (
            &[(ANSWER, 24, WRITE | NEXT, 0)][..],
            Fault::TooManyDescriptors,
            24,
        ),
        (
            &[(REQUEST, 8, NEXT, 1), (ANSWER, 24, WRITE | NEXT, 1)],
            Fault::TooManyDescriptors,
            24,
        ),
        // Leaves the table.
        (&[(ANSWER, 30, WRITE | NEXT, 7)], Fault::IndexOutOfRange, 30),
        (&[(REQUEST, 8, NEXT, 0xffff)], Fault::IndexOutOfRange, 0),
        // Not guest memory: the rest of the chain is still walked.
        (
            &[(END, 8, NEXT, 1), (ANSWER, 24, WRITE, 0)],
            Fault::OutsideMemory,
            24,
        ),
        (
            &[(END - 4, 8, NEXT, 1), (ANSWER, 24, WRITE, 0)],
            Fault::OutsideMemory,
            24,
        ),
        (
            &[(far, 16, WRITE | NEXT, 1), (ANSWER, 5, WRITE, 0)],
            Fault::OutsideMemory,
            5,
        ),
        (&[(ANSWER, u32::MAX, WRITE, 0)], Fault::OutsideMemory, 0),
        // The wrong order.
        (
            &[(ANSWER, 24, WRITE | NEXT, 1), (REQUEST, 8, 0, 0)],
            Fault::ReadableAfterWritable,
            24,
        ),
        (
            &[
                (ANSWER, 10, WRITE | NEXT, 1),
                (REQUEST, 0, NEXT, 2),
                (ANSWER + 10, 14, WRITE, 0),
            ],
            Fault::ReadableAfterWritable,
            24,
        ),
        // Too much.
        (
            &[(REQUEST, 129, NEXT, 1), (ANSWER, 24, WRITE, 0)],
            Fault::RequestTooLong,
            24,
        ),
        (
            &[(REQUEST, 100, NEXT, 1), (REQUEST, 29, 0, 0)],
            Fault::RequestTooLong,
            0,
        ),
        // An indirect table that is followed by more.
        (
            &[
                (INDIRECT_TABLE, 16, INDIRECT | NEXT, 1),
                (ANSWER, 24, WRITE, 0),
            ],
            Fault::BadIndirect,
            0,
        ),
    ] {
        let chain = read(table);
        assert_eq!(chain.fault(), Some(fault), "{table:?}");
        assert_eq!(chain.writable_len(), writable, "{table:?}");
    }
}

#[test]
fn malformed_indirect_tables_are_faults() {
    let good = [(ANSWER, 24, WRITE, 0)];
    assert_eq!(read_indirect(&good, 16).fault(), None);
    for len in [0, 8, 15, 17, 24] {
        let chain = read_indirect(&good, len);
        assert_eq!(chain.fault(), Some(Fault::BadIndirect), "{len}");
    }
    let outside = read_indirect(&good, 0xffff_fff0);
    assert_eq!(outside.fault(), Some(Fault::OutsideMemory));
    let nested = [
        (ANSWER, 24, WRITE | NEXT, 1),
        (INDIRECT_TABLE, 16, INDIRECT, 0),
    ];
    let nested = read_indirect(&nested, 32);
    assert_eq!(nested.fault(), Some(Fault::BadIndirect));
    assert_eq!(nested.writable_len(), 24);
    let looped = read_indirect(&[(ANSWER, 1, WRITE | NEXT, 0)], 16);
    assert_eq!(looped.fault(), Some(Fault::TooManyDescriptors));
    // Not negotiated.
    let mem = memory();
    write_table(&mem, TABLE, &[(INDIRECT_TABLE, 16, INDIRECT, 0)]);
    let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
    let indirect = false;
    read_chain(
        &mut chain,
        &mem,
        Head {
            indirect,
            ..head(1)
        },
    );
    assert_eq!(chain.fault(), Some(Fault::BadIndirect));
}

#[test]
fn a_long_indirect_chain_ends() {
    // A huge table, in which each descriptor points to the next.
    let mem = memory();
    let table: Vec<Raw> = (1..=2000)
        .map(|next| (ANSWER, 1, WRITE | NEXT, next))
        .collect();
    write_table(&mem, INDIRECT_TABLE, &table);
    write_table(&mem, TABLE, &[(INDIRECT_TABLE, 16 * 2000, INDIRECT, 0)]);
    let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
    read_chain(&mut chain, &mem, head(1));
    assert_eq!(chain.fault(), Some(Fault::TooManyDescriptors));
    assert_eq!(chain.writable_len(), MAX_ANSWER);
}

#[test]
fn nothing_is_left_over_from_the_chain_before() {
    let mem = memory();
    let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
    write_table(
        &mem,
        TABLE,
        &[(REQUEST, 64, NEXT, 1), (ANSWER, 72, WRITE | NEXT, 9)],
    );
    read_chain(&mut chain, &mem, head(2));
    assert!(chain.fault().is_some());
    write_table(&mem, TABLE, &[(ANSWER, 8, WRITE, 0)]);
    read_chain(&mut chain, &mem, head(2));
    assert_eq!(chain.fault(), None);
    assert_eq!((chain.request().len(), chain.writable_len()), (0, 8));
    assert!(!chain.has_readable());
}

fn any_descriptor() -> impl Strategy<Value = Raw> {
    let addr = prop_oneof![0..END, Just(INDIRECT_TABLE), Just(END - 1), any::<u64>()];
    let len = prop_oneof![0u32..200, (1u32..8).prop_map(|n| n * 16), any::<u32>()];
    (addr, len, 0u16..8, 0u16..10)
}

proptest! {
    #[test]
    fn no_table_makes_it_panic_or_exceed_its_bounds(
        direct in proptest::collection::vec(any_descriptor(), 8),
        indirect in proptest::collection::vec(any_descriptor(), 8),
        start in 0u16..10,
    ) {
        let mem = memory();
        write_table(&mem, TABLE, &direct);
        write_table(&mem, INDIRECT_TABLE, &indirect);
        let mut chain = Chain::new(MAX_REQUEST, MAX_ANSWER);
        let capacity = (chain.request.capacity(), chain.writable.capacity());
        read_chain(&mut chain, &mem, Head { index: start, ..head(8) });
        prop_assert!(chain.request().len() <= MAX_REQUEST);
        prop_assert!(chain.writable_len() <= MAX_ANSWER);
        let sum: usize = chain.writable.iter().map(|segment| segment.len).sum();
        prop_assert_eq!(sum, chain.writable_len());
        let len = chain.writable_len();
        prop_assert_eq!(chain.write(&mem, &[0; MAX_ANSWER][..len]), len as u32);
        // Nothing was allocated for it.
        prop_assert_eq!(capacity, (chain.request.capacity(), chain.writable.capacity()));
    }
}
