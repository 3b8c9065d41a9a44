//! The function table of x64 images.

use super::{Image, ImageError, Record};
use crate::code::memory::Memory;

/// An entry of the function table, offsets from the base of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Its unwind information.
    pub unwind: u32,
}

impl Function {
    pub(in crate::code) const fn of(bytes: [u8; 12]) -> Self {
        let [s0, s1, s2, s3, e0, e1, e2, e3, u0, u1, u2, u3] = bytes;
        Self {
            start: u32::from_le_bytes([s0, s1, s2, s3]),
            end: u32::from_le_bytes([e0, e1, e2, e3]),
            unwind: u32::from_le_bytes([u0, u1, u2, u3]),
        }
    }
}

pub(super) fn find(
    image: &Image,
    memory: &dyn Memory,
    offset: u32,
) -> Result<Option<Function>, ImageError> {
    if image.machine != AMD64 {
        return Ok(None);
    }
    let Some(directory) = image.directory(EXCEPTIONS) else {
        return Ok(None);
    };
    let (mut low, mut high) = (0, directory.bytes / ENTRY_BYTES);
    while low < high {
        let middle = low.midpoint(high);
        let at = directory.offset + middle * ENTRY_BYTES;
        let function =
            Function::of(Record::read(memory, image.base, at, ENTRY_BYTES as usize)?.field(0));
        if offset < function.start {
            high = middle;
        } else if offset >= function.end {
            low = middle + 1;
        } else {
            return Ok(Some(function));
        }
    }
    Ok(None)
}

/// The machine field of images with such a table.
const AMD64: u16 = 0x8664;

/// The number of the exception directory.
const EXCEPTIONS: usize = 3;

/// The size of one of its entries.
const ENTRY_BYTES: u32 = 12;
