//! Patterns, texts and differences in memory, piece by piece.

use super::machine::Machine;
use super::memory::{Fault, Memory};

/// How far a search got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    let (Some(first), Some(left)) = (pattern.first(), end.checked_sub(start)) else {
        return Ok(Progress::default());
    };
    let step = usize::try_from(step.clamp(1, STEP_BYTES)).unwrap_or(1);
    // Only hits that begin in this piece count; they may reach beyond it.
    let starts = left.min(STEP_BYTES - STEP_BYTES % step as u64);
    let looked = usize::try_from(left.min(starts.saturating_add(pattern.len() as u64 - 1)))
        .unwrap_or(usize::MAX);
    let bytes = memory.read_readable(start, looked)?;
    let mut progress = Progress::default();
    for (offset, window) in (0_u64..)
        .step_by(step)
        .zip(bytes.windows(pattern.len()).step_by(step))
    {
        if offset >= starts {
            break;
        }
        if window.first() != Some(&Some(*first))
            || !window
                .iter()
                .zip(pattern)
                .all(|(byte, want)| *byte == Some(*want))
        {
            continue;
        }
        let address = start.wrapping_add(offset);
        if progress.found.len() == HITS_MAX {
            progress.next = Some(address);
            return Ok(progress);
        }
        progress.found.push(address);
    }
    progress.next = (starts < left).then(|| start.wrapping_add(starts));
    Ok(progress)
}

/// Looks for printable texts of at least `length` characters: `s -sa`, and wide ones: `s -su`. Works through at most
/// [`STEP_BYTES`]; a text longer than that is found in pieces.
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
    let Some(left) = end.checked_sub(start) else {
        return Ok(Progress::default());
    };
    let looked = left.min(STEP_BYTES);
    let bytes = memory.read_readable(start, usize::try_from(looked).unwrap_or(usize::MAX))?;
    let width: usize = if wide { 2 } else { 1 };
    let printable = |unit: &[Option<u8>]| match unit {
        [Some(letter)] | [Some(letter), Some(0)] => matches!(letter, 0x20..0x7f | b'\t'),
        _ => false,
    };
    let mut progress = Progress::default();
    let mut run = 0;
    for (offset, unit) in (0_u64..).step_by(width).zip(bytes.chunks_exact(width)) {
        if printable(unit) {
            run += 1;
            // A text is told where it begins, as soon as it is long enough.
            if run == length.max(1) {
                let address = start
                    .wrapping_add(offset)
                    .wrapping_sub((run - 1) as u64 * width as u64);
                progress.found.push(address);
                if progress.found.len() == HITS_MAX {
                    let rest = bytes
                        .chunks_exact(width)
                        .skip(usize::try_from(offset).unwrap_or(usize::MAX) / width);
                    let tail =
                        rest.take_while(|unit| printable(unit)).count() as u64 * width as u64;
                    let next = offset + tail;
                    progress.next = (next < left).then(|| start.wrapping_add(next));
                    return Ok(progress);
                }
            }
        } else {
            run = 0;
        }
    }
    // One that goes on beyond this piece, and was not told yet, begins the next.
    let kept = (run as u64).saturating_mul(width as u64);
    let back = if run < length && kept < looked {
        kept
    } else {
        0
    };
    progress.next = (looked < left).then(|| start.wrapping_add(looked - back));
    Ok(progress)
}

