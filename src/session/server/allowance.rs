//! How fast somebody may send lines: in bursts as people and scripts do, and not for ever.

use std::time::Duration;

use tokio::time::Instant;

/// Lines a client may send at once, and how many a second after that; more are taken up later.
const SUBMITS_BURST: f64 = 200.0;
const SUBMITS_PER_SECOND: f64 = 50.0;

/// How many lines somebody may send now.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: SUBMITS_BURST,
            at: now,
        }
    }

    /// One more line: how long it has to wait.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        let gained = now.duration_since(self.at).as_secs_f64() * SUBMITS_PER_SECOND;
        self.left = (self.left + gained).min(SUBMITS_BURST) - 1.0;
        self.at = now;
        if self.left >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64((-self.left / SUBMITS_PER_SECOND).min(1.0))
        }
    }
}
