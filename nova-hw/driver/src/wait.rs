// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Waiting for a device, without a busy loop and never for ever.

use std::{
    thread,
    time::{Duration, Instant},
};

/// The first pause. What a card does in hardware is over by then.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
/// The longest pause: what a wait can be late by.
const LAST_PAUSE: Duration = Duration::from_millis(5);

/// Asks `poll` until it gives something, for `limit` at most; `None` when it did not. It asks
/// at once, then after pauses that double, and once more when the time is over, so that a
/// process that was not scheduled does not call a device late.
pub(crate) fn until<T, E>(
    limit: Duration,
    mut poll: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = limit.checked_sub(start.elapsed());
        if let Some(found) = poll()? {
            return Ok(Some(found));
        }
        let Some(left) = left.filter(|left| !left.is_zero()) else {
            return Ok(None);
        };
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_at_once_is_asked_once() {
        let mut asked = 0;
        let found: Result<_, ()> = until(Duration::from_secs(60), || {
            asked += 1;
            Ok(Some(7))
        });
        assert_eq!((found, asked), (Ok(Some(7)), 1));
    }

    #[test]
    fn it_asks_again_and_ends() {
        let mut asked = 0;
        let found: Result<_, ()> = until(Duration::from_secs(60), || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(found, Ok(Some(3)));

        let mut asked = 0;
        let found: Result<Option<()>, ()> = until(Duration::from_millis(1), || {
            asked += 1;
            Ok(None)
        });
        assert_eq!(found, Ok(None));
        assert!(asked >= 2, "the last look comes when the time is over");
    }

    #[test]
    fn no_time_is_one_look() {
        let found: Result<Option<()>, ()> = until(Duration::ZERO, || Ok(None));
        assert_eq!(found, Ok(None));
    }

    #[test]
    fn an_error_ends_it() {
        let found: Result<Option<()>, _> = until(Duration::from_secs(60), || Err("gone"));
        assert_eq!(found, Err("gone"));
    }
}
