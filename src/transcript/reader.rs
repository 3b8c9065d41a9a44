//! A position in a transcript, and what there is to read from it.

use super::entry::{Ending, Entry, Seq};
use super::ring::{Lines, Ring};

/// One reader's place in one transcript: every entry is read once, and an open line in pieces while it grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The first entry that was not read to its end.
    next: Seq,
    /// Bytes of entry `next` that were read while it was open.
    seen: usize,
    /// The first entry behind an open line that was not read.
    ahead: Seq,
}

/// What a reader meets at its place.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// So many entries were dropped before they could be read.
    Missed(u64),
    /// An entry, and how many of its bytes were read before, while it was open.
    Entry(Entry<'a>, usize),
}

impl Default for Reader {
    fn default() -> Self {
        Self::from(1)
    }
}

impl Reader {
    /// A reader whose first entry is `seq`.
    pub fn from(seq: Seq) -> Self {
        Self {
            next: seq,
            seen: 0,
            ahead: seq,
        }
    }

    /// The first entry that it has not read to its end.
    pub fn position(&self) -> Seq {
        self.next
    }

    /// Reads on: calls `take` for each step until it returns false or there is nothing new. The step for which `take`
    /// returns false counts as read.
    ///
    /// Entries that wait behind an open line are read with it if `past_open`, else once it has ended.
    pub fn read<'a>(
        &mut self,
        ring: &'a Ring,
        past_open: bool,
        mut take: impl FnMut(Step<'a>) -> bool,
    ) {
        if self.next < ring.first() {
            let missed = ring.first() - self.next;
            *self = Self::from(ring.first());
            if !take(Step::Missed(missed)) {
                return;
            }
        }
        for entry in ring.entries(self.next) {
            if entry.ending == Ending::Open {
                let seen = std::mem::replace(&mut self.seen, entry.bytes.len());
                if entry.bytes.len() > seen && !take(Step::Entry(entry, seen)) {
                    return;
                }
                if past_open {
                    self.read_ahead(ring, entry.seq + 1, take);
                }
                return;
            }
            let seen = std::mem::take(&mut self.seen);
            self.next = entry.seq + 1;
            if (entry.seq >= self.ahead || entry.kind == super::Kind::Output)
                && !take(Step::Entry(entry, seen))
            {
                return;
            }
        }
    }

    /// Reads the whole lines that are next, of one time and as many as begin within so many bytes, in one piece. `None`
    /// if something else is next: [`Reader::read`] tells what.
    pub fn lines<'a>(&mut self, ring: &'a Ring, bytes: usize) -> Option<Lines<'a>> {
        if self.seen > 0 {
            return None;
        }
        let lines = ring.lines(self.next, bytes)?;
        self.next += lines.count;
        Some(lines)
    }

    fn read_ahead<'a>(
        &mut self,
        ring: &'a Ring,
        from: Seq,
        mut take: impl FnMut(Step<'a>) -> bool,
    ) {
        for entry in ring.entries(from.max(self.ahead)) {
            self.ahead = entry.seq + 1;
            if !take(Step::Entry(entry, 0)) {
                return;
            }
        }
    }
}
