// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What owners may have in sum. GSP's heap is one for all: what an owner may have is set aside
//! for it when it comes, so that no owner finds less because of another.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::mem::{Limits, Resource};

/// Channels, groups and address spaces for which GSP's heap has room: NVIDIA's driver sizes it
/// for as many channels, of 48 KiB each (`GSP_FW_HEAP_PARAM_CLIENT_ALLOC_SIZE`), and the others
/// take no more than a channel.
const OBJECTS: u64 = 2048;
/// Clients: the number is the lower half of a handle.
const CLIENTS: u16 = 1024;

#[derive(Debug)]
struct State {
    left: u64,
    taken: Vec<bool>,
}

/// What is left.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<State>);

/// An owner's part, and its number, until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    objects: u64,
    number: u16,
}

impl Share {
    /// A number that no other owner has.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

impl Budget {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            left: OBJECTS,
            taken: vec![false; CLIENTS.into()],
        })))
    }

    /// Sets aside what those limits allow; what was asked for and what is left where it is not
    /// enough.
    pub(crate) fn take(self: &Arc<Self>, limits: &Limits) -> Result<Share, (u64, u64)> {
        let counted = [
            Resource::Channels,
            Resource::ChannelGroups,
            Resource::AddressSpaces,
        ];
        let objects = counted
            .iter()
            .fold(0u64, |sum, &it| sum.saturating_add(limits.of(it)));
        let mut state = self.0.lock();
        let number = state.taken.iter().position(|taken| !taken);
        let (Some(number), Some(left)) = (number, state.left.checked_sub(objects)) else {
            return Err((objects, state.left));
        };
        state.left = left;
        state.taken[number] = true;
        Ok(Share {
            budget: self.clone(),
            objects,
            number: number as u16,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.budget.0.lock();
        state.left += self.objects;
        state.taken[usize::from(self.number)] = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(each: u64) -> Limits {
        let none = Limits::UNLIMITED;
        let none = none.with(Resource::Channels, each);
        none.with(Resource::ChannelGroups, each)
            .with(Resource::AddressSpaces, each)
    }

    #[test]
    fn the_sum_stays_below_what_there_is() {
        let budget = Budget::new();
        let first = budget.take(&limits(400)).unwrap();
        assert_eq!(budget.take(&limits(283)).unwrap_err(), (849, 848));
        let second = budget.take(&limits(282)).unwrap();
        assert_ne!(first.number(), second.number());
        assert_eq!(budget.take(&limits(1)).unwrap_err(), (3, 2));
        drop(first);
        let third = budget.take(&limits(1)).unwrap();
        assert_eq!(third.number(), 0);
    }

    #[test]
    fn no_limit_is_too_much() {
        let asked = Budget::new().take(&Limits::UNLIMITED).unwrap_err();
        assert_eq!(asked, (u64::MAX, OBJECTS));
    }

    #[test]
    fn numbers_end() {
        let budget = Budget::new();
        let all: Vec<_> = (0..CLIENTS)
            .map(|_| budget.take(&limits(0)).unwrap())
            .collect();
        assert!(budget.take(&limits(0)).is_err());
        drop(all);
        assert!(budget.take(&limits(0)).is_ok());
    }
}
