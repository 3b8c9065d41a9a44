//! How a client goes along with one target: it gets all of it, or, where more is printed than it can be given, samples of
//! the newest.
//!
//! Nobody reads a flood, and whoever is always overtaken by it has gaps everywhere. So the processors and the line are not
//! filled with the oldest lines that are still there: what is seen of a flood is new, and the targets go on.

use std::time::Duration;

use tokio::time::Instant;

/// How often there is a sample.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// Bytes of a sample, several screens.
const SAMPLE_BYTES: usize = 64 << 10;
/// A target that prints at most so many bytes between two samples can be followed again.
const FOLLOWED_BYTES: u64 = 2 << 20;

/// How a client goes along with one target.
#[derive(Debug)]
pub(super) enum Pace {
    /// It gets everything. It may have been overtaken once since it last had all, as somebody who was away is.
    All { overtaken: bool },
    /// It was overtaken again and again.
    Samples {
        /// Bytes that are left of this sample.
        left: usize,
        /// When the next one begins.
        next: Instant,
        /// Bytes that the target had printed when this one began.
        printed: u64,
    },
}

/// Where reading goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where it was, or at the oldest that is left.
    Same,
    /// At the newest.
    Newest,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self::All { overtaken: false }
    }

    /// Reading goes on: whether the client was overtaken since it last read, and what the target has printed so far, in
    /// bytes. Returns from where, and how many bytes at most.
    pub(super) fn go_on(&mut self, overtaken: bool, printed: u64, now: Instant) -> (Place, usize) {
        let floods = match self {
            Self::All { overtaken: before } => {
                let again = overtaken && *before;
                *before |= overtaken;
                again
            }
            Self::Samples { left, next, .. } if now < *next => {
                if overtaken {
                    *left = 0;
                }
                return (Place::Same, *left);
            }
            Self::Samples { left, .. } if *left > 0 && !overtaken => return (Place::Same, *left),
            Self::Samples { printed: then, .. } => printed.saturating_sub(*then) > FOLLOWED_BYTES,
        };
        if floods {
            *self = Self::Samples {
                left: SAMPLE_BYTES,
                next: now + SAMPLE_EVERY,
                printed,
            };
            return (Place::Newest, SAMPLE_BYTES);
        }
        if matches!(self, Self::Samples { .. }) {
            *self = Self::All { overtaken: true };
        }
        (Place::Same, usize::MAX)
    }

    /// So many bytes were read.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Self::Samples { left, .. } = self {
            *left = left.saturating_sub(bytes);
        }
    }

    /// The client has all there is.
    pub(super) fn caught_up(&mut self) {
        match self {
            Self::All { overtaken } => *overtaken = false,
            Self::Samples { left, .. } => *left = 0,
        }
    }

    /// When there is more for the client; `None` if at once.
    pub(super) fn rests_until(&self) -> Option<Instant> {
        match self {
            Self::Samples { left: 0, next, .. } => Some(*next),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOD: u64 = 10 * FOLLOWED_BYTES;

    /// The pace of somebody who was overtaken twice, when 1000 bytes were printed.
    fn sampled(now: Instant) -> Pace {
        let mut pace = Pace::new();
        assert_eq!(pace.go_on(true, 0, now), (Place::Same, usize::MAX));
        assert_eq!(pace.go_on(true, 1000, now), (Place::Newest, SAMPLE_BYTES));
        pace
    }

    #[test]
    fn who_was_away_and_catches_up_gets_all_that_is_left() {
        let now = Instant::now();
        let mut pace = Pace::new();
        for _ in 0..10 {
            assert_eq!(pace.go_on(true, FLOOD, now), (Place::Same, usize::MAX));
            assert_eq!(pace.go_on(false, FLOOD, now), (Place::Same, usize::MAX));
            pace.caught_up();
        }
    }

    #[test]
    fn who_is_overtaken_again_gets_a_sample_of_the_newest_now_and_then() {
        let now = Instant::now();
        let mut pace = sampled(now);
        pace.sent(SAMPLE_BYTES - 1);
        assert_eq!(pace.rests_until(), None);
        assert_eq!(pace.go_on(false, FLOOD, now), (Place::Same, 1));
        pace.sent(100);
        let next = now + SAMPLE_EVERY;
        assert_eq!(pace.rests_until(), Some(next));
        assert_eq!(pace.go_on(false, FLOOD, now), (Place::Same, 0));
        assert_eq!(
            pace.go_on(false, FLOOD, next),
            (Place::Newest, SAMPLE_BYTES)
        );
        assert_eq!(pace.go_on(true, FLOOD, next), (Place::Same, 0), "too old");
        assert_eq!(pace.rests_until(), Some(next + SAMPLE_EVERY));
    }

    #[test]
    fn a_sample_that_a_slow_line_needs_long_for_is_read_to_its_end() {
        let now = Instant::now();
        let mut pace = sampled(now);
        pace.sent(SAMPLE_BYTES / 2);
        let later = now + 100 * SAMPLE_EVERY;
        let half = SAMPLE_BYTES / 2;
        assert_eq!(pace.go_on(false, FLOOD, later), (Place::Same, half));
    }

    #[test]
    fn a_flood_that_ended_is_followed_again() {
        let now = Instant::now();
        let mut pace = sampled(now);
        pace.caught_up();
        let next = now + SAMPLE_EVERY;
        let printed = 1000 + FOLLOWED_BYTES;
        assert_eq!(pace.go_on(false, printed, next), (Place::Same, usize::MAX));
        assert_eq!(pace.rests_until(), None);
        let again = pace.go_on(true, printed + FLOOD, next);
        assert_eq!(again, (Place::Newest, SAMPLE_BYTES), "not caught up yet");
    }
}
