//! The memory of a stopped machine, as far as it is known.
//!
//! Reading never waits: what is not known yet is a [`Fault::Missing`] that says which bytes to fetch. The caller
//! puts them into a [`Cache`] and asks again. Everything in [`crate::code`] hands such a fault on unchanged and is
//! cheap to repeat.

mod cache;
mod image;

pub use cache::{Cache, LINE_BYTES, LINES_MAX};
pub use image::Image;

/// Why memory could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// These bytes are not known yet: fetch them and ask again. Never more than [`MISSING_BYTES_MAX`].
    #[error("{bytes} bytes at {address:#x} have not been fetched")]
    Missing {
        /// The first of them.
        address: u64,
        /// How many.
        bytes: usize,
    },
    /// The target cannot read this byte.
    #[error("the memory at {address:#x} cannot be read")]
    Unreadable {
        /// The first byte of the request that cannot be read.
        address: u64,
    },
}

/// The most bytes one [`Fault::Missing`] asks for: one MiB, a whole export directory of a kernel.
pub const MISSING_BYTES_MAX: usize = 1 << 20;

/// Memory of a stopped machine: virtual or physical, the caller knows.
pub trait Memory {
    /// Fills `into` from `address` on. Addresses wrap at the end of the address space.
    ///
    /// # Errors
    /// [`Fault::Missing`] if some bytes are not known yet, even if others cannot be read; else [`Fault::Unreadable`]
    /// with the first byte that cannot be read.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault>;

    /// `count` bytes as far as they can be read: what cannot is `None`.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    fn read_readable(&self, address: u64, count: usize) -> Result<Vec<Option<u8>>, Fault> {
        unimplemented!("{address}{count}")
    }

    /// A little-endian number of `bytes` (1 to 8) bytes.
    ///
    /// # Errors
    /// Like [`Memory::read`].
    fn number(&self, address: u64, bytes: usize) -> Result<u64, Fault> {
        unimplemented!("{address}{bytes}")
    }
}
