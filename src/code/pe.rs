//! PE images as they lie in memory: headers, exports, function table, debug record, version.
//!
//! Images are the target's and may be hostile: every count has a limit, every address is checked.
//! Source: Microsoft's PE format reference.

use super::memory::{Fault, Memory};

mod debug;
mod exports;
mod functions;
mod version;

pub use debug::Pdb;
pub use exports::{Export, Exports, Goal};
pub use functions::Function;
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

/// The most sections an image is believed to have.
pub const SECTIONS_MAX: usize = 96;

impl Image {
    /// Reads the headers at `base`.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn read(memory: &dyn Memory, base: u64) -> Result<Self, ImageError> {
        let _ = (memory, base);
        unimplemented!()
    }
    /// The section an offset lies in.
    pub fn section_of(&self, offset: u32) -> Option<&Section> {
        unimplemented!("{offset}")
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
