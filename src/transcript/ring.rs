//! The bounded memory of a transcript: chunks of whole entries, and the line that is still open.
//!
//! Not shared and not locked: [`super::Transcript`] does that. Output is stored as it came, newlines included, one copy
//! for each read of the link; a chunk keeps the end of each entry (four bytes a line) and one run for each stretch
//! of entries that have time, kind and person in common.

mod chunk;
mod copy;

pub use self::copy::Lines;

use std::collections::VecDeque;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memrchr};

use self::chunk::{Chunk, Run, end_at};
use super::entry::{Ending, Entry, Kind, Seq, Time};

/// Bytes of text in one chunk, the grain in which history is dropped. Large enough that a flood allocates rarely.
pub const CHUNK_BYTES: usize = 128 << 10;
/// Entries in one chunk, so that the index of a flood of empty lines takes no more memory than the text.
const CHUNK_ENTRIES: usize = CHUNK_BYTES / size_of::<u32>();
/// Entries that may wait behind an open line; one more ends the line. People type few commands at one prompt.
const HELD_ENTRIES: usize = 64;

/// Longest line that is kept in one entry, whatever is asked for. Bytes; half a chunk, so that no chunk is mostly empty.
pub const LINE_LIMIT_BYTES_MAX: usize = CHUNK_BYTES / 2;

/// Bounds of one transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory for the history, bytes. At least one chunk is always kept.
    pub bytes: usize,
    /// Longest line kept in one entry, bytes; longer ones are folded. At most [`LINE_LIMIT_BYTES_MAX`].
    pub line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            line: 16 << 10,
        }
    }
}

