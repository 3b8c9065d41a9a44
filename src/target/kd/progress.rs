//! What a long command tells while it works: in the target's state, at most once a second.

use std::time::{Duration, Instant};

use super::debugger::Debugger;
use crate::rack::State;
use crate::target::report::Report;

/// How often it tells. What takes less tells nothing.
pub const EVERY: Duration = Duration::from_secs(1);
/// How a long command is ended, in its state.
pub const ENDS: &str = "Ctrl+C or .break ends it";

/// How far a command is. What it told is taken back when it is dropped.
#[derive(Debug)]
pub struct Progress {
    report: Report,
    what: String,
    done: u64,
    /// Zero if nobody knows.
    total: u64,
    began: Instant,
    told: Instant,
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    /// What stood there before.
    before: String,
    text: String,
}

impl Debugger<'_> {
    /// Begins to tell of something that takes `total` bytes; zero if nobody knows how many.
    pub(super) fn progress(&self, what: impl Into<String>, total: u64) -> Progress {
        let now = Instant::now();
        Progress {
            report: self.connector.report.clone(),
            what: what.into(),
            done: 0,
            total,
            began: now,
            told: now,
            shown: None,
        }
    }
}

impl Progress {
    /// So many bytes more are done.
    pub fn more(&mut self, bytes: u64) {
        self.advance(self.done.saturating_add(bytes));
    }

    /// So many bytes are done.
    pub fn advance(&mut self, done: u64) {
        self.done = done;
        let now = Instant::now();
        if now.duration_since(self.told) < EVERY {
            return;
        }
        self.told = now;
        let status = self.report.target().status.read();
        // Before a stop is told of, the state says something else.
        if status.state != State::Broken {
            return;
        }
        let text = text(&self.what, done, self.total, now.duration_since(self.began));
        self.report.state(State::Broken, &text);
        let before = match self.shown.take() {
            Some(shown) => shown.before,
            None => status.detail,
        };
        self.shown = Some(Shown { before, text });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(shown) = &self.shown else {
            return;
        };
        let status = self.report.target().status.read();
        if status.state == State::Broken && status.detail == shown.text {
            self.report.state(State::Broken, &shown.before);
        }
    }
}

fn text(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let (bytes, rate) = (size(done), rate(done, elapsed));
    if total == 0 {
        return format!("{what}: {bytes}, {rate}; {ENDS}");
    }
    let per_cent = done.saturating_mul(100) / total;
    format!(
        "{what}: {per_cent} %, {bytes} of {}, {rate}; {ENDS}",
        size(total)
    )
}

/// So many bytes in so much time: `1.2 MB/s`.
pub fn rate(bytes: u64, elapsed: Duration) -> String {
    let per_second = u128::from(bytes) * 1_000_000 / elapsed.as_micros().max(1);
    format!("{}/s", size(u64::try_from(per_second).unwrap_or(u64::MAX)))
}

/// Bytes in a unit that suits them: `512 bytes`, `3.4 MB`.
pub fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} bytes"),
        1_000..1_000_000 => (1_000, "KB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    let tenths = bytes / (unit / 10);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_bytes_per_cent_and_rate() {
        assert_eq!(
            text(".writemem a", 3_400_000, 28_000_000, Duration::from_secs(2)),
            ".writemem a: 12 %, 3.4 MB of 28.0 MB, 1.7 MB/s; Ctrl+C or .break ends it"
        );
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(2_048), "2.0 KB");
        assert_eq!(size(5_100_000_000), "5.1 GB");
        assert_eq!(rate(0, Duration::ZERO), "0 bytes/s");
    }
}
