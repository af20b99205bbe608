// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#![allow(non_camel_case_types)] // as NVIDIA's
extern crate std;
use super::*;
use std::string::ToString;

#[bitbybit::bitfield(u32)]
struct NV_STATUS {
    #[bit(3, r)]
    fault: bool,
}
plain! { NV_LANE; NV_WIDE; }

pub struct Group;
impl RegisterBase for Group {
    fn base(engine: FalconEngine) -> u32 {
        match engine {
            FalconEngine::GSP => 0x1000,
            FalconEngine::SEC2 => 0x2000,
        }
    }
}

registers! {
    NV_STATUS at 0x10, write_one_to_clear;
    NV_LANE at Group + 0x20, read_write;
    NV_WIDE at Group + 0x40 [3 by 16], write_only;
}

fn cleared<R: WriteOneToClear>(pending: R, ack: R) -> R {
    R::from_raw(pending.into_raw() & !ack.into_raw())
}

#[test]
fn a_declaration_carries_name_place_and_access() {
    assert_eq!(NV_STATUS::NAME, "NV_STATUS");
    assert_eq!(NV_STATUS::LOCATION.offset(), 0x10);
    assert_eq!(NV_STATUS::ACCESS, Access::WriteOneToClear);
    let pending = NV_STATUS::from_raw(0xff);
    assert!(pending.fault());
    assert!(!cleared(pending, NV_STATUS::from_raw(8)).fault());
    assert_eq!(cleared(pending, NV_STATUS::from_raw(8)).into_raw(), 0xf7);
}

#[test]
fn relative_registers_and_arrays_are_where_engine_and_index_say() {
    assert_eq!(NV_LANE::of(FalconEngine::SEC2).offset(), 0x2020);
    assert_eq!(NV_LANE::of(FalconEngine::GSP).to_string(), "NV_LANE(GSP)");
    let last = NV_WIDE::of_at(FalconEngine::GSP, 2).unwrap();
    assert_eq!(last.offset(), 0x1060);
    assert_eq!(last.to_string(), "NV_WIDE(GSP, 2)");
    assert!(NV_WIDE::of_at(FalconEngine::GSP, 3).is_none());
    assert_eq!(TABLE[2].stride, 16);
    assert_eq!(TABLE[2].count, Some(3));
}
