//! Physical memory of a simulated machine, and the page tables in it.
//!
//! Pages that nobody wrote cost next to nothing: they are zero, or they are those of an image that all machines share.
//! Four levels of tables, pages of 4 KiB and 2 MiB, as the public amd64 manuals describe them.

use std::sync::Arc;

use super::image::{Image, PAGE_BYTES};

/// Physical memory, and where the tables of its one address space begin.
#[derive(Debug)]
pub struct Memory {
    /// By page number, as far as any was used; pages beyond are zero.
    pages: Vec<Page>,
    /// All there is. Bytes.
    size: u64,
    root: u64,
    /// Number of the next page that was never used.
    next_page: u64,
    free_pages: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
enum Page {
    #[default]
    Zero,
    Shared(Arc<Image>, usize),
    Own(Box<[u8; PAGE]>),
}

/// What a virtual address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Translation {
    /// Where it is in physical memory.
    pub physical: u64,
    /// The bits of the entry that maps it: see [`entry`].
    pub entry: u64,
}

/// Bits of page table entries.
#[expect(missing_docs, reason = "the names are the processor's")]
pub mod entry {
    pub const PRESENT: u64 = 1;
    pub const WRITE: u64 = 2;
    pub const ACCESSED: u64 = 0x20;
    pub const DIRTY: u64 = 0x40;
    pub const LARGE: u64 = 0x80;
    pub const GLOBAL: u64 = 0x100;
    pub const NO_EXECUTE: u64 = 1 << 63;
    /// The physical address.
    pub const FRAME: u64 = 0x000F_FFFF_FFFF_F000;
}

/// No memory at this address; the bytes before it have been dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmapped(pub u64);

const PAGE: usize = PAGE_BYTES as usize;

/// The first page that is given out: what is below belongs to the firmware.
const FIRST_PAGE: u64 = 0x100;

/// Slot of the top table through which the tables themselves are seen.
pub const SELF_MAP_SLOT: u64 = 0x1ED;

/// Where the table entries of all addresses are seen, by way of [`SELF_MAP_SLOT`].
pub const PTE_BASE: u64 = 0xFFFF_0000_0000_0000 | SELF_MAP_SLOT << 39;

impl Memory {
    /// Memory of `size` bytes, with an address space in which only its own tables are mapped.
    #[must_use]
    pub fn new(size: u64) -> Self {
        let mut memory = Self {
            pages: Vec::new(),
            size,
            root: 0,
            next_page: FIRST_PAGE,
            free_pages: Vec::new(),
        };
        memory.root = memory.allocate();
        let slot = memory.root + 8 * SELF_MAP_SLOT;
        let bits =
            entry::PRESENT | entry::WRITE | entry::ACCESSED | entry::DIRTY | entry::NO_EXECUTE;
        memory.write_word(slot, memory.root | bits);
        memory
    }

    /// All there is. Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Physical address of the top table, as in CR3.
    #[must_use]
    pub fn root(&self) -> u64 {
        self.root
    }

    /// A page of zeros that nobody else uses: its physical address. The machine is made such that there always is one.
    pub fn allocate(&mut self) -> u64 {
        if let Some(page) = self.free_pages.pop() {
            return page * PAGE as u64;
        }
        self.next_page += 1;
        (self.next_page - 1) * PAGE as u64
    }

    /// Maps the page at `virtual_address` to the one at `physical`, with `bits` of [`entry`].
    pub fn map(&mut self, virtual_address: u64, physical: u64, bits: u64) {
        let table = self.table_of(virtual_address, 1);
        let slot = table + 8 * (virtual_address >> 12 & 0x1FF);
        let bits = bits | entry::PRESENT | entry::ACCESSED | entry::GLOBAL;
        self.write_word(slot, physical & entry::FRAME | bits);
    }

    /// Maps the 2 MiB at `virtual_address` to those at `physical`.
    pub fn map_large(&mut self, virtual_address: u64, physical: u64, bits: u64) {
        let table = self.table_of(virtual_address, 2);
        let slot = table + 8 * (virtual_address >> 21 & 0x1FF);
        let bits = bits | entry::PRESENT | entry::ACCESSED | entry::GLOBAL | entry::LARGE;
        self.write_word(slot, physical & entry::FRAME | bits);
    }

    /// Maps `pages` fresh pages that can be written, from `virtual_address` on.
    pub fn map_fresh(&mut self, virtual_address: u64, pages: u64) {
        for page in 0..pages {
            let physical = self.allocate();
            let bits = entry::WRITE | entry::DIRTY | entry::NO_EXECUTE;
            self.map(virtual_address + page * PAGE as u64, physical, bits);
        }
    }

