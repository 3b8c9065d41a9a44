//! The version resource of an image.

use super::{Image, ImageError};
use crate::code::memory::Memory;

/// A file version. Displays as `10.0.19041.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub [u16; 4]);

pub(super) fn read(image: &Image, memory: &dyn Memory) -> Result<Option<Version>, ImageError> {
    let _ = (image, memory);
    unimplemented!()
}
