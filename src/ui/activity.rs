//! How much each target printed in each of the last seconds.
//!
//! Counted from differences of the transcripts' line counters, once a second while something happens. Nothing is
//! counted, and nobody woken, while nothing happens.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::rack::{Rack, TargetId};

/// Seconds shown.
pub const SECONDS: usize = 6;
/// How long one count runs.
const PERIOD: Duration = Duration::from_secs(1);

/// Counts of lines, oldest first.
pub type Bars = [u8; SECONDS];

/// The counts of all targets.
#[derive(Debug, Default)]
pub struct Activity {
    targets: HashMap<TargetId, Count>,
    last: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    lines: u64,
    bars: Bars,
}

impl Activity {
    /// Counts if it is time. Returns whether a bar changed.
    pub fn sample(&mut self, rack: &Rack, now: Instant) -> bool {
        let periods = match self.last {
            None => 0,
            Some(last) => (now.saturating_duration_since(last).as_millis() / PERIOD.as_millis())
                .min(SECONDS as u128 + 1),
        };
        if self.last.is_some() && periods == 0 {
            return false;
        }
        let elapsed = usize::try_from(periods).unwrap_or(SECONDS);
        // The seconds follow each other without drift, unless nobody looked for a while.
        self.last = Some(match self.last {
            Some(last) if elapsed <= SECONDS => last + PERIOD * u32::try_from(elapsed).unwrap_or(1),
            _ => now,
        });
        let mut changed = false;
        let mut counts = HashMap::with_capacity(rack.targets().len());
        for target in rack.targets() {
            let (lines, begins_late) = target
                .transcript
                .with(|ring| (ring.output_lines(), ring.first() > 1));
            let known = self.targets.get(&target.id).copied();
            // What a joined session's target printed before it was known here is no activity.
            let old = known
                .filter(|known| known.lines > 0 || !begins_late)
                .unwrap_or(Count {
                    lines,
                    bars: Bars::default(),
                });
            let mut bars = old.bars;
            if elapsed > 0 {
                bars.rotate_left(elapsed.min(SECONDS));
                bars.iter_mut().rev().take(elapsed).for_each(|bar| *bar = 0);
                if let Some(newest) = bars.last_mut() {
                    *newest = level(
                        lines.saturating_sub(old.lines) / elapsed.max(1) as u64
                            + u64::from(lines > old.lines && lines - old.lines < elapsed as u64),
                    );
                }
            }
            changed |= bars != old.bars;
            counts.insert(target.id, Count { lines, bars });
        }
        self.targets = counts;
        changed
    }

    /// When to count next; `None` once all is quiet.
    pub fn next(&self) -> Option<Instant> {
        let busy = self
            .targets
            .values()
            .any(|count| count.bars != Bars::default());
        self.last.filter(|_| busy).map(|last| last + PERIOD)
    }

    /// The bars of a target: 0 for nothing, then one more for each doubling.
    pub fn bars(&self, id: TargetId) -> Bars {
        self.targets
            .get(&id)
            .map(|count| count.bars)
            .unwrap_or_default()
    }
}

/// One line a second is 1, two to three are 2, four to seven are 3, and so on up to 8.
fn level(lines: u64) -> u8 {
    u8::try_from(u64::BITS - lines.leading_zeros())
        .unwrap_or(8)
        .min(8)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rack::{Target, status};
    use crate::transcript::{Limits, Time, Transcript};

    #[test]
    fn bars_move_while_something_happens_and_stop_when_all_is_quiet() {
        let transcript = Arc::new(Transcript::new(Limits::default(), Arc::default()));
        let status = Arc::new(status::Shared::new(Time(0)));
        let name = "t".to_owned();
        let target = Target {
            id: TargetId(1),
            name,
            address: String::new(),
            groups: vec![],
            debugger: false,
            tags: vec![],
            transcript: transcript.clone(),
            status,
        };
        let rack = Rack::new(vec![Arc::new(target)]);
        let mut activity = Activity::default();
        let start = Instant::now();
        assert!(!activity.sample(&rack, start));
        assert_eq!(activity.next(), None);
        transcript.output(Time(0), &b"x\n".repeat(5));
        assert!(!activity.sample(&rack, start + Duration::from_millis(999)));
        assert!(activity.sample(&rack, start + Duration::from_millis(1_100)));
        assert_eq!(activity.bars(TargetId(1)), [0, 0, 0, 0, 0, 3]);
        assert_eq!(activity.next(), Some(start + Duration::from_secs(2)));
        assert!(activity.sample(&rack, start + Duration::from_millis(3_000)));
        assert_eq!(activity.bars(TargetId(1)), [0, 0, 0, 3, 0, 0]);
        assert!(activity.sample(&rack, start + Duration::from_secs(60)));
        assert_eq!(
            (activity.bars(TargetId(1)), activity.next()),
            (Bars::default(), None)
        );
    }
}
