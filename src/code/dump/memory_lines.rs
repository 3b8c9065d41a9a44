//! The `d*` commands.

use super::{Fault, Machine, Memory, Names};

/// What a `d*` command shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `da`: characters up to a NUL, or as many as the count says.
    Ascii,
    /// `du`: the same, 16 bits each.
    Wide,
    /// `db`: bytes and characters.
    Bytes,
    /// `dw`: 16-bit words.
    Words,
    /// `dW`: 16-bit words and characters.
    WordsText,
    /// `dd`: 32-bit words.
    Dwords,
    /// `dc`: 32-bit words and characters.
    DwordsText,
    /// `dq`: 64-bit words.
    Qwords,
    /// `dp`: pointers.
    Pointers,
    /// `df`: 32-bit floating point.
    Floats,
    /// `dD`: 64-bit floating point.
    Doubles,
    /// `dyb`: bits of bytes.
    BitsOfBytes,
    /// `dyd`: bits of 32-bit words.
    BitsOfDwords,
    /// `dds`: 32-bit words with names.
    DwordSymbols,
    /// `dps`: pointers with names.
    PointerSymbols,
    /// `dqs`: 64-bit words with names.
    QwordSymbols,
}

impl Format {
    /// The format of a command (`db`, `dW`, `dps`): case matters as in KD.
    pub fn of(command: &str) -> Option<Self> {
        unimplemented!("{command}")
    }
    /// Bytes of one item.
    pub fn item_bytes(self, machine: Machine) -> u64 {
        unimplemented!("{machine:?}")
    }
    /// How many items without a count.
    pub fn default_count(self, machine: Machine) -> u64 {
        unimplemented!("{machine:?}")
    }
}

/// `count` items from `address` on as lines, and the address after what was shown. `given` tells whether somebody typed
/// the count: texts then go on after a NUL.
///
/// # Errors
/// [`Fault::Missing`] only: unreadable memory shows as `?`.
pub fn lines(
    format: Format,
    machine: Machine,
    memory: &dyn Memory,
    names: &Names<'_>,
    address: u64,
    count: u64,
    given: bool,
) -> Result<(Vec<String>, u64), Fault> {
    let _ = (format, machine, memory, names, address, count, given);
    unimplemented!()
}

/// The one line `s` prints for a hit, in the format of its type.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn hit(
    format: Format,
    machine: Machine,
    memory: &dyn Memory,
    address: u64,
) -> Result<String, Fault> {
    let _ = (format, machine, memory, address);
    unimplemented!()
}

/// The lines `dl` prints: the list at `address`, `count` entries of `words` pointers each, ending where it closes.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn listed(
    machine: Machine,
    memory: &dyn Memory,
    address: u64,
    count: usize,
    words: usize,
) -> Result<Vec<String>, Fault> {
    let _ = (machine, memory, address, count, words);
    unimplemented!()
}
