//! Memory that is all there: for tests, and for simulated machines.

use std::collections::BTreeMap;

use super::{Fault, Memory};

/// Pieces of memory at addresses. Everything else cannot be read.
#[derive(Debug, Default, Clone)]
pub struct Image {
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Image {
    /// Memory with one piece.
    pub fn new(address: u64, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            pieces: BTreeMap::from([(address, bytes.into())]),
        }
    }

    /// The same with one more piece; pieces must not overlap.
    #[must_use]
    pub fn with(mut self, address: u64, bytes: impl Into<Vec<u8>>) -> Self {
        self.pieces.insert(address, bytes.into());
        self
    }
}

impl Memory for Image {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault> {
        for (offset, byte) in (0_u64..).zip(into) {
            let address = address.wrapping_add(offset);
            let found = self.pieces.range(..=address).next_back();
            *byte = found
                .and_then(|(start, piece)| {
                    let at = usize::try_from(address - start).ok()?;
                    piece.get(at).copied()
                })
                .ok_or(Fault::Unreadable { address })?;
        }
        Ok(())
    }
}
