//! A ring that is the copy of another one: it takes that one's entries, with their numbers.

use super::{CHUNK_BYTES, Chunk, Held, Open, Ring, Run};
use crate::transcript::entry::{Ending, Entry, Kind, Seq, Time};

/// Bytes of the longest entry that is taken from elsewhere.
const ENTRY_BYTES_MAX: usize = CHUNK_BYTES / 2;

/// Whole lines of output that were appended at the same time, as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines<'a> {
    /// The number of the first.
    pub first: Seq,
    /// How many.
    pub count: u64,
    /// When they came.
    pub time: Time,
    /// All of them, each with its newline.
    pub bytes: &'a [u8],
}

impl Ring {
    /// The whole lines of one time from that entry on, as many as begin within so many bytes; `None` if that entry is
    /// none.
    pub fn lines(&self, seq: Seq, bytes: usize) -> Option<Lines<'_>> {
        let chunks = self.chunks.partition_point(|chunk| chunk.first <= seq);
        let chunk = self.chunks.get(chunks.checked_sub(1)?)?;
        chunk.lines(usize::try_from(seq - chunk.first).ok()?, bytes)
    }

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
        // The other ring has none that is longer.
        let room = ENTRY_BYTES_MAX.saturating_sub(open.text.len());
        let new = new.get(..room).unwrap_or(new);
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
        let known = self.stored.saturating_sub(first);
        for _ in 0..known {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                return;
            };
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        if bytes.is_empty() {
            return;
        }
        if first > self.stored {
            self.restart(first);
        } else {
            // The line that was open comes whole, and what waited behind it comes again.
            self.open = None;
            self.held.clear();
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

impl Chunk {
    fn lines(&self, index: usize, bytes: usize) -> Option<Lines<'_>> {
        let runs = self.runs.partition_point(|run| run.first as usize <= index);
        let run = self.runs.get(runs.checked_sub(1)?)?;
        if run.kind != Kind::Output || run.lost {
            return None;
        }
        let after = self.runs.get(runs).map(|next| next.first as usize);
        let ends = self.ends.get(index..after.unwrap_or(self.ends.len()))?;
        let before = index.checked_sub(1).map(|before| self.ends.get(before));
        let start = before.map_or(Some(0), |end| end.map(|end| *end as usize))?;
        let (mut end, mut count) = (start, 0);
        for next in ends {
            let next = *next as usize;
            let is_whole = self.text.get(end..next)?.ends_with(b"\n");
            if !is_whole || end - start >= bytes {
                break;
            }
            (end, count) = (next, count + 1);
        }
        (count > 0).then_some(Lines {
            first: self.first + index as u64,
            count,
            time: run.time,
            bytes: self.text.get(start..end)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transcript::{Limits, Reader, Step};

    /// Something that happens to the original, or that its reader reads so many steps and hands them on.
    #[derive(Debug, Clone)]
    enum Act {
        Output(Vec<u8>),
        Note(Kind, String),
        EndLine,
        Read(usize),
        /// The line to the copy is made again: it goes on where the copy is.
        Resume,
    }

    fn act() -> impl Strategy<Value = Act> {
        let text = prop_oneof![
            Just(b"line\n".to_vec()),
            Just(b"part".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"two\nlines and a part".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..40),
            Just(vec![b'x'; 300]),
            Just(b"many\n".repeat(20_000)),
        ];
        let kind = prop_oneof![Just(Kind::Command), Just(Kind::Reply), Just(Kind::Notice)];
        prop_oneof![
            4 => text.prop_map(Act::Output),
            2 => (kind, ".{0,8}").prop_map(|(kind, text)| Act::Note(kind, text)),
            1 => Just(Act::EndLine),
            4 => (1..20_usize).prop_map(Act::Read),
            1 => Just(Act::Resume),
        ]
    }

    type Whole = (Seq, Kind, Vec<u8>, Ending, Option<String>);

    fn all(ring: &Ring) -> Vec<Whole> {
        let entries = ring.entries(0);
        let entry = |entry: Entry<'_>| {
            let who = entry.who.map(String::from);
            let bytes = entry.bytes.to_vec();
            (entry.seq, entry.kind, bytes, entry.ending, who)
        };
        entries.map(entry).collect()
    }

    /// Hands on up to so many steps; false if there were no more.
    fn hand_on(reader: &mut Reader, original: &Ring, copy: &mut Ring, steps: usize) -> bool {
        let mut left = steps;
        while left > 0
            && let Some(lines) = reader.lines(original, 50)
        {
            copy.copy_lines(lines.first, lines.time, lines.bytes);
            left -= 1;
        }
        if left == 0 {
            return true;
        }
        reader.read(original, true, |step| {
            if let Step::Entry(entry, seen) = step {
                let rest = entry.bytes.get(seen..).expect("what was seen is there");
                let whole = entry.ending == Ending::Whole && seen == 0;
                if entry.kind == Kind::Output && whole {
                    let line = [rest, b"\n"].concat();
                    copy.copy_lines(entry.seq, entry.time, &line);
                } else {
                    let entry = Entry {
                        bytes: rest,
                        ..entry
                    };
                    copy.copy(entry, seen);
                }
            }
            left -= 1;
            left > 0
        });
        left == 0
    }

    #[test]
    fn a_line_that_was_open_when_the_line_was_cut_comes_whole_and_nothing_is_forgotten() {
        let (mut original, mut copy) = (Ring::new(Limits::default()), Ring::new(Limits::default()));
        original.output(Time(1), b"before\nlogin: ");
        let mut reader = Reader::default();
        hand_on(&mut reader, &original, &mut copy, 1000);
        original.output(Time(2), b"root\nafter\n");
        let mut reader = Reader::from(copy.resume_at());
        hand_on(&mut reader, &original, &mut copy, 1000);
        assert_eq!(all(&copy), all(&original));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_copy_ends_up_as_the_original_whatever_happens(acts in proptest::collection::vec(act(), 0..60)) {
            let limits = Limits { bytes: 1 << 20, line: 256 };
            let (mut original, mut copy) = (Ring::new(limits), Ring::new(Limits { bytes: 4 << 20, ..limits }));
            let mut reader = Reader::default();
            for (at, act) in acts.into_iter().enumerate() {
                let time = Time(at as i64);
                match act {
                    Act::Output(bytes) => original.output(time, &bytes),
                    Act::Note(kind, text) => drop(original.note(time, kind, Some("a"), &text)),
                    Act::EndLine => original.end_line(),
                    Act::Read(steps) => drop(hand_on(&mut reader, &original, &mut copy, steps)),
                    Act::Resume => reader = Reader::from(copy.resume_at()),
                }
            }
            while hand_on(&mut reader, &original, &mut copy, 1000) {}
            let (original, copy) = (all(&original), all(&copy));
            // Either may have dropped more of what is old.
            let common = original.len().min(copy.len());
            prop_assert!(common > 0 || original.is_empty());
            prop_assert_eq!(&original[original.len() - common..], &copy[copy.len() - common..]);
        }
    }
}