    /// Maps `image` at `base`.
    pub fn map_image(&mut self, image: &Arc<Image>, base: u64) {
        for (number, offset) in (0_u32..).zip((0..image.bytes.len()).step_by(PAGE)) {
            let physical = self.allocate();
            if let Some(page) = self.page_mut(physical) {
                *page = Page::Shared(Arc::clone(image), offset);
            }
            let bits = if image.code_pages.contains(&number) {
                0
            } else if image.data_pages.contains(&number) {
                entry::WRITE | entry::DIRTY | entry::NO_EXECUTE
            } else {
                entry::NO_EXECUTE
            };
            self.map(base + offset as u64, physical, bits);
        }
    }

    /// Takes the mapping of `bytes` from `base` on away, and its pages back.
    pub fn unmap(&mut self, base: u64, bytes: u64) {
        for address in (base..base + bytes).step_by(PAGE) {
            let Some(translation) = self.translate(address) else {
                continue;
            };
            let physical = translation.physical & entry::FRAME;
            if let Some(page) = self.page_mut(physical) {
                *page = Page::Zero;
            }
            self.free_pages.push(physical / PAGE as u64);
            let slot = self.table_of(address, 1) + 8 * (address >> 12 & 0x1FF);
            self.write_word(slot, 0);
        }
    }

    /// What `virtual_address` leads to, if it is mapped.
    #[must_use]
    pub fn translate(&self, virtual_address: u64) -> Option<Translation> {
        if (virtual_address as i64) << 16 >> 16 != virtual_address as i64 {
            return None;
        }
        let mut table = self.root;
        for level in [4, 3, 2, 1] {
            let shift = 3 + 9 * level;
            let found = self.read_word(table + 8 * (virtual_address >> shift & 0x1FF));
            if found & entry::PRESENT == 0 {
                return None;
            }
            let large = level == 2 && found & entry::LARGE != 0;
            if level == 1 || large {
                let inside = if large { 0x1F_FFFF } else { 0xFFF };
                let physical = found & entry::FRAME & !inside | virtual_address & inside;
                return Some(Translation {
                    physical,
                    entry: found,
                });
            }
            table = found & entry::FRAME;
        }
        None
    }

    /// Reads `into.len()` bytes of virtual memory.
    ///
    /// # Errors
    /// [`Unmapped`] with the first address that is not mapped; what lies before it has been read.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < into.len() {
            let at = address.wrapping_add(done as u64);
            let count = (PAGE - (at as usize & (PAGE - 1))).min(into.len() - done);
            let translation = self.translate(at).ok_or(Unmapped(at))?;
            let part = into.get_mut(done..done + count).unwrap_or_default();
            self.read_physical(translation.physical, part)
                .map_err(|_| Unmapped(at))?;
            done += count;
        }
        Ok(())
    }

    /// Writes `bytes` to virtual memory, whatever its protection.
    ///
    /// # Errors
    /// [`Unmapped`] with the first address that is not mapped; what lies before it has been written.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let count = (PAGE - (at as usize & (PAGE - 1))).min(bytes.len() - done);
            let translation = self.translate(at).ok_or(Unmapped(at))?;
            let part = bytes.get(done..done + count).unwrap_or_default();
            self.write_physical(translation.physical, part)
                .map_err(|_| Unmapped(at))?;
            done += count;
        }
        Ok(())
    }

    /// Reads physical memory.
    ///
    /// # Errors
    /// [`Unmapped`] where memory ends; what lies before has been read.
    pub fn read_physical(&self, address: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < into.len() {
            let at = address
                .checked_add(done as u64)
                .filter(|at| *at < self.size);
            let at = at.ok_or(Unmapped(address.wrapping_add(done as u64)))?;
            let inside = at as usize & (PAGE - 1);
            let count = (PAGE - inside).min(into.len() - done);
            let part = into.get_mut(done..done + count).unwrap_or_default();
            match self.pages.get((at / PAGE as u64) as usize) {
                None | Some(Page::Zero) => part.fill(0),
                Some(Page::Shared(image, offset)) => {
                    let from = offset + inside;
                    part.copy_from_slice(&image.bytes[from..from + count]);
                }
                Some(Page::Own(bytes)) => part.copy_from_slice(&bytes[inside..inside + count]),
            }
            done += count;
        }
        Ok(())
    }

    /// Writes physical memory.
    ///
    /// # Errors
    /// [`Unmapped`] where memory ends; what lies before has been written.
    pub fn write_physical(&mut self, address: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let inside = at as usize & (PAGE - 1);
            let count = (PAGE - inside).min(bytes.len() - done);
            let page = self.page_mut(at).ok_or(Unmapped(at))?;
            let own = page.own();
            own[inside..inside + count].copy_from_slice(&bytes[done..done + count]);
            done += count;
        }
        Ok(())
    }

    /// A word of virtual memory, if it is mapped.
    #[must_use]
    pub fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    fn read_word(&self, physical: u64) -> u64 {
        let mut bytes = [0; 8];
        // A table beyond the end of memory maps nothing.
        match self.read_physical(physical, &mut bytes) {
            Ok(()) => u64::from_le_bytes(bytes),
            Err(_) => 0,
        }
    }

    fn write_word(&mut self, physical: u64, value: u64) {
        // Tables that a debugger has spoilt may lie anywhere.
        let _ = self.write_physical(physical, &value.to_le_bytes());
    }

    /// The table whose entries are of `level` for `virtual_address`; made if it is not there.
    fn table_of(&mut self, virtual_address: u64, level: u64) -> u64 {
        let mut table = self.root;
        for above in (level + 1..=4).rev() {
            let slot = table + 8 * (virtual_address >> (3 + 9 * above) & 0x1FF);
            let found = self.read_word(slot);
            table = if found & entry::PRESENT == 0 {
                let fresh = self.allocate();
                self.write_word(
                    slot,
                    fresh | entry::PRESENT | entry::WRITE | entry::ACCESSED | entry::DIRTY,
                );
                fresh
            } else {
                found & entry::FRAME
            };
        }
        table
    }

    /// The page that holds the physical address; `None` beyond the end.
    fn page_mut(&mut self, physical: u64) -> Option<&mut Page> {
        if physical >= self.size {
            return None;
        }
        let number = (physical / PAGE as u64) as usize;
        if number >= self.pages.len() {
            self.pages.resize(number + 1, Page::Zero);
        }
        self.pages.get_mut(number)
    }
}

