//! Memory as far as it has been fetched.

use std::ops::Range;

use super::{Fault, Memory};

/// The size of a line of the cache: one page.
pub const LINE_BYTES: u64 = 4096;

/// How many lines a cache holds unless told otherwise: 8 MiB, more than one function here ever looks at.
pub const LINES_MAX: usize = 2048;

/// Fetched memory. What is fetched is kept byte by byte; the oldest line makes room for a new one.
#[derive(Debug)]
pub struct Cache {
    granule: u64,
}

impl Cache {
    /// An empty cache. A fault asks for whole granules of `granule` bytes (a power of two up to [`LINE_BYTES`]):
    /// 1 asks for exactly what is wanted, more saves round trips.
    pub fn new(granule: u64) -> Self {
        Self { granule }
    }
    /// The same with another bound than [`LINES_MAX`], in lines.
    pub fn with_lines(granule: u64, lines: usize) -> Self {
        unimplemented!("{granule}{lines}")
    }
    /// These bytes are known now.
    pub fn insert(&mut self, address: u64, bytes: &[u8]) {
        unimplemented!("{address}{bytes:?}")
    }
    /// These bytes cannot be read.
    pub fn insert_unreadable(&mut self, address: u64, bytes: usize) {
        unimplemented!("{address}{bytes}")
    }
    /// Takes the answer to a fetch of `wanted` bytes that ended at an unreadable byte after `bytes`: the rest of the
    /// page it is on is unreadable, what was wanted beyond it stays unknown.
    pub fn insert_partial(&mut self, address: u64, bytes: &[u8], wanted: usize) {
        unimplemented!("{address}{bytes:?}{wanted}")
    }
    /// Forgets everything but the overlays: the target ran.
    pub fn clear(&mut self) {
        unimplemented!()
    }
    /// Forgets a range: it was written.
    pub fn forget(&mut self, range: Range<u64>) {
        unimplemented!("{range:?}")
    }
    /// Shows `original` at `address` whatever the target's memory holds there: a breakpoint of ours lies on it.
    pub fn overlay(&mut self, address: u64, original: &[u8]) {
        unimplemented!("{address}{original:?}")
    }
    /// Shows again what the target's memory holds at `address`.
    pub fn remove_overlay(&mut self, address: u64) {
        unimplemented!("{address}")
    }
}

impl Memory for Cache {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault> {
        unimplemented!("{address}{into:?}{}", self.granule)
    }
}
