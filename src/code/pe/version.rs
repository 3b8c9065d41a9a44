//! The version resource of an image.

use std::fmt;

use super::{Image, ImageError, Record};
use crate::code::memory::Memory;

/// A file version. Displays as `10.0.19041.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub [u16; 4]);

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, build, revision] = self.0;
        write!(formatter, "{major}.{minor}.{build}.{revision}")
    }
}

pub(super) fn read(image: &Image, memory: &dyn Memory) -> Result<Option<Version>, ImageError> {
    let Some(directory) = image.directory(RESOURCES) else {
        return Ok(None);
    };
    // Three levels: type, name, language. Of the last two any will do.
    let mut at = 0;
    for wanted in [Some(VERSION), None, None] {
        if at >= directory.bytes {
            return Ok(None);
        }
        let level = Record::read(memory, image.base, directory.offset + at, 16)?;
        let count = (usize::from(level.u16(12)) + usize::from(level.u16(14))).min(ENTRIES_MAX);
        let entries = directory.offset.saturating_add(at).saturating_add(16);
        let table = Record::read(memory, image.base, entries, count * 8)?;
        let entry = table
            .chunks(8)
            .find(|entry| wanted.is_none_or(|id| entry.u32(0) == id));
        let Some(entry) = entry else { return Ok(None) };
        at = entry.u32(4) & !SUBDIRECTORY;
    }
    if at >= directory.bytes {
        return Ok(None);
    }
    let leaf = Record::read(memory, image.base, directory.offset + at, 16)?;
    let bytes = (leaf.u32(4) as usize).min(FIXED_BYTES_MAX);
    let resource = Record::read(memory, image.base, leaf.u32(0), bytes)?;
    let fixed = (0..bytes)
        .step_by(4)
        .find(|&at| resource.u32(at) == SIGNATURE);
    Ok(fixed.map(|at| {
        Version([
            resource.u16(at + 10),
            resource.u16(at + 8),
            resource.u16(at + 14),
            resource.u16(at + 12),
        ])
    }))
}

/// The number of the resource directory.
const RESOURCES: usize = 2;

/// The type of version resources.
const VERSION: u32 = 16;

/// What marks an entry that leads to another level.
const SUBDIRECTORY: u32 = 0x8000_0000;

/// How many entries of a level are looked at.
const ENTRIES_MAX: usize = 256;

/// What the fixed part of a version resource begins with, and within how many bytes it does.
const SIGNATURE: u32 = 0xfeef_04bd;
const FIXED_BYTES_MAX: usize = 128;