/// Bytes that differ between two ranges, as `c` prints them: one line each, from `offset` on and for at most
/// [`STEP_BYTES`] or [`HITS_MAX`] lines; and the offset to go on at.
///
/// # Errors
/// [`Fault::Missing`] only. Bytes that cannot be read differ.
pub fn differences(
    memory: &dyn Memory,
    machine: Machine,
    (left, right): (u64, u64),
    offset: u64,
    bytes: u64,
) -> Result<(Vec<String>, Option<u64>), Fault> {
    let step = bytes.saturating_sub(offset).min(STEP_BYTES);
    let count = usize::try_from(step).unwrap_or(usize::MAX);
    let (left, right) = (left.wrapping_add(offset), right.wrapping_add(offset));
    let left_bytes = memory.read_readable(left, count)?;
    let right_bytes = memory.read_readable(right, count)?;
    let shown =
        |byte: Option<u8>| byte.map_or_else(|| "??".to_owned(), |byte| format!("{byte:02x}"));
    let mut lines = Vec::new();
    for (at, (one, other)) in (0_u64..).zip(left_bytes.into_iter().zip(right_bytes)) {
        // What cannot be read is not known to be equal.
        if one == other && one.is_some() {
            continue;
        }
        if lines.len() == HITS_MAX {
            return Ok((lines, Some(offset + at)));
        }
        let (one_at, other_at) = (
            machine.address(left.wrapping_add(at)),
            machine.address(right.wrapping_add(at)),
        );
        lines.push(format!(
            "{one_at}  {} - {other_at}  {}",
            shown(one),
            shown(other)
        ));
    }
    let next = offset + step;
    Ok((lines, (next < bytes).then_some(next)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::memory::Image;

    #[test]
    fn a_pattern_is_found_across_holes_and_pieces() {
        let mut bytes = vec![0; STEP_BYTES as usize + 0x100];
        let border = STEP_BYTES as usize - 1;
        bytes[border..border + 2].copy_from_slice(b"MZ");
        bytes[0x10..0x12].copy_from_slice(b"MZ");
        let memory = Image::new(0x1000, bytes);
        let end = 0x1000 + STEP_BYTES + 0x200;
        let first = pattern(&memory, 0x1000, end, b"MZ", 1).unwrap();
        assert_eq!(first.found, [0x1010, 0x1000 + STEP_BYTES - 1]);
        assert_eq!(first.next, Some(0x1000 + STEP_BYTES));
        let second = pattern(&memory, first.next.unwrap(), end, b"MZ", 1).unwrap();
        assert_eq!(second, Progress::default());
    }

    #[test]
    fn words_are_looked_for_at_their_alignment() {
        let memory = Image::new(0x1000, [0, 1, 2, 1, 2, 0]);
        assert_eq!(
            pattern(&memory, 0x1000, 0x1006, &[1, 2], 2).unwrap(),
            Progress::default()
        );
        assert_eq!(
            pattern(&memory, 0x1000, 0x1006, &[1, 2], 1).unwrap().found,
            [0x1001, 0x1003]
        );
        assert_eq!(
            pattern(&memory, 0x1000, 0x1002, &[1, 2], 1).unwrap(),
            Progress::default()
        );
    }

    #[test]
    fn texts_are_told_once_where_they_begin() {
        let mut bytes = vec![0; STEP_BYTES as usize + 0x10];
        bytes[8..13].copy_from_slice(b"hello");
        let border = STEP_BYTES as usize - 2;
        bytes[border..border + 5].copy_from_slice(b"world");
        let memory = Image::new(0x1000, bytes);
        let end = 0x1000 + STEP_BYTES + 0x10;
        let first = texts(&memory, 0x1000, end, 3, false).unwrap();
        assert_eq!(first.found, [0x1008]);
        let second = texts(&memory, first.next.unwrap(), end, 3, false).unwrap();
        assert_eq!(second.found, [0x1000 + STEP_BYTES - 2]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn wide_texts_have_every_second_byte_zero() {
        let memory = Image::new(0x1000, *b"\x01\x02a\0b\0c\0\0\0ab");
        assert_eq!(
            texts(&memory, 0x1000, 0x100c, 3, true).unwrap().found,
            [0x1002]
        );
    }

    #[test]
    fn bytes_that_differ_are_shown_in_pairs() {
        let memory = Image::new(0x1000, [1, 2, 3, 1, 9]);
        let (lines, next) = differences(&memory, Machine::X86, (0x1000, 0x1003), 0, 3).unwrap();
        assert_eq!(
            lines,
            ["00001001  02 - 00001004  09", "00001002  03 - 00001005  ??"]
        );
        assert_eq!(next, None);
    }
}
