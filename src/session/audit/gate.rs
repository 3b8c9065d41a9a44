//! What of a flood is kept: strangers must not be able to turn the log over.

use std::time::{Duration, Instant};

use super::Record;

/// Of refusals of one kind, so many are kept in each [`PERIOD`]; the others are counted.
const REFUSALS_MAX: u32 = 60;
/// The kinds, and what those that were not kept are called. Whoever guesses passwords must not be able to hide it behind
/// many who are refused for something else.
const REFUSALS: [(&str, Option<&str>, &str); 6] = [
    ("refused", Some("wrong-password"), "wrong-password-more"),
    ("refused", None, "refused-more"),
    ("command-refused", None, "command-refused-more"),
    ("device-refused", None, "device-refused-more"),
    ("device-flooded", None, "device-flooded-more"),
    ("chat-flooded", None, "chat-flooded-more"),
];
/// How often what was not kept is told of.
const PERIOD: Duration = Duration::from_secs(60);

/// Lets records pass, or counts them.
#[derive(Debug, Default)]
pub(super) struct Gate {
    period: Option<Instant>,
    /// One for each of [`REFUSALS`].
    refusals: [u32; REFUSALS.len()],
}

impl Gate {
    /// What is to be written now that this record came.
    pub(super) fn pass(&mut self, now: Instant, record: Record) -> Vec<Record> {
        let mut passed = Vec::new();
        let period = *self.period.get_or_insert(now);
        if now.duration_since(period) >= PERIOD {
            passed.extend(self.uncounted(&record));
            self.period = Some(now);
            self.refusals = [0; REFUSALS.len()];
        }
        let mut kinds = REFUSALS.iter().zip(&mut self.refusals);
        let why = record.fields.iter().find(|(name, _)| *name == "why");
        let why = why.map(|(_, why)| why.as_str());
        let refusals = kinds.find(|((what, because, _), _)| {
            *what == record.what && (because.is_none() || *because == why)
        });
        let is_kept = match refusals {
            Some((_, refusals)) => {
                *refusals += 1;
                *refusals <= REFUSALS_MAX
            }
            None => true,
        };
        if is_kept {
            passed.push(record);
        }
        passed
    }

    /// The refusals that were not kept.
    fn uncounted(&self, record: &Record) -> Vec<Record> {
        let kinds = REFUSALS.iter().zip(&self.refusals);
        let more = kinds.map(|((_, _, what), count)| (*what, count.saturating_sub(REFUSALS_MAX)));
        more.filter(|(_, more)| *more > 0)
            .map(|(what, more)| Record {
                time: record.time,
                what,
                fields: vec![("times", more.to_string())],
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Time;

    fn record(what: &'static str, who: &str) -> Record {
        Record {
            time: Time(0),
            what,
            fields: vec![("person", who.to_owned())],
        }
    }

    #[test]
    fn a_flood_of_strangers_is_counted_and_hides_nobody_else() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let mut passed = Vec::new();
        for _ in 0..1000 {
            passed.extend(gate.pass(now, record("refused", "eve")));
        }
        passed.extend(gate.pass(now, record("joined", "alice")));
        assert_eq!(passed.len(), REFUSALS_MAX as usize + 1);
        let later = gate.pass(now + PERIOD, record("left", "alice"));
        let words: Vec<&str> = later.iter().map(|record| record.what).collect();
        assert_eq!(words, ["refused-more", "left"]);
        assert_eq!(later[0].fields, [("times", "940".to_owned())]);
        assert_eq!(gate.pass(now + PERIOD, record("refused", "eve")).len(), 1);
    }

    #[test]
    fn guesses_are_kept_whatever_else_is_refused() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let refused = |why: &str| Record {
            fields: vec![("why", why.to_owned())],
            ..record("refused", "eve")
        };
        for _ in 0..1000 {
            gate.pass(now, refused("too-many"));
        }
        assert_eq!(gate.pass(now, refused("wrong-password")).len(), 1);
        assert!(gate.pass(now, refused("too-slow")).is_empty());
    }
}
