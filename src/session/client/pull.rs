//! How many bytes of bulk the server may send ahead: about what the line carries in half a second, so that on a slow line
//! new states do not wait behind old output, and on a fast one the line is never idle.

use std::time::Duration;

use tokio::time::Instant;

/// The least: about two seconds of 9600 baud.
const LEAST: u32 = 2 << 10;
/// The most.
const MOST: u32 = 4 << 20;
/// At first: nothing is known of the line yet, and a quick one has it doubled in a moment.
const FIRST: u32 = LEAST;
/// A window of which half took no longer than this to come may grow.
const QUICK: Duration = Duration::from_millis(250);
/// One of which half took longer than this shrinks.
const SLOW: Duration = Duration::from_millis(1000);

/// The credit that is given to the server.
#[derive(Debug)]
pub(super) struct Window {
    size: u32,
    /// Bytes that came and were not granted again.
    taken: u32,
    /// When the last grant was given.
    granted: Instant,
}

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            size: FIRST,
            taken: 0,
            granted: now,
        }
    }

    /// The first grant.
    pub(super) fn grant(&self) -> u32 {
        self.size
    }

    /// So many bytes of bulk came.
    pub(super) fn took(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_add(bytes);
    }

    /// What to grant now, once half of the window has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<u32> {
        if self.taken < self.size / 2 {
            return None;
        }
        let took = now.duration_since(self.granted);
        let old = self.size;
        if took <= QUICK {
            self.size = (self.size * 2).min(MOST);
        } else if took >= SLOW {
            self.size = (self.size / 2).max(LEAST);
        }
        self.granted = now;
        let grant = (self.taken + self.size).saturating_sub(old);
        self.taken = 0;
        Some(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_line_is_granted_more_and_more_and_a_slow_one_less() {
        let mut now = Instant::now();
        let mut window = Window::new(now);
        let mut outstanding = window.grant();
        for _ in 0..40 {
            now += Duration::from_millis(1);
            let bytes = outstanding / 2 + 1;
            window.took(bytes as usize);
            outstanding = outstanding - bytes + window.due(now).unwrap_or(0);
        }
        assert_eq!(window.size, MOST);
        assert!(outstanding <= MOST + MOST / 2, "{outstanding}");
        for _ in 0..80 {
            now += Duration::from_secs(2);
            let bytes = (outstanding / 2 + 1).min(outstanding);
            window.took(bytes as usize);
            outstanding = outstanding - bytes + window.due(now).unwrap_or(0);
        }
        assert_eq!(window.size, LEAST);
        assert!(outstanding <= 2 * LEAST, "{outstanding}");
    }
}
