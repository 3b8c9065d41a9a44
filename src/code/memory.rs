//! The memory of a stopped machine, as far as it is known.
//!
//! Reading never waits: what is not known yet is a [`Fault::Missing`] that says which bytes to fetch. The caller
//! puts them into a [`Cache`] and asks again. Everything in [`crate::code`] hands such a fault on unchanged and is
//! cheap to repeat.

mod cache;
mod image;

pub use cache::{Cache, LINE_BYTES, LINES_MAX};
pub use image::Image;

/// Why memory could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// These bytes are not known yet: fetch them and ask again. Never more than [`MISSING_BYTES_MAX`].
    #[error("{bytes} bytes at {address:#x} have not been fetched")]
    Missing {
        /// The first of them.
        address: u64,
        /// How many.
        bytes: usize,
    },
    /// The target cannot read this byte.
    #[error("the memory at {address:#x} cannot be read")]
    Unreadable {
        /// The first byte of the request that cannot be read.
        address: u64,
    },
}

/// The most bytes one [`Fault::Missing`] asks for: one MiB, a whole export directory of a kernel.
pub const MISSING_BYTES_MAX: usize = 1 << 20;

/// Memory of a stopped machine: virtual or physical, the caller knows.
pub trait Memory {
    /// Fills `into` from `address` on. Addresses wrap at the end of the address space.
    ///
    /// # Errors
    /// Which [`Fault`] it is depends on the first byte that is not there: one that cannot be read, or one that is not
    /// known yet.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault>;

    /// `count` bytes as far as they can be read: what cannot is `None`. Callers keep `count` small.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    fn read_readable(&self, address: u64, count: usize) -> Result<Vec<Option<u8>>, Fault> {
        let mut bytes = vec![0; count];
        let mut holes = vec![false; count];
        let mut at = 0;
        // The whole rest at once, so that a fault asks for all that is missing.
        while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
            let from = address.wrapping_add(at as u64);
            let bad = match self.read(from, rest) {
                Ok(()) => break,
                Err(Fault::Unreadable { address }) => address,
                Err(missing @ Fault::Missing { .. }) => return Err(missing),
            };
            let before = usize::try_from(bad.wrapping_sub(from))
                .map_or(0, |before| before.min(rest.len() - 1));
            if let Some(readable) = rest.get_mut(..before) {
                self.read(from, readable)?;
            }
            if let Some(hole) = holes.get_mut(at + before) {
                *hole = true;
            }
            at += before + 1;
        }
        let shown = |(byte, hole): (u8, bool)| (!hole).then_some(byte);
        Ok(bytes.into_iter().zip(holes).map(shown).collect())
    }

    /// A little-endian number of `bytes` (1 to 8) bytes.
    ///
    /// # Errors
    /// Like [`Memory::read`].
    fn number(&self, address: u64, bytes: usize) -> Result<u64, Fault> {
        let mut number = [0; 8];
        let length = bytes.min(number.len());
        if let Some(part) = number.get_mut(..length) {
            self.read(address, part)?;
        }
        Ok(u64::from_le_bytes(number))
    }

    /// The bytes from `address` up to a NUL, at most `limit` of them.
    ///
    /// # Errors
    /// Like [`Memory::read`], unless the NUL comes before the fault.
    fn text(&self, address: u64, limit: usize) -> Result<Vec<u8>, Fault> {
        let mut text = Vec::new();
        while text.len() < limit {
            let at = address.wrapping_add(text.len() as u64);
            // Pieces end at multiples of their size, so none crosses into a page the text does not reach.
            let left = TEXT_PIECE_BYTES - (at % TEXT_PIECE_BYTES as u64) as usize;
            let mut piece = [0; TEXT_PIECE_BYTES];
            let piece = piece
                .get_mut(..left.min(limit - text.len()))
                .unwrap_or_default();
            if let Err(fault) = self.read(at, piece) {
                let first = piece.get_mut(..1).unwrap_or_default();
                if matches!(fault, Fault::Missing { .. }) || self.read(at, first).is_err() {
                    return Err(fault);
                }
                if first == [0] {
                    break;
                }
                text.extend_from_slice(first);
                continue;
            }
            if let Some(end) = piece.iter().position(|&byte| byte == 0) {
                text.extend(piece.iter().take(end));
                break;
            }
            text.extend_from_slice(piece);
        }
        Ok(text)
    }
}

/// Text of the target as something that can be shown: printable ASCII, everything else a question mark.
pub fn printable(bytes: &[u8]) -> String {
    let printable = |&byte: &u8| {
        if matches!(byte, 0x20..0x7f) {
            char::from(byte)
        } else {
            '?'
        }
    };
    bytes.iter().map(printable).collect()
}

/// A fault that leaves a hole in what is shown is no failure: only what is missing has to be fetched.
///
/// # Errors
/// [`Fault::Missing`] only; what cannot be read is `None`.
pub fn readable<T>(result: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Unreadable { .. }) => Ok(None),
        Err(missing @ Fault::Missing { .. }) => Err(missing),
    }
}

/// How much [`Memory::text`] reads at once. Bytes; most names are shorter.
const TEXT_PIECE_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_its_nul_or_where_enough_was_read() {
        let memory = Image::new(0x1003, *b"PsLoadedModuleList and a long rest of it\0tail");
        assert_eq!(
            memory.text(0x1003, 100).unwrap(),
            b"PsLoadedModuleList and a long rest of it"
        );
        assert_eq!(memory.text(0x1003, 4).unwrap(), b"PsLo");
        assert_eq!(
            memory.text(0x1003 + 41, 100),
            Err(Fault::Unreadable { address: 0x1030 })
        );
        assert_eq!(memory.text(0x1003 + 40, 100).unwrap(), b"");
    }

    #[test]
    fn what_cannot_be_read_is_a_hole_in_what_can() {
        let memory = Image::new(0x1000, [1, 2]).with(0x1003, [4]);
        assert_eq!(
            memory.read_readable(0xfff, 6).unwrap(),
            [None, Some(1), Some(2), None, Some(4), None]
        );
        assert_eq!(memory.number(0x1000, 2), Ok(0x0201));
        assert_eq!(
            memory.number(0x1000, 4),
            Err(Fault::Unreadable { address: 0x1002 })
        );
    }
}
