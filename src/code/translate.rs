//! Virtual to physical addresses on x86 processors.
//!
//! Only what the processor translates: what Windows keeps in entries that are not present is not told.
//! Source: the public manuals of the processors; the layout of the lines follows the debugger's documentation.

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
    /// Which level: `P5E`, `PXE`, `PPE`, `PDE`, `PTE`.
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
        match (long_mode, cr4 & CR4_LA57 != 0, cr4 & CR4_PAE != 0) {
            (true, true, _) => Self::Long5,
            (true, false, _) => Self::Long,
            (false, _, true) => Self::Pae,
            (false, _, false) => Self::X86,
        }
    }

    /// The levels from the root down.
    const fn levels(self) -> &'static [Level] {
        match self {
            Self::X86 => &X86,
            Self::Pae => &PAE,
            Self::Long => &LONG,
            Self::Long5 => &LONG5,
        }
    }

    const fn entry_bytes(self) -> usize {
        match self {
            Self::X86 => 4,
            Self::Pae | Self::Long | Self::Long5 => 8,
        }
    }

    /// How many bits of a virtual address are translated.
    const fn address_bits(self) -> u32 {
        match self {
            Self::X86 | Self::Pae => 32,
            Self::Long => 48,
            Self::Long5 => 57,
        }
    }

    /// Where the tables begin, by control register 3.
    const fn root(self, cr3: u64) -> u64 {
        cr3 & match self {
            Self::X86 => 0xffff_f000,
            Self::Pae => 0xffff_ffe0,
            Self::Long | Self::Long5 => FRAME_MASK,
        }
    }

    /// An address that can be translated; `None` if its upper bits do not continue the highest one of those that are.
    fn translatable(self, address: u64) -> Option<u64> {
        let unused = 64 - self.address_bits();
        if unused == 32 {
            return Some(address & 0xffff_ffff);
        }
        let extended = ((address << unused).cast_signed() >> unused).cast_unsigned();
        (extended == address).then_some(address)
    }

    /// Where the entry for an address appears in the self-map at `base`.
    fn in_self_map(self, base: u64, address: u64) -> u64 {
        let pages = (address & low_bits(self.address_bits())) >> PAGE_SHIFT;
        let at = base.wrapping_add(pages * self.entry_bytes() as u64);
        if self.address_bits() == 32 {
            at & 0xffff_ffff
        } else {
            at
        }
    }
}

/// A level of tables.
struct Level {
    name: &'static str,
    /// The lowest bit of the address that selects an entry.
    shift: u32,
    /// How many bits do.
    bits: u32,
    /// Whether an entry may map a large page.
    may_be_large: bool,
}

const fn level(name: &'static str, shift: u32, bits: u32, may_be_large: bool) -> Level {
    Level {
        name,
        shift,
        bits,
        may_be_large,
    }
}

const X86: [Level; 2] = [level("PDE", 22, 10, true), level("PTE", 12, 10, false)];

const PAE: [Level; 3] = [
    level("PPE", 30, 2, false),
    level("PDE", 21, 9, true),
    level("PTE", 12, 9, false),
];

const LONG: [Level; 4] = [
    level("PXE", 39, 9, false),
    level("PPE", 30, 9, true),
    level("PDE", 21, 9, true),
    level("PTE", 12, 9, false),
];

const LONG5: [Level; 5] = [
    level("P5E", 48, 9, false),
    level("PXE", 39, 9, false),
    level("PPE", 30, 9, true),
    level("PDE", 21, 9, true),
    level("PTE", 12, 9, false),
];

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
    let mut translation = Translation {
        address,
        entries: Vec::new(),
        physical: None,
        page_bytes: 0,
    };
    let Some(address) = paging.translatable(address) else {
        return Ok(translation);
    };
    let mut table = paging.root(root);
    for level in paging.levels() {
        let index = address >> level.shift & low_bits(level.bits);
        let at = table + index * paging.entry_bytes() as u64;
        let value = physical.number(at, paging.entry_bytes())?;
        let present = value & PRESENT != 0;
        let large = present && level.may_be_large && value & LARGE != 0;
        translation.entries.push(Entry {
            level: level.name,
            at,
            value,
            large,
        });
        if !present {
            return Ok(translation);
        }
        table = value & FRAME_MASK;
        if large || level.shift == PAGE_SHIFT {
            let within = low_bits(level.shift);
            let page = if large {
                large_page(paging, level, value)
            } else {
                table
            };
            translation.physical = Some(page | address & within);
            translation.page_bytes = within + 1;
            return Ok(translation);
        }
    }
    Ok(translation)
}

/// Where the large page lies that an entry maps.
const fn large_page(paging: Paging, level: &Level, value: u64) -> u64 {
    let page = value & FRAME_MASK & !low_bits(level.shift);
    match paging {
        // Pages of four MiB may lie above 4 GiB: unused bits of the entry say where.
        Paging::X86 => page | (value >> 13 & 0xff) << 32,
        Paging::Pae | Paging::Long | Paging::Long5 => page,
    }
}

