// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A plan in use: it counts occurrences.

use super::{Fault, FaultPlan, Kind, Place};

/// The faults of a plan that concern one part of the card, with what they have counted.
#[derive(Debug, Default)]
pub(crate) struct Armed {
    faults: Vec<(Fault, u32)>,
}

impl Armed {
    /// The faults of `plan` at places that `concerns` says yes to.
    pub(crate) fn new(plan: &FaultPlan, concerns: impl Fn(&Place) -> bool) -> Self {
        let faults = plan.faults.iter().filter(|fault| concerns(&fault.place));
        Self {
            faults: faults.map(|fault| (fault.clone(), 0)).collect(),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Something occurs at the places that `at` says yes to: what happens to it.
    pub(crate) fn hit(&mut self, at: impl Fn(&Place) -> bool) -> Option<Kind> {
        let mut kind = None;
        for (fault, seen) in &mut self.faults {
            if !at(&fault.place) {
                continue;
            }
            *seen = seen.saturating_add(1);
            let since = seen.checked_sub(fault.nth);
            let due = since.is_some_and(|since| fault.times.is_none_or(|times| since < times));
            if due && kind.is_none() {
                tracing::info!(place = ?fault.place, occurrence = *seen, kind = ?fault.kind, "fault");
                kind = Some(fault.kind);
            }
        }
        kind
    }
}
