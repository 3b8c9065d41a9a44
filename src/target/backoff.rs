//! When a lost target is tried again.

use std::time::Duration;

/// A connection that lived this long was a good one: the next loss starts from the first pause again.
const GOOD_LIFE: Duration = Duration::from_secs(10);
/// A connection that ended sooner was not wanted by the other side.
const SHORT_LIFE: Duration = Duration::from_secs(2);
/// So many short lives in a row look like two programs that throw each other out.
const SHORT_LIVES: u32 = 3;
/// How far a pause may differ from its nominal length, so that a hundred targets do not come back at once.
const JITTER: f64 = 0.25;

/// The bounds of the pauses between tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// After the first loss.
    pub first: Duration,
    /// The longest; each pause is twice the one before.
    pub longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
        }
    }
}

/// The pauses of one target; never gives up.
#[derive(Debug, Default)]
pub struct Backoff {
    tries: u32,
    short_lives: u32,
}

impl Backoff {
    /// A connection ended after `life`.
    pub fn lived(&mut self, life: Duration) {
        self.short_lives = if life < SHORT_LIFE {
            self.short_lives + 1
        } else {
            0
        };
        if life >= GOOD_LIFE {
            self.tries = 0;
        }
    }

    /// Connections that ended at once, again and again.
    pub fn thrown_out(&self) -> Option<u32> {
        (self.short_lives >= SHORT_LIVES).then_some(self.short_lives)
    }

    /// The pause before the next try; `chance` is a random number from 0 to 1.
    pub fn pause(&mut self, pauses: Pauses, chance: f64) -> Duration {
        let doubled = pauses.first.saturating_mul(1 << self.tries.min(20));
        self.tries += 1;
        doubled
            .min(pauses.longest)
            .mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0))
    }

    /// Somebody asked for a try at once: the pauses begin anew.
    pub fn restart(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_end() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..100)
            .map(|_| backoff.pause(Pauses::default(), 0.5))
            .collect();
        assert_eq!(
            pauses[..4],
            [500, 1000, 2000, 4000].map(Duration::from_millis)
        );
        assert!(
            pauses[10..]
                .iter()
                .all(|pause| *pause == Duration::from_secs(30))
        );
    }

    #[test]
    fn chance_spreads_a_pause_by_a_quarter() {
        let mut low = Backoff::default();
        let mut high = Backoff::default();
        assert_eq!(
            low.pause(Pauses::default(), 0.0),
            Duration::from_millis(375)
        );
        assert_eq!(
            high.pause(Pauses::default(), 1.0),
            Duration::from_millis(625)
        );
    }

    #[test]
    fn a_long_life_starts_the_pauses_anew_and_short_ones_are_noticed() {
        let mut backoff = Backoff::default();
        for _ in 0..3 {
            backoff.pause(Pauses::default(), 0.5);
            backoff.lived(Duration::from_millis(10));
        }
        assert_eq!(backoff.thrown_out(), Some(3));
        backoff.lived(GOOD_LIFE);
        assert_eq!(backoff.thrown_out(), None);
        assert_eq!(
            backoff.pause(Pauses::default(), 0.5),
            Duration::from_millis(500)
        );
    }
}
