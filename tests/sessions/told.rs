//! What a program told by its events, folded to what can be compared: of each entry its number and a hash.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Deserialize;

/// Faults that are kept word for word; more are of the same kind.
const FAULTS: usize = 5;

/// All that a program told.
#[derive(Debug, Default)]
pub struct Told {
    pub targets: BTreeMap<String, History>,
    /// Author and text, in the order they were printed.
    pub chat: Vec<(String, String)>,
    /// Replies to what was typed: number, success, text.
    pub replies: Vec<(u64, bool, String)>,
    /// Name and what happened to them.
    pub people: Vec<(String, String)>,
    pub errors: Vec<String>,
    /// Strings of the servers, as they were told last.
    pub servers: Vec<String>,
    pub ended: bool,
}

/// What was told of one target.
#[derive(Debug, Default)]
pub struct History {
    pub state: String,
    pub detail: String,
    /// A hash of each entry by its number; 0 where there is none.
    entries: Vec<u64>,
    /// A hash of each whole line of output, in the order they were printed.
    output: Vec<u64>,
    /// The last whole line of output.
    last: u64,
    /// Entries that were said to be missed.
    pub missed: u64,
    /// What came twice, or in the wrong order.
    pub faults: Vec<String>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    target: Cow<'a, str>,
    #[serde(default, borrow)]
    state: Cow<'a, str>,
    #[serde(default, borrow)]
    detail: Cow<'a, str>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    id: u64,
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    partial: bool,
    #[serde(default, borrow)]
    text: Cow<'a, str>,
    #[serde(default, borrow)]
    from: Cow<'a, str>,
    #[serde(default, borrow)]
    name: Cow<'a, str>,
    #[serde(default, borrow)]
    event: Cow<'a, str>,
    #[serde(default)]
    servers: Vec<String>,
}

impl Told {
    /// Takes one line of output.
    pub fn take(&mut self, line: &str) {
        let event: Event<'_> =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        match &*event.kind {
            "output" | "command" | "notice" if event.partial => {}
            // What somebody did to the session.
            "notice" if event.target.is_empty() => {}
            kind @ ("output" | "command" | "notice") => {
                let history = self.history(&event.target);
                history.take(event.seq, kind, &event.text);
            }
            "missed" => self.history(&event.target).missed += event.count,
            "target" => {
                let history = self.history(&event.target);
                history.state = event.state.into_owned();
                history.detail = event.detail.into_owned();
            }
            "chat" => self
                .chat
                .push((event.from.into_owned(), event.text.into_owned())),
            "person" => self
                .people
                .push((event.name.into_owned(), event.event.into_owned())),
            "reply" => self
                .replies
                .push((event.id, event.ok, event.text.into_owned())),
            "role" => self.servers = event.servers,
            "error" => self.errors.push(event.text.into_owned()),
            other => panic!("{other} is no type of event"),
        }
    }

    /// The number of the last entry of each target.
    pub fn ends(&self) -> HashMap<String, u64> {
        let end = |(name, history): (&String, &History)| (name.clone(), history.end());
        self.targets.iter().map(end).collect()
    }

    /// Whether of each target everything up to these numbers was told.
    pub fn reaches(&self, ends: &HashMap<String, u64>) -> bool {
        ends.iter().all(|(name, end)| {
            let history = self.targets.get(name);
            history.is_some_and(|history| history.end() >= *end)
        })
    }

    fn history(&mut self, target: &str) -> &mut History {
        if !self.targets.contains_key(target) {
            self.targets.insert(target.to_owned(), History::default());
        }
        self.targets.get_mut(target).expect("it was just put in")
    }
}

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (state, end, missed) = (&self.state, self.end(), self.missed);
        write!(
            f,
            "{state}, up to {end}, {missed} missed, {} faults",
            self.faults.len()
        )
    }
}

impl History {
    /// The number of the last entry.
    pub fn end(&self) -> u64 {
        (self.entries.len() as u64).saturating_sub(1)
    }

    /// Entries that were told, from that number on and up to the other.
    pub fn count(&self, from: u64, to: u64) -> usize {
        self.part(from, to)
            .iter()
            .filter(|hash| **hash != 0)
            .count()
    }

    /// One number for all entries from that number on and up to the other.
    pub fn digest(&self, from: u64, to: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.part(from, to).hash(&mut hasher);
        hasher.finish()
    }

    /// The number from which on nothing is missing that the other one has, up to `to`.
    pub fn whole_from(&self, other: &Self, to: u64) -> u64 {
        let same = |seq: &u64| self.part(*seq, *seq) == other.part(*seq, *seq);
        to + 1 - (1..=to).rev().take_while(same).count() as u64
    }

    /// Whole lines of output so far.
    pub fn printed_lines(&self) -> usize {
        self.output.len()
    }

    /// Whether these lines were printed one after the other.
    pub fn printed(&self, lines: &[String]) -> bool {
        let wanted: Vec<u64> = lines.iter().map(|line| hash("output", line)).collect();
        let mut runs = self.output.windows(wanted.len().max(1));
        wanted.is_empty() || runs.any(|run| run == wanted)
    }

    fn part(&self, from: u64, to: u64) -> &[u64] {
        let index = |seq: u64| {
            usize::try_from(seq)
                .unwrap_or(usize::MAX)
                .min(self.entries.len())
        };
        self.entries
            .get(index(from)..index(to + 1))
            .unwrap_or_default()
    }

    fn take(&mut self, seq: u64, kind: &str, text: &str) {
        let hash = hash(kind, text);
        let index = usize::try_from(seq).expect("a small number");
        if index >= self.entries.len() {
            self.entries.resize(index + 1, 0);
        }
        let known = std::mem::replace(&mut self.entries[index], hash);
        if known != 0 {
            self.fault(format!("{seq} came twice: {text}"));
        }
        if kind == "output" {
            if seq <= self.last {
                self.fault(format!("{seq} came after {}: {text}", self.last));
            }
            self.last = seq;
            self.output.push(hash);
        }
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS {
            self.faults.push(fault);
        }
    }
}

/// Never 0.
fn hash(kind: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, text).hash(&mut hasher);
    hasher.finish() | 1
}
