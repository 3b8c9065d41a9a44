//! A few bytes of an image with fields in them.

use crate::code::memory::{Fault, Memory};

/// Bytes of an image. Fields beyond the end are zero, as they are in headers that were cut short.
pub struct Record(Vec<u8>);

impl Record {
    /// Reads `bytes` bytes at an offset from the base of an image.
    pub fn read(memory: &dyn Memory, base: u64, offset: u32, bytes: usize) -> Result<Self, Fault> {
        let mut record = vec![0; bytes];
        memory.read(base.wrapping_add(offset.into()), &mut record)?;
        Ok(Self(record))
    }

    /// The 16-bit field at a position.
    pub fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.field(at))
    }

    /// The 32-bit field at a position.
    pub fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.field(at))
    }

    /// The bytes at a position.
    pub fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0
            .get(at..)
            .and_then(|rest| rest.first_chunk().copied())
            .unwrap_or([0; N])
    }

    /// A text of at most `limit` bytes at a position.
    pub fn until_nul(&self, at: usize, limit: usize) -> &[u8] {
        let rest = self.0.get(at..).unwrap_or_default();
        let rest = rest.get(..limit).unwrap_or(rest);
        rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Records of `bytes` bytes each.
    pub fn chunks(&self, bytes: usize) -> impl Iterator<Item = Self> {
        self.0.chunks_exact(bytes).map(|chunk| Self(chunk.to_vec()))
    }
}
