//! The debug directory: which PDB belongs to an image.

use super::{Image, ImageError, Record};
use crate::code::memory::{Memory, printable};

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
    let Some(directory) = image.directory(DEBUG) else {
        return Ok(None);
    };
    let count = (directory.bytes as usize / ENTRY_BYTES).min(ENTRIES_MAX);
    let table = Record::read(memory, image.base, directory.offset, count * ENTRY_BYTES)?;
    let Some(entry) = table
        .chunks(ENTRY_BYTES)
        .find(|entry| entry.u32(12) == CODEVIEW)
    else {
        return Ok(None);
    };
    let bytes = (entry.u32(16) as usize).min(PATH_AT + PATH_BYTES_MAX);
    let record = Record::read(memory, image.base, entry.u32(20), bytes)?;
    if record.field(0) != *b"RSDS" {
        return Ok(None);
    }
    let tail: [u8; 8] = record.field(12);
    let tail = u64::from_be_bytes(tail);
    let guid = format!(
        "{:08X}-{:04X}-{:04X}-{:04X}-{:012X}",
        record.u32(4),
        record.u16(8),
        record.u16(10),
        tail >> 48,
        tail & 0xffff_ffff_ffff
    );
    Ok(Some(Pdb {
        path: printable(record.until_nul(PATH_AT, PATH_BYTES_MAX)),
        guid,
        age: record.u32(20),
    }))
}

/// The number of the debug directory.
const DEBUG: usize = 6;

/// The size of one of its entries.
const ENTRY_BYTES: usize = 28;

/// How many entries are looked at; images have a handful.
const ENTRIES_MAX: usize = 32;

/// The type of the entry that names the PDB.
const CODEVIEW: u32 = 2;

/// Where the path lies in its record, and how long it may be.
const PATH_AT: usize = 24;
const PATH_BYTES_MAX: usize = 1024;
