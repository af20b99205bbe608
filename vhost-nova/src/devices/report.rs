// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The list for people.

use std::fmt::Write;

use super::card::{Card, Member};

/// One paragraph a card.
pub(crate) fn text(cards: &[Card]) -> String {
    if cards.is_empty() {
        return "No NVIDIA GPU. `--gpu model` is a software one.\n".into();
    }
    let texts: Vec<String> = cards.iter().map(card).collect();
    texts.join("\n")
}

fn card(card: &Card) -> String {
    let mut text = String::new();
    let (address, id, kind) = (&card.address, &card.id, card.kind);
    // Writing to a string does not fail.
    let _ = writeln!(text, "{address}  {id}  {kind}");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    row("driver", driver(card.driver.as_deref()));
    row("IOMMU group", group(card));
    for member in &card.group_members {
        row("", self::member(member));
    }
    row("reset", or_none(&card.reset_methods));
    row("firmware", firmware(card));
    row("console", or_none(&card.console));
    for warning in &card.warnings {
        row("WARNING", warning.clone());
    }
    match card.ready {
        true => row("next", "ready; try it:".into()),
        false if card.next.is_empty() => {}
        false => row("next", "as root:".into()),
    }
    for command in &card.next {
        row("", command.clone());
    }
    text
}

fn driver(driver: Option<&str>) -> String {
    driver.unwrap_or("none").into()
}

fn group(card: &Card) -> String {
    match (card.iommu_group, card.group_members.is_empty()) {
        (None, _) => "none".into(),
        (Some(group), true) => format!("{group}, alone in it"),
        (Some(group), false) => format!("{group}, together with:"),
    }
}

fn member(member: &Member) -> String {
    let (address, id, kind) = (&member.address, &member.id, member.kind);
    let driver = driver(member.driver.as_deref());
    let verdict = if member.viable { "" } else { ", in the way" };
    format!("{address}  {id}  {kind}, driver {driver}{verdict}")
}

fn or_none(values: &[String]) -> String {
    match values {
        [] => "none".into(),
        values => values.join(", "),
    }
}

fn firmware(card: &Card) -> String {
    let parts = card.firmware.iter().map(|firmware| {
        let state = match (firmware.installed, firmware.other_version) {
            (true, _) => firmware.version.to_owned(),
            (false, Some(other)) => format!("not {} (but {other})", firmware.version),
            (false, None) => "none".into(),
        };
        format!("{}: {state}", firmware.chip)
    });
    parts.collect::<Vec<_>>().join(", ")
}
