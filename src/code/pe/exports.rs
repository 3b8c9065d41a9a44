//! The export directory of an image.

use super::{Directory, Image, ImageError, Record};
use crate::code::memory::{Fault, MISSING_BYTES_MAX, Memory, printable, readable};

/// Everything an image exports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exports {
    /// The name the image gives itself.
    pub image_name: String,
    /// The exports, sorted by name.
    pub exports: Vec<Export>,
    /// Whether some were left out because a limit was reached or they could not be read.
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

/// The most exports an image is believed to have: ordinals have 16 bits.
pub const EXPORTS_MAX: u32 = 0x1_0000;

pub(super) fn read(image: &Image, memory: &dyn Memory) -> Result<Exports, ImageError> {
    let Some(directory) = image.directory(EXPORTS) else {
        return Ok(Exports::default());
    };
    fetch(image, memory, directory)?;
    let header = Record::read(memory, image.base, directory.offset, HEADER_BYTES)?;
    let (functions, names) = (header.u32(20), header.u32(24));
    let offsets = table::<4>(image, memory, header.u32(28), functions)?;
    let offsets: Vec<Option<u32>> = offsets
        .into_iter()
        .map(|field| field.map(u32::from_le_bytes))
        .collect();
    let name_offsets = table::<4>(image, memory, header.u32(32), names)?;
    let positions = table::<2>(image, memory, header.u32(36), names)?;
    let mut exports = Exports {
        image_name: name(image, memory, header.u32(12))?.unwrap_or_default(),
        exports: Vec::new(),
        incomplete: functions > EXPORTS_MAX || names > EXPORTS_MAX,
    };
    let mut named = vec![false; offsets.len()];
    let mut add = |name: String, position: usize, offset: u32| -> Result<(), Fault> {
        let goal = if offset >= directory.offset && offset - directory.offset < directory.bytes {
            Goal::Forwarded(self::name(image, memory, offset)?.unwrap_or_default())
        } else {
            Goal::Here(offset)
        };
        // Positions come from 16-bit fields or are below EXPORTS_MAX, so they fit.
        let ordinal = header.u32(16).wrapping_add(position as u32);
        exports.exports.push(Export {
            name,
            ordinal,
            goal,
        });
        Ok(())
    };
    let mut lost = false;
    for (name_offset, position) in name_offsets.into_iter().zip(positions) {
        let position = position.map(|field| usize::from(u16::from_le_bytes(field)));
        let offset = position.and_then(|position| offsets.get(position).copied().flatten());
        let name = match name_offset.map(u32::from_le_bytes) {
            Some(name_offset) => name(image, memory, name_offset)?,
            None => None,
        };
        let (Some(name), Some(position), Some(offset)) = (name, position, offset) else {
            lost = true;
            continue;
        };
        if let Some(place) = named.get_mut(position) {
            *place = true;
        }
        add(name, position, offset)?;
    }
    for (position, (offset, named)) in offsets.iter().zip(named).enumerate() {
        match offset {
            Some(offset) if *offset != 0 && !named => add(String::new(), position, *offset)?,
            Some(_) => {}
            None => lost = true,
        }
    }
    exports.incomplete |= lost;
    exports
        .exports
        .sort_by(|left, right| left.name.cmp(&right.name));
    Ok(exports)
}

/// Asks for the whole directory at once: tables and names lie in it one after the other, and hundreds of small
/// faults would be hundreds of round trips.
fn fetch(image: &Image, memory: &dyn Memory, directory: Directory) -> Result<(), Fault> {
    let mut whole = vec![0; (directory.bytes as usize).min(MISSING_BYTES_MAX)];
    let address = image.base.wrapping_add(directory.offset.into());
    readable(memory.read(address, &mut whole)).map(|_| ())
}

/// A table of at most [`EXPORTS_MAX`] little-endian fields; `None` for those that cannot be read.
fn table<const N: usize>(
    image: &Image,
    memory: &dyn Memory,
    offset: u32,
    count: u32,
) -> Result<Vec<Option<[u8; N]>>, ImageError> {
    let count = count.min(EXPORTS_MAX) as usize;
    let inside = (image.bytes.saturating_sub(offset) as usize) / N;
    let bytes = memory.read_readable(
        image.base.wrapping_add(offset.into()),
        count.min(inside) * N,
    )?;
    let (fields, _) = bytes.as_chunks::<N>();
    let whole = |field: &[Option<u8>; N]| {
        let field = field.map(|byte| byte.ok_or(()));
        field
            .iter()
            .all(Result::is_ok)
            .then(|| field.map(Result::unwrap_or_default))
    };
    Ok(fields.iter().map(whole).collect())
}

/// A name; `None` if it cannot be read.
fn name(image: &Image, memory: &dyn Memory, offset: u32) -> Result<Option<String>, Fault> {
    if offset >= image.bytes {
        return Ok(None);
    }
    let text = memory.text(image.base.wrapping_add(offset.into()), NAME_BYTES_MAX);
    Ok(readable(text)?.map(|text| printable(&text)))
}

/// The number of the export directory.
const EXPORTS: usize = 0;

/// The size of its header.
const HEADER_BYTES: usize = 40;

/// The longest name that is read. Bytes; decorated C++ names are rarely longer.
const NAME_BYTES_MAX: usize = 2048;
