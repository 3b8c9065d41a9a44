//! Patterns, texts and differences in memory, piece by piece.

use super::memory::{Fault, Memory};

/// How far a search got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What was found, in order.
    pub found: Vec<u64>,
    /// Where to go on; `None` when the range is done.
    pub next: Option<u64>,
}

/// How much one call looks at. Bytes.
pub const STEP_BYTES: u64 = 64 << 10;

/// The most hits one call returns.
pub const HITS_MAX: usize = 4096;

/// Looks for `pattern` from `start` up to `end` (exclusive), at multiples of `step` bytes from `start`, for at most
/// [`STEP_BYTES`]. Unreadable memory is passed over.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn pattern(
    memory: &dyn Memory,
    start: u64,
    end: u64,
    pattern: &[u8],
    step: u64,
) -> Result<Progress, Fault> {
    let _ = (memory, start, end, pattern, step);
    unimplemented!()
}

/// Looks for printable texts of at least `length` characters: `s -sa`, and wide ones: `s -su`.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn texts(
    memory: &dyn Memory,
    start: u64,
    end: u64,
    length: usize,
    wide: bool,
) -> Result<Progress, Fault> {
    let _ = (memory, start, end, length, wide);
    unimplemented!()
}

/// Bytes that differ between two ranges, as `c` prints them: one line each, at most [`HITS_MAX`] from `offset` on and
/// for at most [`STEP_BYTES`]; and the offset to go on at.
///
/// # Errors
/// [`Fault::Missing`] only. Bytes that cannot be read on one side differ.
pub fn differences(
    memory: &dyn Memory,
    machine: super::machine::Machine,
    (left, right): (u64, u64),
    offset: u64,
    bytes: u64,
) -> Result<(Vec<String>, Option<u64>), Fault> {
    let _ = (memory, machine, left, right, offset, bytes);
    unimplemented!()
}
