//! The debug directory: which PDB belongs to an image.

use super::{Image, ImageError};
use crate::code::memory::Memory;

/// The PDB an image names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdb {
    /// Its path, made printable.
    pub path: String,
    /// Its GUID, as text without braces.
    pub guid: String,
    /// How often it was rewritten.
    pub age: u32,
}

pub(super) fn read(image: &Image, memory: &dyn Memory) -> Result<Option<Pdb>, ImageError> {
    let _ = (image, memory);
    unimplemented!()
}
