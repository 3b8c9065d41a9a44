//! One record put together from its fragments, whatever their order.

use super::record::{Header, Line};

/// Longest record that is put together, in bytes of escaped text. The kernel's own limit is a quarter of it.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// The bytes of one record, and which of them came.
#[derive(Debug)]
pub(super) struct Fragments {
    header: Header,
    bytes: Vec<u8>,
    present: Vec<bool>,
    missing: usize,
}

/// The fragment does not belong to this record, or to any.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit;

impl Fragments {
    pub(super) fn new(header: Header, total: usize) -> Result<Self, Misfit> {
        if total == 0 || total > RECORD_BYTES_MAX {
            return Err(Misfit);
        }
        Ok(Self {
            header,
            bytes: vec![0; total],
            present: vec![false; total],
            missing: total,
        })
    }

    /// Takes one fragment. Bytes that were there already stay as they are.
    pub(super) fn add(&mut self, offset: usize, total: usize, part: &[u8]) -> Result<(), Misfit> {
        let end = offset.checked_add(part.len()).ok_or(Misfit)?;
        if total != self.bytes.len() {
            return Err(Misfit);
        }
        let bytes = self.bytes.get_mut(offset..end).ok_or(Misfit)?;
        let present = self.present.get_mut(offset..end).ok_or(Misfit)?;
        for ((byte, present), new) in bytes.iter_mut().zip(present).zip(part) {
            if !*present {
                *present = true;
                *byte = *new;
                self.missing -= 1;
            }
        }
        Ok(())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// The line, with marks where bytes are missing.
    pub(super) fn line(&self) -> Line {
        // Escapes may be cut by a fragment's end, so only real holes part one run from the next.
        let mut runs = Vec::new();
        let mut start = 0;
        for group in self.present.chunk_by(|left, right| left == right) {
            let end = start + group.len();
            if group.first() == Some(&true) {
                runs.push((self.bytes.get(start..end).unwrap_or_default(), 0));
            } else if let Some((_, missing)) = runs.last_mut() {
                *missing = group.len();
            } else {
                runs.push((&[][..], group.len()));
            }
            start = end;
        }
        self.header.line(&runs)
    }
}
