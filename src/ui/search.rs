//! A search through a pane's history: where it is, and how far it has looked.
//!
//! It looks at a bounded slice at a time, so that a history of millions of lines freezes neither the screen nor the
//! target that is writing to it.

use std::time::{Duration, Instant};

use crate::transcript::search::Pattern;
use crate::transcript::{Ring, Seq};

/// Entries looked at in one slice, at most.
const SLICE_ENTRIES: u64 = 1_000;
/// Bytes looked at in one slice, at most: the writer of the history waits so long.
const SLICE_BYTES: usize = 64 << 10;
/// Progress is drawn no more often than this.
pub const PROGRESS: Duration = Duration::from_millis(100);

/// Which way matches are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Towards the oldest.
    Older,
    /// Towards the newest.
    Newer,
}

/// A search in one pane.
#[derive(Debug, Clone)]
pub struct Search {
    /// What is searched for; lit up wherever it is visible.
    pub pattern: Pattern,
    /// The entry of the match that was found last.
    pub current: Option<Seq>,
    /// What came of it.
    pub state: Progress,
}

/// Where a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It looks on at that entry.
    Looking(Way, Seq),
    /// The current entry matches.
    Found,
    /// There is nothing more that way.
    Exhausted(Way),
}

impl Search {
    /// A search from `from` on, that entry included.
    pub fn new(pattern: Pattern, way: Way, from: Seq) -> Self {
        Self {
            pattern,
            current: None,
            state: Progress::Looking(way, from),
        }
    }

    /// Looks for the next match that way.
    pub fn go_on(&mut self, way: Way) {
        let from = match (self.current, self.state) {
            (_, Progress::Looking(_, at)) => at,
            (Some(seq), _) if way == Way::Older => seq.saturating_sub(1),
            (Some(seq), _) => seq + 1,
            (None, _) if way == Way::Older => Seq::MAX,
            (None, _) => 0,
        };
        self.state = Progress::Looking(way, from);
    }

    /// Whether there is more to look at.
    pub fn is_looking(&self) -> bool {
        matches!(self.state, Progress::Looking(..))
    }

    /// Looks at one slice. Returns the entry that was found.
    pub fn look(&mut self, ring: &Ring) -> Option<Seq> {
        let Progress::Looking(way, from) = self.state else {
            return None;
        };
        let (first, last) = (ring.first(), ring.next().saturating_sub(1));
        let mut seq = from.clamp(first, last.max(first));
        if from > last && way == Way::Newer {
            self.state = Progress::Exhausted(way);
            return None;
        }
        let mut bytes = 0;
        for _ in 0..SLICE_ENTRIES {
            let Some(entry) = ring.entry(seq).filter(|_| seq >= first) else {
                self.state = Progress::Exhausted(way);
                return None;
            };
            bytes += entry.bytes.len();
            if self.pattern.is_in(entry.bytes) {
                (self.current, self.state) = (Some(seq), Progress::Found);
                return Some(seq);
            }
            match way {
                Way::Newer => seq += 1,
                Way::Older if seq == first => {
                    self.state = Progress::Exhausted(way);
                    return None;
                }
                Way::Older => seq -= 1,
            }
            if bytes > SLICE_BYTES {
                break;
            }
        }
        self.state = Progress::Looking(way, seq);
        None
    }

    /// How it stands, in words.
    pub fn words(&self) -> String {
        let source = self.pattern.source();
        match self.state {
            Progress::Looking(..) => format!("searching for {source} ..."),
            Progress::Found => self.pattern.problem().unwrap_or_default().to_owned(),
            Progress::Exhausted(Way::Older) => format!("no older match for {source}"),
            Progress::Exhausted(Way::Newer) => format!("no newer match for {source}"),
        }
    }
}

/// Whether progress is worth drawing, at most every [`PROGRESS`].
#[derive(Debug, Default)]
pub struct Ticker(Option<Instant>);

impl Ticker {
    /// Says yes if the last yes is long enough ago.
    pub fn tick(&mut self, now: Instant) -> bool {
        let due = self
            .0
            .is_none_or(|last| now.saturating_duration_since(last) >= PROGRESS);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Limits, Time};

    fn ring(count: usize) -> Ring {
        let mut ring = Ring::new(Limits::default());
        for n in 1..=count {
            ring.output(Time(0), format!("line {n}.\n").as_bytes());
        }
        ring
    }

    fn finish(search: &mut Search, ring: &Ring) -> (Option<Seq>, usize) {
        let mut slices = 0;
        while search.is_looking() {
            search.look(ring);
            slices += 1;
            assert!(slices < 1_000, "it must come to an end");
        }
        (
            (search.state == Progress::Found)
                .then_some(search.current)
                .flatten(),
            slices,
        )
    }

    #[test]
    fn matches_are_found_one_after_the_other_in_both_directions() {
        let ring = ring(30);
        let mut search = Search::new(Pattern::new(r"line \d?7\."), Way::Older, Seq::MAX);
        assert_eq!(finish(&mut search, &ring).0, Some(27));
        search.go_on(Way::Older);
        assert_eq!(finish(&mut search, &ring).0, Some(17));
        search.go_on(Way::Newer);
        assert_eq!(finish(&mut search, &ring).0, Some(27));
        search.go_on(Way::Newer);
        assert_eq!(finish(&mut search, &ring).0, None);
        assert_eq!(search.words(), r"no newer match for line \d?7\.");
        search.go_on(Way::Older);
        assert_eq!(
            finish(&mut search, &ring).0,
            Some(17),
            "it goes on from the last match"
        );
    }

    #[test]
    fn a_long_history_is_searched_in_slices() {
        let ring = ring(10_000);
        let mut search = Search::new(Pattern::new(r"line 1\."), Way::Older, Seq::MAX);
        let (found, slices) = finish(&mut search, &ring);
        assert_eq!(found, Some(1));
        assert!(slices >= 10);
    }

    #[test]
    fn an_empty_history_and_a_pattern_that_matches_nothing_end() {
        let mut search = Search::new(Pattern::new("x"), Way::Older, Seq::MAX);
        assert_eq!(finish(&mut search, &Ring::new(Limits::default())).0, None);
        let mut search = Search::new(Pattern::new(""), Way::Newer, 0);
        assert_eq!(finish(&mut search, &ring(3)).0, None);
    }

    #[test]
    fn an_entry_that_was_dropped_meanwhile_is_passed_over() {
        let mut ring = Ring::new(Limits {
            bytes: 1,
            line: 100,
        });
        for n in 0..100_000 {
            ring.output(Time(0), format!("line {n}\n").as_bytes());
        }
        assert!(ring.first() > 1);
        let mut search = Search::new(Pattern::new("line 3$"), Way::Older, 10);
        assert_eq!(finish(&mut search, &ring).0, None);
    }
}
