//! PE images as they lie in memory: headers, exports, function table, debug record, version.
//!
//! Images are the target's and may be hostile: every count has a limit, every address is checked.
//! Source: Microsoft's PE format reference.

use super::memory::{Fault, Memory, printable};

mod debug;
mod exports;
mod functions;
mod record;
#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;
mod version;

pub use debug::Pdb;
pub use exports::{EXPORTS_MAX, Export, Exports, Goal};
pub use functions::Function;
use record::Record;
pub use version::Version;

/// Why an image could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Its memory could not be read, or is not known yet.
    #[error(transparent)]
    Memory(#[from] Fault),
    /// What lies there is no image, or a damaged one.
    #[error("no image at {base:#x}: {reason}")]
    Damaged {
        /// Where an image was looked for.
        base: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Where a part of an image lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Directory {
    /// Offset from the base of the image. Zero with size zero: not there.
    pub offset: u32,
    /// Bytes.
    pub bytes: u32,
}

/// A section of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name, up to eight characters, made printable.
    pub name: String,
    /// Offset from the base of the image.
    pub offset: u32,
    /// Bytes in memory.
    pub bytes: u32,
    /// The flags of the section header.
    pub flags: u32,
}

/// The headers of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it is loaded.
    pub base: u64,
    /// The machine field: `0x8664`, `0x14c`, `0xaa64`.
    pub machine: u16,
    /// Whether it is PE32+, with 64-bit addresses.
    pub wide: bool,
    /// Seconds since 1970, or a hash of the build.
    pub timestamp: u32,
    /// The checksum field.
    pub checksum: u32,
    /// Bytes in memory.
    pub bytes: u32,
    /// Offset of the entry point from the base; zero if none.
    pub entry: u32,
    /// The sections, at most [`SECTIONS_MAX`].
    pub sections: Vec<Section>,
    /// The data directories, in the order of the format.
    pub directories: [Directory; 16],
}

/// The most sections an image is believed to have: what the loader of Windows allows.
pub const SECTIONS_MAX: usize = 96;

/// How far from the beginning the PE header may lie. Bytes.
const HEADER_OFFSET_MAX: u32 = 0x1_0000;

/// The part of the optional header that is read: that of PE32+ with all directories.
const OPTIONAL_BYTES: usize = 240;

/// The size of a section header.
const SECTION_BYTES: usize = 40;

const MZ: u16 = 0x5a4d;
const PE: u32 = 0x4550;

impl Image {
    /// Reads the headers at `base`.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn read(memory: &dyn Memory, base: u64) -> Result<Self, ImageError> {
        let damaged = |reason| ImageError::Damaged { base, reason };
        let dos = Record::read(memory, base, 0, 0x40)?;
        if dos.u16(0) != MZ {
            return Err(damaged("no MZ at its beginning"));
        }
        let header = dos.u32(0x3c);
        if header > HEADER_OFFSET_MAX {
            return Err(damaged("its PE header is too far away"));
        }
        let file = Record::read(memory, base, header, 24)?;
        if file.u32(0) != PE {
            return Err(damaged("no PE header where it should be"));
        }
        let optional_bytes = file.u16(20);
        let optional = Record::read(
            memory,
            base,
            header + 24,
            usize::from(optional_bytes).min(OPTIONAL_BYTES),
        )?;
        let wide = match optional.u16(0) {
            0x10b => false,
            0x20b => true,
            _ => return Err(damaged("an optional header of unknown kind")),
        };
        let (count_at, directories_at) = if wide { (108, 112) } else { (92, 96) };
        let believed = (optional.u32(count_at) as usize).min(16);
        let mut directories = [Directory::default(); 16];
        for (place, at) in directories
            .iter_mut()
            .zip((directories_at..).step_by(8))
            .take(believed)
        {
            *place = Directory {
                offset: optional.u32(at),
                bytes: optional.u32(at + 4),
            };
        }
        let count = usize::from(file.u16(6)).min(SECTIONS_MAX);
        let table = Record::read(
            memory,
            base,
            header + 24 + u32::from(optional_bytes),
            count * SECTION_BYTES,
        )?;
        let sections = table.chunks(SECTION_BYTES).map(|section| Section {
            name: printable(section.until_nul(0, 8)),
            offset: section.u32(12),
            bytes: section.u32(8),
            flags: section.u32(36),
        });
        Ok(Self {
            base,
            machine: file.u16(4),
            wide,
            timestamp: file.u32(8),
            checksum: optional.u32(64),
            bytes: optional.u32(56),
            entry: optional.u32(16),
            sections: sections.collect(),
            directories,
        })
    }

    /// The section an offset lies in.
    pub fn section_of(&self, offset: u32) -> Option<&Section> {
        let mut sections = self.sections.iter();
        sections.find(|section| offset >= section.offset && offset - section.offset < section.bytes)
    }

    /// A directory of the image by its number, `None` if it is not there or does not lie inside the image.
    fn directory(&self, number: usize) -> Option<Directory> {
        let directory = *self.directories.get(number)?;
        let inside = directory.offset.checked_add(directory.bytes)? <= self.bytes;
        (directory.offset != 0 && directory.bytes != 0 && inside).then_some(directory)
    }

    /// What the image exports; empty without an export directory.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn exports(&self, memory: &dyn Memory) -> Result<Exports, ImageError> {
        exports::read(self, memory)
    }
    /// The function table entry for an offset (x64 images): `None` for a leaf function.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn function(
        &self,
        memory: &dyn Memory,
        offset: u32,
    ) -> Result<Option<Function>, ImageError> {
        functions::find(self, memory, offset)
    }
    /// The PDB the image names.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn pdb(&self, memory: &dyn Memory) -> Result<Option<Pdb>, ImageError> {
        debug::read(self, memory)
    }
    /// The file version of its version resource.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn version(&self, memory: &dyn Memory) -> Result<Option<Version>, ImageError> {
        version::read(self, memory)
    }
}
