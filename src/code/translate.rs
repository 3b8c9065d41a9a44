//! Virtual to physical addresses on x86 processors.

use super::machine::Machine;
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
    /// Which level: `PLE` (of five only), `PXE`, `PPE`, `PDE`, `PTE`.
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

/// What an entry of one level is: its name, the lowest bit of the address it stands for, how many bits index it.
#[derive(Clone, Copy)]
struct Level {
    name: &'static str,
    shift: u32,
    bits: u32,
    /// Whether an entry may map a page of its own.
    may_be_large: bool,
}

impl Paging {
    /// How a processor translates, by its control register 4 and whether it is in long mode.
    pub const fn of(cr4: u64, long_mode: bool) -> Self {
        let (pae, five_levels) = (cr4 & 1 << 5 != 0, cr4 & 1 << 12 != 0);
        match (long_mode, five_levels, pae) {
            (true, true, _) => Self::Long5,
            (true, false, _) => Self::Long,
            (false, _, true) => Self::Pae,
            (false, _, false) => Self::X86,
        }
    }

    /// Its levels, from the root.
    const fn levels(self) -> &'static [Level] {
        const fn level(name: &'static str, shift: u32, bits: u32, may_be_large: bool) -> Level {
            Level {
                name,
                shift,
                bits,
                may_be_large,
            }
        }
        const LONG: [Level; 5] = [
            level("PLE", 48, 9, false),
            level("PXE", 39, 9, false),
            level("PPE", 30, 9, true),
            level("PDE", 21, 9, true),
            level("PTE", 12, 9, false),
        ];
        const PAE: [Level; 3] = [
            level("PPE", 30, 2, false),
            level("PDE", 21, 9, true),
            level("PTE", 12, 9, false),
        ];
        const X86: [Level; 2] = [level("PDE", 22, 10, true), level("PTE", 12, 10, false)];
        match self {
            Self::Long5 => &LONG,
            Self::Long => LONG.split_at(1).1,
            Self::Pae => &PAE,
            Self::X86 => &X86,
        }
    }

    /// Bytes of an entry.
    const fn entry_bytes(self) -> u64 {
        match self {
            Self::X86 => 4,
            Self::Pae | Self::Long | Self::Long5 => 8,
        }
    }

    /// Where the tables of the root lie.
    const fn root(self, cr3: u64) -> u64 {
        match self {
            Self::Pae => cr3 & 0xffff_ffe0,
            Self::X86 => cr3 & 0xffff_f000,
            Self::Long | Self::Long5 => cr3 & FRAME_BITS,
        }
    }

    /// Which machine it belongs to.
    const fn machine(self) -> Machine {
        match self {
            Self::X86 | Self::Pae => Machine::X86,
            Self::Long | Self::Long5 => Machine::Amd64,
        }
    }
}

/// The bits of an entry that say where the next table or the page lies.
const FRAME_BITS: u64 = 0x000f_ffff_ffff_f000;

const PRESENT: u64 = 1;
const LARGE: u64 = 1 << 7;

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
    let mut found = Translation {
        address,
        entries: Vec::new(),
        physical: None,
        page_bytes: 0,
    };
    let mut table = paging.root(root);
    for level in paging.levels() {
        let index = address >> level.shift & ((1 << level.bits) - 1);
        let at = table + index * paging.entry_bytes();
        let bytes = if paging == Paging::X86 { 4 } else { 8 };
        let value = physical.number(at, bytes)?;
        let large = level.may_be_large && value & LARGE != 0;
        found.entries.push(Entry {
            level: level.name,
            at,
            value,
            large: large && value & PRESENT != 0,
        });
        if value & PRESENT == 0 {
            return Ok(found);
        }
        table = value & FRAME_BITS;
        if large || level.shift == PAGE_SHIFT {
            let page_bytes = 1 << level.shift;
            let frame = if large && paging == Paging::X86 {
                // Bits 13 to 20 hold bits 32 to 39 of the address of a 4 MiB page.
                value & 0xffc0_0000 | (value >> 13 & 0xff) << 32
            } else {
                table & !(page_bytes - 1)
            };
            found.physical = Some(frame | address & (page_bytes - 1));
            found.page_bytes = page_bytes;
            return Ok(found);
        }
    }
    Ok(found)
}

