//! When to draw: at once for a person, spaced for output, never for nothing.
//!
//! Output may be drawn `frame_rate` times a second, and less often where frames are large: after a frame of N bytes the
//! next one for output waits until a line of `bytes_per_second` would have carried it. What a person does is drawn at
//! once and pays nothing of that. Times are parameters.

use std::time::{Duration, Instant};

/// Longest wait that a large frame brings about: what is looked at must not lag behind visibly.
const BUDGET_WAIT_MAX: Duration = Duration::from_millis(400);
/// Keys that come faster than a person's share a frame.
const KEY_FRAME: Duration = Duration::from_millis(4);
/// How long after a key its target's answer is looked for eagerly.
const ECHO_WINDOW: Duration = Duration::from_millis(150);
/// How often it is looked for.
const ECHO_PEEK: Duration = Duration::from_millis(4);

/// How often frames may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Most frames a second for output.
    pub frame_rate: u32,
    /// Bytes a second that output may cost on the way to the terminal, on average.
    pub bytes_per_second: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            frame_rate: 30,
            bytes_per_second: 32 << 10,
        }
    }
}

/// What a frame shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fresh {
    /// What was collected before, with what the person did since.
    Known,
    /// What is in front of the person is looked at again.
    Front,
    /// Everything visible is looked at again.
    All,
}

/// Decides when the next frame is due.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    /// Something visible changed by a person's doing.
    touched: Option<Fresh>,
    /// Something visible may have changed by itself, from then on.
    changed: Option<Instant>,
    /// When a frame for output may be drawn again.
    free: Option<Instant>,
    /// When the last frame for a person was drawn.
    drawn: Option<Instant>,
    /// Until when, and how often, an answer is looked for.
    echo: Option<(Instant, Instant)>,
}

impl Pacer {
    /// Nothing is due yet.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            touched: None,
            changed: None,
            free: None,
            drawn: None,
            echo: None,
        }
    }

    /// A person did something that shows.
    pub fn touch(&mut self, fresh: Fresh) {
        self.touched = self.touched.max(Some(fresh));
    }

    /// Something may look different from `at` on.
    pub fn change(&mut self, at: Instant) {
        self.changed = Some(self.changed.map_or(at, |before| before.min(at)));
    }

    /// A person sent something to a target, whose answer they wait for.
    pub fn expect_echo(&mut self, now: Instant) {
        self.echo = Some((now + ECHO_WINDOW, now));
    }

    /// Whether a person did something that is not drawn yet.
    pub fn is_touched(&self) -> bool {
        self.touched.is_some()
    }

    /// When the next frame is due; `None` while nothing changes.
    pub fn due(&self) -> Option<Instant> {
        let touched = self.touched.and(Some(
            self.drawn
                .map_or_else(Instant::now, |drawn| drawn + KEY_FRAME),
        ));
        let changed = self
            .changed
            .map(|at| self.free.map_or(at, |free| free.max(at)));
        let echo = self.changed.and(self.echo).map(|(_, next)| next);
        [touched, changed, echo].into_iter().flatten().min()
    }

    /// What the frame shows that is drawn now.
    pub fn fresh(&self, now: Instant) -> Fresh {
        let waits = self.free.is_some_and(|free| free > now);
        match (self.changed, self.touched) {
            (Some(at), _) if at <= now && !waits => Fresh::All,
            (_, Some(Fresh::All)) => Fresh::All,
            (Some(_), _) if self.echo.is_some() => Fresh::Front,
            (_, touched) => touched.unwrap_or(Fresh::Front),
        }
    }

    /// A frame was drawn, or found to be unnecessary, and cost so many bytes.
    pub fn drew(&mut self, now: Instant, fresh: Fresh, bytes: u64) {
        if self.touched.take().is_some() {
            self.drawn = Some(now);
        }
        if fresh == Fresh::All {
            self.changed = self.changed.filter(|at| *at > now);
            let second = Duration::from_secs(1);
            let frame = second / self.pace.frame_rate.max(1);
            let micros =
                bytes.saturating_mul(1_000_000) / u64::from(self.pace.bytes_per_second.max(1));
            let wait = Duration::from_micros(micros)
                .min(BUDGET_WAIT_MAX)
                .max(frame);
            self.free = Some(now + wait);
        }
        self.echo = self
            .echo
            .filter(|(end, _)| *end > now)
            .map(|(end, _)| (end, now + ECHO_PEEK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn nothing_is_due_while_nothing_changes() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::default());
        assert_eq!(pacer.due(), None);
        pacer.change(start);
        pacer.drew(start, Fresh::All, 100);
        pacer.expect_echo(start);
        assert_eq!(pacer.due(), None);
    }

    #[test]
    fn the_first_output_after_silence_is_drawn_at_once_and_the_next_a_frame_later() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace {
            frame_rate: 20,
            bytes_per_second: 1_000_000,
        });
        pacer.change(start);
        assert_eq!(pacer.due(), Some(start));
        pacer.drew(start, pacer.fresh(start), 100);
        pacer.change(at(start, 1));
        assert_eq!(pacer.due(), Some(at(start, 50)));
    }

    #[test]
    fn large_frames_of_output_are_spaced_by_their_bytes() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace {
            frame_rate: 30,
            bytes_per_second: 32_000,
        });
        pacer.change(start);
        pacer.drew(start, Fresh::All, 6_400);
        pacer.change(start);
        assert_eq!(pacer.due(), Some(at(start, 200)));
        pacer.drew(at(start, 200), Fresh::All, 1_000_000);
        pacer.change(at(start, 210));
        assert_eq!(
            pacer.due(),
            Some(at(start, 600)),
            "a huge frame does not freeze the screen"
        );
    }

    #[test]
    fn a_key_is_drawn_at_once_with_what_is_known_even_while_output_waits() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::default());
        pacer.change(start);
        pacer.drew(start, Fresh::All, 9_000);
        pacer.change(at(start, 1));
        pacer.touch(Fresh::Known);
        let now = at(start, 10);
        assert!(pacer.due().is_some_and(|due| due <= now));
        assert_eq!(pacer.fresh(now), Fresh::Known);
        pacer.drew(now, Fresh::Known, 60);
        assert!(
            pacer.due().is_some_and(|due| due > at(start, 200)),
            "the output still waits for its turn"
        );
    }

    #[test]
    fn keys_faster_than_any_person_share_frames() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::default());
        pacer.touch(Fresh::Known);
        pacer.drew(start, Fresh::Known, 60);
        pacer.touch(Fresh::Known);
        assert_eq!(pacer.due(), Some(start + KEY_FRAME));
    }

    #[test]
    fn the_answer_to_a_key_is_looked_for_where_it_will_come_and_for_a_while_only() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::default());
        pacer.change(start);
        pacer.drew(start, Fresh::All, 1_000_000);
        pacer.expect_echo(at(start, 1));
        pacer.change(at(start, 5));
        let now = at(start, 6);
        assert!(pacer.due().is_some_and(|due| due <= now));
        assert_eq!(pacer.fresh(now), Fresh::Front);
        pacer.drew(now, Fresh::Front, 40);
        assert_eq!(pacer.due(), Some(now + ECHO_PEEK));
        let late = at(start, 300);
        pacer.drew(late, Fresh::Front, 0);
        assert_eq!(pacer.due(), Some(at(start, 400)));
    }

    #[test]
    fn a_change_to_come_is_due_then() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::default());
        pacer.change(at(start, 500));
        pacer.drew(start, Fresh::All, 10);
        assert_eq!(pacer.due(), Some(at(start, 500)));
    }
}
