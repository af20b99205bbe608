// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests of the plan's text and of its counting.

use std::time::Duration;

use super::*;

#[test]
fn the_text_of_the_documentation_is_a_plan() {
    let documentation = include_str!("mod.rs");
    let text: String = documentation
        .lines()
        .map(|line| line.trim_start_matches("//!").trim())
        .skip_while(|line| *line != "```text")
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| format!("{line}\n"))
        .collect();
    let plan: FaultPlan = text.parse().unwrap();
    let fault = |place, nth, times, kind| Fault {
        place,
        nth,
        times,
        kind,
    };
    let once = Some(1);
    assert_eq!(
        plan.faults,
        [
            fault(
                Place::Read(Some(0x84_0100)),
                2,
                once,
                Kind::Corrupt(Corruption::Xor(0x10))
            ),
            fault(
                Place::Read(Some(0x11_8234)),
                1,
                None,
                Kind::Corrupt(Corruption::Value(0))
            ),
            fault(Place::Write(Some(0x11_03c0)), 1, once, Kind::Drop),
            fault(
                Place::Message(Some(0x1001)),
                1,
                once,
                Kind::Delay(Duration::from_millis(20))
            ),
            fault(
                Place::Message(Some(65)),
                1,
                once,
                Kind::Corrupt(Corruption::Checksum)
            ),
            fault(Place::Command(Some(47)), 1, once, Kind::Hang),
            fault(Place::DmaRead(0x10000..=0x10fff), 3, once, Kind::AllOnes),
            fault(Place::Copy(Some(7)), 2, once, Kind::Hang),
        ]
    );
}

#[test]
fn a_line_that_is_none_is_named() {
    for (text, message) in [
        (
            "\nread",
            "line 2: a fault has a place, what of it, and a kind",
        ),
        ("read *", "line 1: no kind of fault"),
        ("reed * drop", "line 1: there is no place \"reed\""),
        ("read NV_X drop", "line 1: there is no register \"NV_X\""),
        (
            "read 0x123456789 drop",
            "line 1: \"0x123456789\" has more than 32 bits",
        ),
        ("dma-read 5..5 drop", "line 1: the range is empty"),
        ("read * corrupt", "line 1: corrupt what?"),
        (
            "read * corrupt nothing",
            "line 1: \"nothing\" cannot be corrupted",
        ),
        ("read * delay=5", "line 1: \"5\" is not a time in ms"),
        ("read * burn", "line 1: what is \"burn\"?"),
    ] {
        let error = text.parse::<FaultPlan>().unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert_eq!("# only this\n\n".parse(), Ok(FaultPlan::default()));
}

#[test]
fn occurrences_are_counted_for_each_fault() {
    let plan: FaultPlan = "read 4 nth=2 times=2 drop\nread * nth=3 times=* hang\nwrite * drop"
        .parse()
        .unwrap();
    let mut armed = Armed::new(&plan, |place| matches!(place, Place::Read(_)));
    let mut read = |at: u32| {
        armed.hit(|place| match place {
            Place::Read(which) => which.is_none_or(|which| which == at),
            _ => panic!("it does not concern {place:?}"),
        })
    };
    assert_eq!(read(4), None);
    assert_eq!(read(4), Some(Kind::Drop));
    // The third of any, but the second of register 4: the first line wins.
    assert_eq!(read(4), Some(Kind::Drop));
    assert_eq!(read(8), Some(Kind::Hang));
    assert_eq!(read(4), Some(Kind::Hang));
}