impl Page {
    /// The bytes of this page, to be written: copied if they were shared.
    fn own(&mut self) -> &mut [u8; PAGE] {
        if !matches!(self, Self::Own(_)) {
            let mut bytes = Box::new([0; PAGE]);
            if let Self::Shared(image, offset) = self {
                bytes.copy_from_slice(&image.bytes[*offset..*offset + PAGE]);
            }
            *self = Self::Own(bytes);
        }
        match self {
            Self::Own(bytes) => bytes,
            Self::Zero | Self::Shared(..) => unreachable!("made its own above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0xFFFF_F800_1234_5000;

    #[test]
    fn a_mapped_page_is_found_through_the_tables_and_through_their_own_mapping() {
        let mut memory = Memory::new(1 << 24);
        memory.map_fresh(BASE, 1);
        memory.write(BASE + 0xFF8, &[1; 8]).unwrap();
        let translation = memory.translate(BASE + 0xFF8).unwrap();
        let mut bytes = [0; 8];
        memory
            .read_physical(translation.physical, &mut bytes)
            .unwrap();
        assert_eq!(bytes, [1; 8]);
        let pte = PTE_BASE + ((BASE >> 12 & 0xF_FFFF_FFFF) << 3);
        assert_eq!(memory.word(pte), Some(translation.entry));
    }

    #[test]
    fn reading_stops_at_the_first_page_that_is_not_there() {
        let mut memory = Memory::new(1 << 24);
        memory.map_fresh(BASE, 2);
        memory.write(BASE + 0x1FFE, &[7, 7]).unwrap();
        let mut bytes = [0; 8];
        assert_eq!(
            memory.read(BASE + 0x1FFE, &mut bytes),
            Err(Unmapped(BASE + 0x2000))
        );
        assert_eq!(bytes, [7, 7, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            memory.read(0x1234_5678_9ABC_DEF0, &mut bytes),
            Err(Unmapped(0x1234_5678_9ABC_DEF0))
        );
        memory.unmap(BASE, 0x2000);
        assert_eq!(memory.translate(BASE), None);
    }

    #[test]
    fn a_large_page_is_one_entry() {
        let mut memory = Memory::new(1 << 24);
        memory.map_large(BASE & !0x1F_FFFF, 0x80_0000, entry::WRITE);
        let translation = memory.translate(BASE).unwrap();
        assert_eq!(translation.physical, 0x80_0000 | BASE & 0x1F_FFFF);
        memory.write(BASE, b"x").unwrap();
    }

    #[test]
    fn memory_ends_where_it_ends() {
        let mut memory = Memory::new(0x20_0000);
        assert_eq!(
            memory.write_physical(0x1F_FFFF, &[1, 2]),
            Err(Unmapped(0x20_0000))
        );
        let mut bytes = [0; 2];
        assert_eq!(
            memory.read_physical(0x1F_FFFF, &mut bytes),
            Err(Unmapped(0x20_0000))
        );
        assert_eq!(bytes[0], 1);
        assert_eq!(
            memory.read_physical(u64::MAX, &mut bytes),
            Err(Unmapped(u64::MAX))
        );
    }
}
