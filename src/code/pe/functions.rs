//! The function table of x64 images.

use super::{Image, ImageError};
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

pub(super) fn find(
    image: &Image,
    memory: &dyn Memory,
    offset: u32,
) -> Result<Option<Function>, ImageError> {
    let _ = (image, memory, offset);
    unimplemented!()
}
