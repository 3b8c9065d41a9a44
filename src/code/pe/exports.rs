//! The export directory of an image.

use super::{Image, ImageError};
use crate::code::memory::Memory;

/// Everything an image exports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exports {
    /// The name the image gives itself.
    pub image_name: String,
    /// The exports, sorted by name.
    pub exports: Vec<Export>,
    /// Whether some were left out because a limit was reached or they made no sense.
    pub incomplete: bool,
}

/// One export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its name; empty if exported by number only.
    pub name: String,
    /// Its number.
    pub ordinal: u32,
    /// What it stands for.
    pub goal: Goal,
}

/// What an export stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// An offset from the base of the image.
    Here(u32),
    /// An export of another image, `MODULE.Name`.
    Forwarded(String),
}

pub(super) fn read(image: &Image, memory: &dyn Memory) -> Result<Exports, ImageError> {
    let _ = (image, memory);
    unimplemented!()
}
