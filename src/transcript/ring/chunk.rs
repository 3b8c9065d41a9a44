//! One chunk of a transcript's memory: the text of whole entries, one after the other, and where each ends.

use std::sync::Arc;

use super::CHUNK_BYTES;
use crate::transcript::entry::{Ending, Entry, Kind, Seq, Time};

/// Whole entries, at most [`CHUNK_BYTES`] of text.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) first: Seq,
    pub(super) text: Vec<u8>,
    /// End of each entry in `text`; output entries that ended with a newline include it.
    pub(super) ends: Vec<u32>,
    pub(super) runs: Vec<Run>,
}

/// Entries of a chunk, from `first` up to the next run, that share everything but their text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) time: Time,
    pub(super) kind: Kind,
    pub(super) who: Option<Arc<str>>,
    /// The (single) line of this run was lost in the middle.
    pub(super) lost: bool,
}

impl Chunk {
    /// Begins a run unless the last one is the same.
    pub(super) fn begin(&mut self, mut run: Run) {
        run.first = end_at(self.ends.len());
        let same = self.runs.last().is_some_and(|last| {
            Run {
                first: run.first,
                ..last.clone()
            } == run
        });
        if !same || run.lost {
            self.runs.push(run);
        }
    }

    pub(super) fn entry(&self, index: usize) -> Option<Entry<'_>> {
        let run = self
            .runs
            .partition_point(|run| run.first as usize <= index)
            .checked_sub(1)?;
        self.entry_of(index, self.runs.get(run)?)
    }

    pub(super) fn entries(&self, skip: usize) -> impl Iterator<Item = Entry<'_>> {
        let mut run = self
            .runs
            .partition_point(|run| run.first as usize <= skip)
            .saturating_sub(1);
        (skip..self.ends.len()).map_while(move |index| {
            if self
                .runs
                .get(run + 1)
                .is_some_and(|next| next.first as usize <= index)
            {
                run += 1;
            }
            self.entry_of(index, self.runs.get(run)?)
        })
    }

    fn entry_of<'a>(&'a self, index: usize, run: &'a Run) -> Option<Entry<'a>> {
        let end = *self.ends.get(index)? as usize;
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |end| *end as usize);
        let text = self.text.get(start..end)?;
        let (bytes, ending) = match (run.kind, text.strip_suffix(b"\n")) {
            (Kind::Output, _) if run.lost => (text, Ending::Lost),
            (Kind::Output, Some(line)) => (line, Ending::Whole),
            (Kind::Output, None) => (text, Ending::Folded),
            _ => (text, Ending::Whole),
        };
        let seq = self.first + index as u64;
        Some(Entry {
            seq,
            time: run.time,
            kind: run.kind,
            who: run.who.as_deref(),
            bytes,
            ending,
        })
    }

    pub(super) fn memory(&self) -> usize {
        CHUNK_BYTES
            + self.ends.capacity() * size_of::<u32>()
            + self.runs.capacity() * size_of::<Run>()
    }
}

/// An index into a chunk. Chunks are far smaller than 4 GiB.
pub(super) fn end_at(offset: usize) -> u32 {
    u32::try_from(offset).expect("a chunk's text and entries are bounded far below 2^32")
}
