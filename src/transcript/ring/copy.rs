//! A ring that is the copy of another one: it takes that one's entries, with their numbers.

use super::{CHUNK_BYTES, Held, Open, Ring, Run};
use crate::transcript::entry::{Ending, Entry, Kind, Seq, Time};

/// Bytes of the longest entry that is taken from elsewhere.
const ENTRY_BYTES_MAX: usize = CHUNK_BYTES / 2;

impl Ring {
    /// Takes an entry of another ring. Its bytes are those after the first `seen`, which were taken before, while it was
    /// open. What is known is not taken again. Where entries are missing before it, all that is older is forgotten: a history has no holes.
    pub fn copy(&mut self, entry: Entry<'_>, seen: usize) {
        let bytes = entry.bytes.get(..ENTRY_BYTES_MAX).unwrap_or(entry.bytes);
        let continues = self.open.is_some() && entry.seq == self.stored;
        if entry.seq < self.next() && !continues {
            return;
        }
        if entry.seq > self.next() || (continues && entry.kind != Kind::Output) {
            self.restart(entry.seq);
        }
        if entry.kind != Kind::Output {
            return self.copy_note(&entry, bytes);
        }
        if self.open.is_some() && !continues {
            // Only a line that will not be completed is followed by another one.
            self.restart(entry.seq);
        }
        let open = self.open.get_or_insert_with(|| Open {
            time: entry.time,
            text: Vec::new(),
        });
        let known = open.text.len().checked_sub(seen);
        let new = known.and_then(|known| bytes.get(known..));
        let new = new.unwrap_or_default();
        open.text.extend_from_slice(new);
        if entry.ending == Ending::Open {
            return;
        }
        let Some(mut open) = self.open.take() else {
            return;
        };
        if entry.ending == Ending::Whole {
            open.text.push(b'\n');
        }
        let run = Run {
            first: 0,
            time: open.time,
            kind: Kind::Output,
            who: None,
            lost: entry.ending == Ending::Lost,
        };
        self.store(run, &open.text);
        self.store_held();
    }

    /// Takes whole lines of output, each with its newline, the first of which has that number.
    pub fn copy_lines(&mut self, first: Seq, time: Time, mut bytes: &[u8]) {
        let known = self.next().saturating_sub(first);
        for _ in 0..known {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                return;
            };
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        if first > self.next() || self.open.is_some() {
            self.restart(first);
        }
        let lines = self.lines;
        self.store_lines(time, bytes);
        // The other ring counts.
        self.lines = lines;
    }

    /// Forgets everything; the next entry has that number.
    pub fn restart(&mut self, next: Seq) {
        self.open = None;
        self.held.clear();
        let kept = self.chunks.pop_back();
        self.chunks.clear();
        self.used = 0;
        self.stored = next;
        if let Some(mut chunk) = kept {
            chunk.first = next;
            chunk.text.clear();
            chunk.ends.clear();
            chunk.runs.clear();
            self.used = CHUNK_BYTES;
            self.chunks.push_back(chunk);
        }
    }

    /// The number of the entry with which a copy goes on: an open line is taken again, from where it is known.
    pub fn resume_at(&self) -> Seq {
        self.stored
    }

    /// Lines and bytes of output that the other ring has counted.
    pub fn set_totals(&mut self, lines: u64, bytes: u64) {
        let open = u64::from(self.open.is_some());
        (self.lines, self.bytes) = (lines.saturating_sub(open), bytes);
    }

    fn copy_note(&mut self, entry: &Entry<'_>, bytes: &[u8]) {
        let who = entry.who.map(std::sync::Arc::from);
        let (time, kind) = (entry.time, entry.kind);
        if self.open.is_some() {
            let text = String::from_utf8_lossy(bytes).into_owned();
            if self.held.len() < super::HELD_ENTRIES {
                self.held.push(Held {
                    time,
                    kind,
                    who,
                    text,
                });
            }
            return;
        }
        let run = Run {
            first: 0,
            time,
            kind,
            who,
            lost: false,
        };
        self.store(run, bytes);
    }
}
