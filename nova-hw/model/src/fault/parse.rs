// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A plan from its text.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use nova_spec::{
    falcon::FalconEngine,
    regs::{name_at, DECLARATIONS},
};

use super::{Corruption, Fault, FaultPlan, Kind, Place};

/// Why a line is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    what: String,
}

impl FromStr for FaultPlan {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut faults = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let code = line.split('#').next().unwrap_or("");
            let words: Vec<_> = code.split_whitespace().collect();
            if words.is_empty() {
                continue;
            }
            let line = index + 1;
            faults.push(fault(&words).map_err(|what| ParseError { line, what })?);
        }
        Ok(Self { faults })
    }
}

fn fault(words: &[&str]) -> Result<Fault, String> {
    let [place, which, rest @ ..] = words else {
        return Err("a fault has a place, what of it, and a kind".into());
    };
    let mut fault = Fault::once(place_of(place, which)?, Kind::Drop);
    let mut kind = None;
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match word.split_once('=') {
            Some(("nth", n)) => fault.nth = number(n)?.max(1),
            Some(("times", "*")) => fault.times = None,
            Some(("times", n)) => fault.times = Some(number(n)?),
            Some(("delay", time)) => kind = Some(Kind::Delay(delay(time)?)),
            _ => {
                kind = Some(match *word {
                    "drop" => Kind::Drop,
                    "hang" => Kind::Hang,
                    "all-ones" => Kind::AllOnes,
                    "corrupt" => {
                        let what = rest.next().ok_or("corrupt what?")?;
                        Kind::Corrupt(corruption(what)?)
                    }
                    _ => return Err(format!("what is {word:?}?")),
                });
            }
        }
    }
    fault.kind = kind.ok_or("no kind of fault")?;
    Ok(fault)
}

fn place_of(place: &str, which: &str) -> Result<Place, String> {
    Ok(match place {
        "read" => Place::Read(any_or(which, register)?),
        "write" => Place::Write(any_or(which, register)?),
        "message" => Place::Message(any_or(which, number)?),
        "command" => Place::Command(any_or(which, number)?),
        "dma-read" => Place::DmaRead(addresses(which)?),
        "dma-write" => Place::DmaWrite(addresses(which)?),
        "fetch" => Place::Fetch(any_or(which, number)?),
        "copy" => Place::Copy(any_or(which, number)?),
        "semaphore" => Place::Semaphore(any_or(which, number)?),
        _ => return Err(format!("there is no place {place:?}")),
    })
}

fn any_or<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    match text {
        "*" => Ok(None),
        text => parse(text).map(Some),
    }
}

/// A register by its name, as traces print it, or by its offset.
fn register(text: &str) -> Result<u32, String> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return number(text);
    }
    let named = |offset: &u32| name_at(*offset).to_string() == text;
    let found = offsets().find(named);
    found.ok_or_else(|| format!("there is no register {text:?}"))
}

/// Of every register that is declared.
fn offsets() -> impl Iterator<Item = u32> {
    let declarations = DECLARATIONS.iter().copied().flatten();
    declarations.flat_map(|declaration| {
        let bases = match declaration.base {
            None => vec![0],
            Some(base) => FalconEngine::ALL.map(base).to_vec(),
        };
        let count = declaration.count.unwrap_or(1);
        bases.into_iter().flat_map(move |base| {
            (0..count).map(move |index| base + declaration.offset + index * declaration.stride)
        })
    })
}

fn addresses(text: &str) -> Result<RangeInclusive<u64>, String> {
    if text == "*" {
        return Ok(0..=u64::MAX);
    }
    match text.split_once("..") {
        None => number64(text).map(|at| at..=at),
        Some((start, end)) => {
            let (start, end) = (number64(start)?, number64(end)?);
            let last = end.checked_sub(1).filter(|last| *last >= start);
            Ok(start..=last.ok_or("the range is empty")?)
        }
    }
}

fn corruption(text: &str) -> Result<Corruption, String> {
    Ok(match text.split_once('=') {
        Some(("xor", bits)) => Corruption::Xor(number(bits)?),
        Some(("value", value)) => Corruption::Value(number(value)?),
        _ => match text {
            "checksum" => Corruption::Checksum,
            "sequence" => Corruption::Sequence,
            "function" => Corruption::Function,
            "length" => Corruption::Length,
            "result" => Corruption::RpcResult,
            "signature" => Corruption::Signature,
            "payload" => Corruption::Payload,
            _ => return Err(format!("{text:?} cannot be corrupted")),
        },
    })
}

fn delay(text: &str) -> Result<Duration, String> {
    let millis = text.strip_suffix("ms");
    let millis = millis.ok_or_else(|| format!("{text:?} is not a time in ms"))?;
    number(millis).map(|millis| Duration::from_millis(millis.into()))
}

fn number(text: &str) -> Result<u32, String> {
    number64(text)?
        .try_into()
        .map_err(|_| format!("{text:?} has more than 32 bits"))
}

fn number64(text: &str) -> Result<u64, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| format!("{text:?} is not a number"))
}