/// The lines `!pte` prints. With the base of the self-map (`pte_base`) entries are shown at their virtual addresses, else
/// at their physical ones.
pub fn pte(translation: &Translation, paging: Paging, pte_base: Option<u64>) -> Vec<String> {
    let narrow = paging.address_bits() == 32;
    let address_digits = if narrow { 8 } else { 16 };
    let value_digits = paging.entry_bytes() * 2;
    let width = "contains ".len() + value_digits;
    let levels = paging.levels();
    let mut columns: Vec<[String; 3]> = Vec::new();
    for (depth, entry) in translation.entries.iter().enumerate() {
        let at = match pte_base {
            // The four entries at the root of this scheme are not in the self-map.
            Some(_) if paging == Paging::Pae && depth == 0 => entry.at,
            Some(base) => {
                let times = levels.len().saturating_sub(depth);
                (0..times).fold(translation.address, |address, _| {
                    paging.in_self_map(base, address)
                })
            }
            None => entry.at,
        };
        let state = if entry.value & PRESENT == 0 {
            "not valid".to_owned()
        } else {
            format!("pfn {:<9x} {}", frame_of(entry.value), flags(entry))
        };
        columns.push([
            format!("{} at {at:0address_digits$X}", entry.level),
            format!("contains {:0value_digits$X}", entry.value),
            state,
        ]);
    }
    if let Some(physical) = translation.physical
        && translation.entries.last().is_some_and(|entry| entry.large)
    {
        columns.push([
            String::new(),
            String::new(),
            format!("LARGE PAGE pfn {:x}", physical >> PAGE_SHIFT),
        ]);
    }
    let joined = |row: usize| {
        let cells = columns.iter().map(|column| {
            let text = column.get(row).map_or("", String::as_str);
            format!("{text:width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let shown = translation.address & low_bits(if narrow { 32 } else { 64 });
    let mut lines = vec![format!("{:VA_INDENT$}VA {shown:0address_digits$x}", "")];
    if columns.is_empty() {
        lines.push("No processor translates this address.".to_owned());
    } else {
        lines.extend((0..3).map(joined));
    }
    lines
}

/// The lines `!vtop` prints.
pub fn vtop(translation: &Translation, root: u64) -> Vec<String> {
    let top = translation.entries.first().map_or("", |entry| entry.level);
    let (kind, digits) = match top {
        "PDE" => ("X86", 8),
        "PPE" => ("X86Pae", 8),
        _ => ("Amd64", 16),
    };
    let address = translation.address & low_bits(digits * 4);
    let digits = digits as usize;
    let mut lines = vec![format!(
        "{kind}VtoP: Virt {address:0digits$x}, pagedir {root:0digits$x}"
    )];
    for entry in &translation.entries {
        let large = if entry.large { " (large page)" } else { "" };
        lines.push(format!(
            "{kind}VtoP: {} {:0digits$x} contains {:x}{large}",
            entry.level, entry.at, entry.value
        ));
    }
    match translation.physical {
        Some(physical) => {
            lines.push(format!("{kind}VtoP: Mapped phys {physical:0digits$x}"));
            lines.push(format!(
                "Virtual address {address:x} translates to physical address {physical:x}."
            ));
        }
        None => lines.push(format!("Virtual address {address:x} is not present.")),
    }
    lines
}

/// The letters for what an entry allows: copy on write, global, large, dirty, accessed, not cached, written through, user
/// or kernel, writable or read-only, executable, valid.
fn flags(entry: &Entry) -> String {
    let either = |bit: u32, set: char, clear: char| {
        if entry.value >> bit & 1 == 1 {
            set
        } else {
            clear
        }
    };
    [
        either(9, 'C', '-'),
        either(8, 'G', '-'),
        if entry.large { 'L' } else { '-' },
        either(6, 'D', '-'),
        either(5, 'A', '-'),
        either(4, 'N', '-'),
        either(3, 'T', '-'),
        either(2, 'U', 'K'),
        either(1, 'W', 'R'),
        either(63, '-', 'E'),
        either(0, 'V', '-'),
    ]
    .into_iter()
    .collect()
}

/// The number of the page an entry points to.
const fn frame_of(value: u64) -> u64 {
    (value & FRAME_MASK) >> PAGE_SHIFT
}

/// A number whose lowest bits are set.
const fn low_bits(bits: u32) -> u64 {
    if bits >= 64 {
        u64::MAX
    } else {
        (1 << bits) - 1
    }
}

/// Bit of control register 4: physical address extension.
const CR4_PAE: u64 = 1 << 5;

/// Bit of control register 4: five levels.
const CR4_LA57: u64 = 1 << 12;

/// Bit of an entry: there is something.
const PRESENT: u64 = 1;

/// Bit of an entry: it maps a large page.
const LARGE: u64 = 1 << 7;

/// The bits of an entry that hold a physical address.
const FRAME_MASK: u64 = 0x000f_ffff_ffff_f000;

/// Bits of an address within a page.
const PAGE_SHIFT: u32 = 12;

/// How far the first line of `!pte` is indented. Columns.
const VA_INDENT: usize = 43;

#[cfg(test)]
#[path = "translate/tests.rs"]
mod tests;
