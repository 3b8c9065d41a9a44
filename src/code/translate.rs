//! Virtual to physical addresses on x86 processors.

use super::memory::{Fault, Memory};

/// How a processor translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// 32-bit, two levels.
    X86,
    /// 32-bit with physical address extension, three levels.
    Pae,
    /// 64-bit, four levels.
    Long,
    /// 64-bit, five levels.
    Long5,
}

/// One entry on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which level: `PXE`, `PPE`, `PDE`, `PTE`.
    pub level: &'static str,
    /// Its physical address.
    pub at: u64,
    /// What it contains.
    pub value: u64,
    /// Whether it maps a large page.
    pub large: bool,
}

/// A translation, as far as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// What was translated.
    pub address: u64,
    /// The way, from the root.
    pub entries: Vec<Entry>,
    /// Where the address lies; `None` if it is not present.
    pub physical: Option<u64>,
    /// Bytes of the page; zero if it is not present.
    pub page_bytes: u64,
}

impl Paging {
    /// How a processor translates, by its control register 4 and whether it is in long mode.
    pub const fn of(cr4: u64, long_mode: bool) -> Self {
        let _ = (cr4, long_mode);
        Self::Long
    }
}

/// Translates `address` with the tables at `root` (control register 3).
///
/// # Errors
/// [`Fault`] of the physical memory.
pub fn translate(
    physical: &dyn Memory,
    paging: Paging,
    root: u64,
    address: u64,
) -> Result<Translation, Fault> {
    let _ = (physical, paging, root, address);
    unimplemented!()
}

/// The lines `!pte` prints. With the base of the self-map (`pte_base`) entries are shown at their virtual addresses, else
/// at their physical ones.
pub fn pte(translation: &Translation, paging: Paging, pte_base: Option<u64>) -> Vec<String> {
    let _ = (translation, paging, pte_base);
    unimplemented!()
}

/// The lines `!vtop` prints.
pub fn vtop(translation: &Translation, root: u64) -> Vec<String> {
    let _ = (translation, root);
    unimplemented!()
}