/// The entries of one transcript, oldest first, within [`Limits`].
#[derive(Debug)]
pub struct Ring {
    limits: Limits,
    /// Full chunks and the one being filled. All entries in them are complete.
    chunks: VecDeque<Chunk>,
    /// The chunks' memory, bytes.
    used: usize,
    /// Number of the next entry that will be stored in a chunk.
    stored: Seq,
    /// The line that has not ended yet.
    open: Option<Open>,
    /// Entries that came while a line was open; they follow it.
    held: Vec<Held>,
    lines: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Open {
    time: Time,
    text: Vec<u8>,
}

#[derive(Debug)]
struct Held {
    time: Time,
    kind: Kind,
    who: Option<Arc<str>>,
    text: String,
}

impl Ring {
    /// An empty ring.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: clamped(limits),
            chunks: VecDeque::new(),
            used: 0,
            stored: 1,
            open: None,
            held: Vec::new(),
            lines: 0,
            bytes: 0,
        }
    }

    /// Number of the oldest entry that is still there; equals [`Ring::next`] when there is none.
    pub fn first(&self) -> Seq {
        self.chunks.front().map_or(self.stored, |chunk| chunk.first)
    }

    /// Number that the next new entry will get.
    pub fn next(&self) -> Seq {
        self.stored + u64::from(self.open.is_some()) + self.held.len() as u64
    }

    /// Lines of output so far, an open one included, dropped ones too.
    pub fn output_lines(&self) -> u64 {
        self.lines + u64::from(self.open.is_some())
    }

    /// Bytes of output so far, dropped ones too.
    pub fn output_bytes(&self) -> u64 {
        self.bytes
    }

    /// Memory in use for the history, bytes.
    pub fn memory(&self) -> usize {
        self.used
    }

    /// Memory of the chunks that hold complete entries from `seq` on, bytes.
    pub fn memory_from(&self, seq: Seq) -> usize {
        let chunks = self.chunks.iter().rev();
        let holds = |chunk: &&Chunk| chunk.first + chunk.ends.len() as u64 > seq;
        chunks.take_while(holds).map(Chunk::memory).sum()
    }

    /// Whether entries wait behind an open line.
    pub fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// The bounds in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The entry with that number, unless it was dropped or is still to come.
    pub fn entry(&self, seq: Seq) -> Option<Entry<'_>> {
        if seq < self.stored {
            let at = self
                .chunks
                .partition_point(|chunk| chunk.first <= seq)
                .checked_sub(1)?;
            let chunk = self.chunks.get(at)?;
            return chunk.entry(usize::try_from(seq - chunk.first).ok()?);
        }
        let mut behind = seq - self.stored;
        if let Some(open) = &self.open {
            if behind == 0 {
                let (kind, ending) = (Kind::Output, Ending::Open);
                return Some(Entry {
                    seq,
                    time: open.time,
                    kind,
                    who: None,
                    bytes: &open.text,
                    ending,
                });
            }
            behind -= 1;
        }
        let held = self.held.get(usize::try_from(behind).ok()?)?;
        let (who, bytes) = (held.who.as_deref(), held.text.as_bytes());
        Some(Entry {
            seq,
            time: held.time,
            kind: held.kind,
            who,
            bytes,
            ending: Ending::Whole,
        })
    }

    /// Entries from `seq` on, or from the oldest that is left.
    pub fn entries(&self, seq: Seq) -> impl Iterator<Item = Entry<'_>> {
        let from = seq.max(self.first());
        let chunk = self
            .chunks
            .partition_point(|chunk| chunk.first <= from)
            .saturating_sub(1);
        let stored = self.chunks.iter().skip(chunk).flat_map(move |chunk| {
            let skip = usize::try_from(from.saturating_sub(chunk.first)).unwrap_or(usize::MAX);
            chunk.entries(skip)
        });
        let rest = (from.max(self.stored)..self.next()).map_while(|seq| self.entry(seq));
        stored.chain(rest)
    }

    /// The line that has not ended, if there is one.
    pub fn open_line(&self) -> Option<Entry<'_>> {
        self.open.as_ref().and_then(|_| self.entry(self.stored))
    }

    /// The newest entry.
    pub fn last(&self) -> Option<Entry<'_>> {
        self.entry(self.next().checked_sub(1)?)
    }

    /// Appends what the target printed.
    pub fn output(&mut self, time: Time, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let Some(last) = memrchr(b'\n', bytes) else {
            return self.extend_open(time, bytes);
        };
        let (mut whole, tail) = bytes.split_at(last + 1);
        if self.open.is_some() {
            let end = memchr(b'\n', whole).map_or(whole.len(), |at| at + 1);
            let (head, rest) = whole.split_at(end);
            self.extend_open(time, head);
            whole = rest;
        }
        self.store_lines(time, whole);
        if !tail.is_empty() {
            self.extend_open(time, tail);
        }
    }

    /// Appends an entry that is not output; returns its number.
    pub fn note(&mut self, time: Time, kind: Kind, who: Option<&str>, text: &str) -> Seq {
        let who = who.map(Arc::from);
        let text = clip(text, self.limits.line);
        if self.held.len() >= HELD_ENTRIES {
            self.end_line();
        }
        let seq = self.next();
        if self.open.is_some() {
            self.held.push(Held {
                time,
                kind,
                who,
                text: text.to_owned(),
            });
        } else {
            self.store(
                Run {
                    first: 0,
                    time,
                    kind,
                    who,
                    lost: false,
                },
                text.as_bytes(),
            );
        }
        seq
    }

    /// Ends an open line that will never be completed.
    pub fn end_line(&mut self) {
        if let Some(open) = self.open.take() {
            self.lines += 1;
            self.store(
                Run {
                    first: 0,
                    time: open.time,
                    kind: Kind::Output,
                    who: None,
                    lost: true,
                },
                &open.text,
            );
            self.store_held();
        }
    }

    /// Changes the bounds and drops what is over them.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = clamped(limits);
        while self.used > self.limits.bytes && self.chunks.len() > 1 {
            self.drop_oldest();
        }
    }

    /// Adds to the open line, which `bytes` ends if it ends with a newline (it has no other one).
    fn extend_open(&mut self, time: Time, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let open = self.open.get_or_insert_with(|| Open {
                time,
                text: Vec::new(),
            });
            let room = self.limits.line.saturating_sub(open.text.len());
            let ends = bytes.last() == Some(&b'\n') && bytes.len() <= room + 1;
            let take = if ends {
                bytes.len()
            } else {
                room.min(bytes.len())
            };
            let (head, rest) = bytes.split_at(take);
            open.text.extend_from_slice(head);
            bytes = rest;
            // A line at its limit is folded only when more of it comes.
            if (ends || (open.text.len() >= self.limits.line && !bytes.is_empty()))
                && let Some(open) = self.open.take()
            {
                self.lines += u64::from(ends);
                self.store(
                    Run {
                        first: 0,
                        time: open.time,
                        kind: Kind::Output,
                        who: None,
                        lost: false,
                    },
                    &open.text,
                );
                self.store_held();
            }
        }
    }

    fn store_held(&mut self) {
        for held in std::mem::take(&mut self.held) {
            let run = Run {
                first: 0,
                time: held.time,
                kind: held.kind,
                who: held.who,
                lost: false,
            };
            self.store(run, held.text.as_bytes());
        }
    }

    /// Stores complete lines, each with its newline: the hot path of a flood.
    fn store_lines(&mut self, time: Time, mut lines: &[u8]) {
        let limit = self.limits.line;
        while !lines.is_empty() {
            let chunk = self.chunk_with_room(1);
            chunk.begin(Run {
                first: 0,
                time,
                kind: Kind::Output,
                who: None,
                lost: false,
            });
            let base = chunk.text.len();
            let before = chunk.ends.len();
            let room = CHUNK_BYTES - base;
            let (mut start, mut complete) = (0, 0);
            'lines: for newline in memchr_iter(b'\n', lines) {
                let end = newline + 1;
                if end > room && newline - start <= limit {
                    break;
                }
                while newline - start > limit {
                    if start + limit > room || chunk.ends.len() >= CHUNK_ENTRIES {
                        break 'lines;
                    }
                    start += limit;
                    chunk.ends.push(end_at(base + start));
                }
                if end > room || chunk.ends.len() >= CHUNK_ENTRIES {
                    break;
                }
                chunk.ends.push(end_at(base + end));
                start = end;
                complete += 1;
            }
            let (stored, rest) = lines.split_at(start);
            chunk.text.extend_from_slice(stored);
            let added = (chunk.ends.len() - before) as u64;
            self.stored += added;
            self.lines += complete;
            lines = rest;
            if added == 0 {
                self.new_chunk();
            }
        }
    }

    /// Stores one complete entry.
    fn store(&mut self, run: Run, text: &[u8]) {
        let chunk = self.chunk_with_room(text.len());
        chunk.begin(run);
        chunk.text.extend_from_slice(text);
        chunk.ends.push(end_at(chunk.text.len()));
        self.stored += 1;
    }

    fn chunk_with_room(&mut self, bytes: usize) -> &mut Chunk {
        let full = self.chunks.back().is_none_or(|chunk| {
            chunk.text.len() + bytes > CHUNK_BYTES || chunk.ends.len() >= CHUNK_ENTRIES
        });
        if full {
            self.new_chunk();
        }
        self.chunks
            .back_mut()
            .expect("a chunk was pushed if there was none")
    }

    /// Begins a chunk, in the memory of the oldest one when the bounds are reached.
    fn new_chunk(&mut self) {
        if let Some(back) = self.chunks.back() {
            if back.ends.is_empty() {
                return;
            }
            self.used += back.memory() - CHUNK_BYTES;
        }
        let mut chunk = None;
        while self.used + CHUNK_BYTES > self.limits.bytes && !self.chunks.is_empty() {
            chunk = self.drop_oldest();
        }
        let mut chunk = chunk.unwrap_or_else(|| Chunk {
            first: 0,
            text: Vec::with_capacity(CHUNK_BYTES),
            ends: Vec::new(),
            runs: Vec::new(),
        });
        chunk.first = self.stored;
        chunk.text.clear();
        chunk.ends.clear();
        chunk.ends.shrink_to(CHUNK_ENTRIES / 16);
        chunk.runs = Vec::new();
        self.used += CHUNK_BYTES;
        self.chunks.push_back(chunk);
    }

    fn drop_oldest(&mut self) -> Option<Chunk> {
        let old = self.chunks.pop_front()?;
        self.used = self.used.saturating_sub(old.memory());
        Some(old)
    }
}

fn clamped(limits: Limits) -> Limits {
    Limits {
        bytes: limits.bytes.max(CHUNK_BYTES),
        line: limits.line.clamp(1, LINE_LIMIT_BYTES_MAX),
    }
}

/// As much of `text` as fits in `limit` bytes, cut between characters.
fn clip(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests;