/// The lines `!pte` prints. With the base of the self-map (`pte_base`) entries are shown at their virtual addresses, else
/// at their physical ones.
pub fn pte(translation: &Translation, paging: Paging, pte_base: Option<u64>) -> Vec<String> {
    let digits = if paging.machine().is_64bit() { 16 } else { 8 };
    let wide = if paging == Paging::X86 { 8 } else { 16 };
    let entries = &translation.entries;
    let levels = paging.levels();
    let mut columns: Vec<[String; 3]> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let mut at = entry.at;
        if let Some(base) = pte_base {
            // Each level of tables appears inside the level below it, at the place of the self-map.
            at = translation.address;
            for _ in number..levels.len() {
                at = mapped(paging, base, at);
            }
        }
        let state = if entry.value & PRESENT == 0 {
            "not valid".to_owned()
        } else {
            format!(
                "pfn {:<9x} {}",
                (entry.value & FRAME_BITS) >> PAGE_SHIFT,
                flags(entry, paging)
            )
        };
        columns.push([
            format!("{} at {at:0digits$X}", entry.level),
            format!("contains {:0wide$X}", entry.value),
            state,
        ]);
    }
    let mut lines = vec![format!(
        "{:>width$} {:0digits$x}",
        "VA",
        translation.address,
        width = 43
    )];
    for row in 0..3 {
        let cells = columns.iter().filter_map(|column| column.get(row));
        let line: String = cells.map(|cell| format!("{cell:<27}")).collect();
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Where the entry for an address lies in the self-map.
fn mapped(paging: Paging, base: u64, address: u64) -> u64 {
    let bits = paging.levels().iter().map(|level| level.bits).sum::<u32>() + PAGE_SHIFT;
    let page = (address & ((1 << bits) - 1)) >> PAGE_SHIFT;
    base.wrapping_add(page * paging.entry_bytes())
}

/// The letters for the bits of a present entry, as `!pte` shows them.
fn flags(entry: &Entry, paging: Paging) -> String {
    let set = |bit: u32| entry.value & 1 << bit != 0;
    let letter = |bit, on, off| if set(bit) { on } else { off };
    let no_execute = paging != Paging::X86 && set(63);
    [
        letter(9, 'C', '-'),
        letter(8, 'G', '-'),
        if entry.large { 'L' } else { '-' },
        letter(6, 'D', '-'),
        letter(5, 'A', '-'),
        letter(4, 'N', '-'),
        letter(3, 'T', '-'),
        letter(2, 'U', 'K'),
        letter(1, 'W', 'R'),
        if no_execute { '-' } else { 'E' },
        'V',
    ]
    .iter()
    .collect()
}

/// The lines `!vtop` prints.
pub fn vtop(translation: &Translation, root: u64) -> Vec<String> {
    let mut lines = vec![format!(
        "Virt = {:x}, directory base = {root:x}",
        translation.address
    )];
    for entry in &translation.entries {
        lines.push(format!(
            "{} {:x} - {:016x}",
            entry.level, entry.at, entry.value
        ));
    }
    lines.push(match translation.physical {
        Some(physical) => {
            let page = translation.page_bytes;
            let size = if page >= 1 << 20 {
                format!("{} MB", page >> 20)
            } else {
                format!("{} KB", page >> 10)
            };
            format!(
                "Virtual address {:x} translates to physical address {physical:x} ({size} page).",
                translation.address
            )
        }
        None => format!("Virtual address {:x} is not present.", translation.address),
    });
    lines
}

/// The lowest bit of an address that translation changes.
const PAGE_SHIFT: u32 = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::code::memory::Image;

    /// Physical memory with 64-bit words at addresses.
    fn words(words: &[(u64, u64)]) -> Image {
        words.iter().fold(Image::default(), |image, (at, word)| {
            image.with(*at, word.to_le_bytes())
        })
    }

    const VA: u64 = 0xffff_f801_2a00_1234;

    fn tables() -> Image {
        words(&[
            (0x1a_a000 + 0x1f0 * 8, 0xb063),
            (0xb000 + 4 * 8, 0xc063),
            (0xc000 + 0x150 * 8, 0xd063),
            (0xd000 + 8, 0x8900_0000_03c4_8121),
        ])
    }

    #[test]
    fn four_levels_lead_to_a_page() {
        let found = translate(&tables(), Paging::Long, 0x1a_a002, VA).unwrap();
        assert_eq!(found.physical, Some(0x3c4_8234));
        assert_eq!(found.page_bytes, 0x1000);
        let levels: Vec<_> = found.entries.iter().map(|entry| entry.level).collect();
        assert_eq!(levels, ["PXE", "PPE", "PDE", "PTE"]);
        assert_eq!(
            pte(&found, Paging::Long, None),
            [
                "                                         VA fffff8012a001234",
                "PXE at 00000000001AAF80    PPE at 000000000000B020    PDE at 000000000000CA80    PTE at 000000000000D008",
                "contains 000000000000B063  contains 000000000000C063  contains 000000000000D063  contains 8900000003C48121",
                "pfn b         ---DA--KWEV  pfn c         ---DA--KWEV  pfn d         ---DA--KWEV  pfn 3c48      -G--A--KR-V",
            ]
        );
        assert_eq!(
            vtop(&found, 0x1a_a000).last().unwrap(),
            "Virtual address fffff8012a001234 translates to physical address 3c48234 (4 KB page)."
        );
    }

    #[test]
    fn the_self_map_shows_entries_at_their_virtual_addresses() {
        let base = 0xffff_f680_0000_0000;
        let found = translate(&tables(), Paging::Long, 0x1a_a000, VA).unwrap();
        assert_eq!(
            pte(&found, Paging::Long, Some(base))[1],
            "PXE at FFFFF6FB7DBEDF80    PPE at FFFFF6FB7DBF0020    PDE at FFFFF6FB7E004A80    PTE at FFFFF6FC00950008"
        );
    }

    #[test]
    fn large_pages_end_the_way_early() {
        let memory = words(&[
            (0x1a_af80, 0xb063),
            (0xb020, 0xc063),
            (0xca80, 0x4_0000_00e3),
        ]);
        let found = translate(&memory, Paging::Long, 0x1a_a000, VA).unwrap();
        assert_eq!(
            (found.physical, found.page_bytes),
            (Some(0x4_0000_1234), 2 << 20)
        );
        let memory = words(&[(0x1a_af80, 0xb063), (0xb020, 0x4_4000_00e3)]);
        let found = translate(&memory, Paging::Long, 0x1a_a000, VA).unwrap();
        assert_eq!(
            (found.physical, found.page_bytes),
            (Some(0x4_6a00_1234), 1 << 30)
        );
    }

    #[test]
    fn an_entry_that_is_not_present_ends_the_way() {
        let memory = words(&[(0x1a_af80, 0xb063), (0xb020, 0)]);
        let found = translate(&memory, Paging::Long, 0x1a_a000, VA).unwrap();
        assert_eq!((found.physical, found.entries.len()), (None, 2));
        assert!(pte(&found, Paging::Long, None)[3].ends_with("not valid"));
        let missing = translate(&Image::default(), Paging::Long, 0, 0);
        assert_eq!(missing, Err(Fault::Unreadable { address: 0 }));
    }

    #[test]
    fn five_levels_have_one_more() {
        let memory = words(&[
            (0x5ff8, 0x1a_a063),
            (0x1a_af80, 0xb063),
            (0xb020, 0x4_4000_00e3),
        ]);
        let found = translate(&memory, Paging::Long5, 0x5000, VA).unwrap();
        assert_eq!(found.entries.len(), 3);
        assert_eq!(found.physical, Some(0x4_6a00_1234));
    }

    #[test]
    fn x86_has_two_levels_or_three() {
        let memory =
            Image::new(0x3_9804, 0x4063_u32.to_le_bytes()).with(0x4008, 0x7_7063_u32.to_le_bytes());
        let address = 0x8040_2345;
        let found = translate(&memory, Paging::X86, 0x3_9000, address).unwrap();
        assert_eq!(found.physical, Some(0x7_7345));
        let large = Image::new(0x3_9804, 0x0040_20e3_u32.to_le_bytes());
        let found = translate(&large, Paging::X86, 0x3_9000, address).unwrap();
        assert_eq!(
            (found.physical, found.page_bytes),
            (Some(0x1_0040_2345), 4 << 20)
        );
        let memory = words(&[(0x72_0010, 0x4001), (0x4010, 0x5063), (0x5010, 0x9_9063)]);
        let found = translate(&memory, Paging::Pae, 0x72_0000, address).unwrap();
        assert_eq!(found.physical, Some(0x9_9345));
    }

    #[test]
    fn control_registers_tell_how_a_processor_translates() {
        assert_eq!(Paging::of(0x20, true), Paging::Long);
        assert_eq!(Paging::of(0x1020, true), Paging::Long5);
        assert_eq!(Paging::of(0x20, false), Paging::Pae);
        assert_eq!(Paging::of(0, false), Paging::X86);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_tables_panic(root in any::<u64>(), address in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 4096),
            paging in prop_oneof![Just(Paging::X86), Just(Paging::Pae), Just(Paging::Long), Just(Paging::Long5)]) {
            struct Everywhere(Vec<u8>);
            impl Memory for Everywhere {
                fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault> {
                    for (offset, byte) in into.iter_mut().enumerate() {
                        *byte = self.0[(address as usize).wrapping_add(offset) % self.0.len()];
                    }
                    Ok(())
                }
            }
            let found = translate(&Everywhere(bytes), paging, root, address).unwrap();
            let _ = pte(&found, paging, Some(root));
            let _ = vtop(&found, root);
        }
    }
}
