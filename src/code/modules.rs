//! The images loaded into a target.

use std::collections::HashSet;
use std::sync::Arc;

use super::machine::Machine;
use super::memory::{Fault, Memory, readable};
use super::names::Index;

/// An image loaded into the target.
#[derive(Debug, Clone)]
pub struct Module {
    /// The name in expressions and listings: `nt`, `mydrv`.
    pub name: String,
    /// Its first address.
    pub base: u64,
    /// Bytes in memory.
    pub bytes: u64,
    /// The path it was loaded from, as the target tells it, made printable.
    pub path: String,
    /// The checksum of the image, 0 if not known.
    pub checksum: u32,
    /// The time stamp of the image, 0 if not known.
    pub timestamp: u32,
    /// Its names.
    pub naming: Naming,
}

/// What is known of the names of a module.
#[derive(Debug, Clone, Default)]
pub enum Naming {
    /// Nobody has asked yet.
    #[default]
    Deferred,
    /// These exports.
    Exports(Arc<Index>),
    /// The image has none, or cannot be read.
    Nothing,
}

/// The modules of a target, sorted by base.
#[derive(Debug, Clone, Default)]
pub struct Modules {
    modules: Vec<Module>,
}

/// The most modules a target is believed to have.
pub const MODULES_MAX: usize = 4096;

impl Module {
    /// A module whose name follows from its path: `nt` for the image of the kernel, else the stem of the file.
    pub fn new(path: &str, base: u64, bytes: u64) -> Self {
        let path: String = path
            .chars()
            .map(|letter| if letter.is_control() { '?' } else { letter })
            .collect();
        Self {
            name: name_of(&path),
            base,
            bytes,
            path,
            checksum: 0,
            timestamp: 0,
            naming: Naming::Deferred,
        }
    }

    /// Whether an address lies in it.
    pub const fn contains(&self, address: u64) -> bool {
        address >= self.base && address - self.base < self.bytes
    }

    /// The address after its last byte.
    pub const fn end(&self) -> u64 {
        self.base.saturating_add(self.bytes)
    }
}

impl Modules {
    /// Adds a module in place of what lay where it lies. False if there are [`MODULES_MAX`] already.
    pub fn insert(&mut self, module: Module) -> bool {
        self.modules
            .retain(|other| other.end() <= module.base || module.end() <= other.base);
        if self.modules.len() >= MODULES_MAX {
            return false;
        }
        let position = self
            .modules
            .partition_point(|other| other.base < module.base);
        self.modules.insert(position, module);
        true
    }

    /// Takes away the module at `base`.
    pub fn remove(&mut self, base: u64) -> Option<Module> {
        let position = self.modules.iter().position(|module| module.base == base)?;
        Some(self.modules.remove(position))
    }

    /// Takes all away: the target restarted.
    pub fn clear(&mut self) {
        self.modules.clear();
    }

    /// All of them, sorted by base.
    pub fn iter(&self) -> std::slice::Iter<'_, Module> {
        self.modules.iter()
    }

    /// The module an address lies in.
    pub fn at(&self, address: u64) -> Option<&Module> {
        let position = self
            .modules
            .partition_point(|module| module.base <= address);
        let module = self.modules.get(position.checked_sub(1)?)?;
        module.contains(address).then_some(module)
    }

    /// The module of that name, in any case.
    pub fn named(&self, name: &str) -> Option<&Module> {
        self.modules
            .iter()
            .find(|module| module.name.eq_ignore_ascii_case(name))
    }

    /// Sets the names of the module at `base`.
    pub fn set_naming(&mut self, base: u64, naming: Naming) {
        if let Some(module) = self.modules.iter_mut().find(|module| module.base == base) {
            module.naming = naming;
        }
    }

    /// Puts `fresh` (from [`walk`]) in place of all modules of the kernel, which are in the upper half of the address
    /// space; those that stayed where they were keep their names. Modules of programs are in no such list: they stay
    /// until they are [removed](Self::remove).
    pub fn replace(&mut self, fresh: Vec<Module>) {
        let old = std::mem::take(&mut self.modules);
        let is_of_a_program = |module: &&Module| !module.base.cast_signed().is_negative();
        self.modules
            .extend(old.iter().filter(is_of_a_program).cloned());
        for mut module in fresh {
            let same = |other: &&Module| {
                (other.base, other.bytes, &other.path) == (module.base, module.bytes, &module.path)
            };
            if let Some(known) = old.iter().find(same) {
                module.naming = known.naming.clone();
            }
            self.insert(module);
        }
    }
}

/// The name a module goes by: `nt` for the image of the kernel, else the stem of the file with everything but
/// letters and digits made `_`.
pub fn name_of(path: &str) -> String {
    let file = path.rsplit(['\\', '/']).next().unwrap_or(path);
    if KERNELS
        .iter()
        .any(|kernel| kernel.eq_ignore_ascii_case(file))
    {
        return "nt".to_owned();
    }
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let word = |letter: char| {
        if letter.is_alphanumeric() {
            letter
        } else {
            '_'
        }
    };
    stem.chars().map(word).collect()
}

/// Walks the ring of loaded modules whose head is at `head`. A ring that is broken, or longer than [`MODULES_MAX`],
/// ends there.
///
/// # Errors
/// [`Fault::Missing`], and [`Fault::Unreadable`] if not even the head can be read.
pub fn walk(memory: &dyn Memory, machine: Machine, head: u64) -> Result<Vec<Module>, Fault> {
    let layout = if machine.is_64bit() { &WIDE } else { &NARROW };
    let pointer = machine.pointer_bytes();
    let mut modules = Vec::new();
    let mut seen = HashSet::from([head]);
    let mut entry = machine.canonical(memory.number(head, pointer)?);
    while modules.len() < MODULES_MAX && entry != 0 && seen.insert(entry) {
        let field = |offset: u64, bytes| readable(memory.number(entry.wrapping_add(offset), bytes));
        let (Some(next), Some(base), Some(bytes)) = (
            field(0, pointer)?,
            field(layout.base, pointer)?,
            field(layout.bytes, 4)?,
        ) else {
            break;
        };
        let mut path = String::new();
        for name in [layout.full_name, layout.base_name] {
            if path.is_empty() {
                path = counted_text(memory, machine, entry.wrapping_add(name))?;
            }
        }
        let base = machine.canonical(base);
        if path.is_empty() {
            path = format!("unknown_{base:x}");
        }
        let mut module = Module::new(&path, base, bytes);
        if let Some(offset) = layout.checksum {
            // Four bytes were read.
            module.checksum = field(offset, 4)?.unwrap_or_default() as u32;
        }
        modules.push(module);
        entry = machine.canonical(next);
    }
    modules.sort_by_key(|module| module.base);
    Ok(modules)
}

/// A counted UTF-16 text whose length, capacity and address lie at `address`; empty if it cannot be read.
fn counted_text(memory: &dyn Memory, machine: Machine, address: u64) -> Result<String, Fault> {
    let pointer = machine.pointer_bytes();
    let length = readable(memory.number(address, 2))?.unwrap_or_default();
    let buffer =
        readable(memory.number(address.wrapping_add(pointer as u64), pointer))?.unwrap_or_default();
    // Two bytes were read, so it fits.
    let mut text = vec![0; (length as usize).min(PATH_BYTES_MAX)];
    if readable(memory.read(machine.canonical(buffer), &mut text))?.is_none() {
        return Ok(String::new());
    }
    let (units, _) = text.as_chunks();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    Ok(String::from_utf16_lossy(&units))
}

/// Where the fields of an entry of the ring lie. The first field is the address of the next entry.
struct Layout {
    base: u64,
    bytes: u64,
    full_name: u64,
    base_name: u64,
    checksum: Option<u64>,
}

const WIDE: Layout = Layout {
    base: 0x30,
    bytes: 0x40,
    full_name: 0x48,
    base_name: 0x58,
    checksum: Some(0x78),
};

const NARROW: Layout = Layout {
    base: 0x18,
    bytes: 0x20,
    full_name: 0x24,
    base_name: 0x2c,
    checksum: None,
};

/// The longest path that is read. Bytes: 260 characters, the longest path images are loaded from.
const PATH_BYTES_MAX: usize = 520;

/// What the image of the kernel is called.
const KERNELS: [&str; 6] = [
    "ntoskrnl.exe",
    "ntkrnlmp.exe",
    "ntkrnlpa.exe",
    "ntkrpamp.exe",
    "ntkrla57.exe",
    "ntkrnlup.exe",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::memory::Image;

    /// An entry of an amd64 ring at `at`.
    fn entry(at: u64, next: u64, base: u64, path: &str) -> Vec<u8> {
        let mut bytes = vec![0; 0x80];
        let text: Vec<u8> = path.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes[..8].copy_from_slice(&next.to_le_bytes());
        bytes[0x30..0x38].copy_from_slice(&base.to_le_bytes());
        bytes[0x40..0x44].copy_from_slice(&0x5000_u32.to_le_bytes());
        bytes[0x48..0x4a].copy_from_slice(&u16::try_from(text.len()).unwrap().to_le_bytes());
        bytes[0x50..0x58].copy_from_slice(&(at + 0x80).to_le_bytes());
        bytes[0x78..0x7c].copy_from_slice(&7_u32.to_le_bytes());
        bytes.extend(text);
        bytes
    }

    #[test]
    fn modules_of_programs_stay_when_those_of_the_kernel_are_listed() {
        let (kernel, program) = (0xffff_f800_0000_0000, 0x0040_0000);
        let mut modules = Modules::default();
        modules.insert(Module::new("a.exe", program, 0x1000));
        modules.insert(Module::new("gone.sys", kernel + 0x1000, 0x1000));
        modules.replace(vec![Module::new("ntoskrnl.exe", kernel, 0x1000)]);
        let names: Vec<&str> = modules.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "nt"]);
    }

    #[test]
    fn the_ring_is_walked_to_its_head() {
        let memory = Image::new(0x1000, 0x2000_u64.to_le_bytes())
            .with(
                0x2000,
                entry(
                    0x2000,
                    0x3000,
                    0x9_0000,
                    "\\SystemRoot\\system32\\ntoskrnl.exe",
                ),
            )
            .with(
                0x3000,
                entry(0x3000, 0x1000, 0x8_0000, "\\Drivers\\my-drv.v2.sys"),
            );
        let modules = walk(&memory, Machine::Amd64, 0x1000).unwrap();
        let shown: Vec<_> = modules
            .iter()
            .map(|module| (module.name.as_str(), module.base, module.bytes))
            .collect();
        assert_eq!(
            shown,
            [("my_drv_v2", 0x8_0000, 0x5000), ("nt", 0x9_0000, 0x5000)]
        );
        assert_eq!(modules[0].checksum, 7);
    }

    #[test]
    fn a_ring_that_bites_itself_or_breaks_off_ends() {
        let memory = Image::new(0x1000, 0x2000_u64.to_le_bytes())
            .with(0x2000, entry(0x2000, 0x2000, 0x9_0000, "a.sys"));
        assert_eq!(walk(&memory, Machine::Amd64, 0x1000).unwrap().len(), 1);
        let memory = Image::new(0x1000, 0x2000_u64.to_le_bytes())
            .with(0x2000, entry(0x2000, 0x7777, 0x9_0000, "a.sys"));
        assert_eq!(walk(&memory, Machine::Amd64, 0x1000).unwrap().len(), 1);
    }

    #[test]
    fn a_32_bit_ring_has_its_own_layout() {
        let mut entry = vec![0; 0x40];
        entry[..4].copy_from_slice(&0x8000_1000_u32.to_le_bytes());
        entry[0x18..0x1c].copy_from_slice(&0x8040_0000_u32.to_le_bytes());
        entry[0x20..0x22].copy_from_slice(&[0, 0x20]);
        entry[0x2c] = 14;
        entry[0x30..0x34].copy_from_slice(&0x8000_2040_u32.to_le_bytes());
        entry.extend("hal.dll".encode_utf16().flat_map(u16::to_le_bytes));
        let high = 0xffff_ffff_0000_0000;
        let memory = Image::new(high + 0x8000_1000, 0x8000_2000_u32.to_le_bytes())
            .with(high + 0x8000_2000, entry);
        let modules = walk(&memory, Machine::X86, high + 0x8000_1000).unwrap();
        assert_eq!(modules[0].name, "hal");
        assert_eq!(
            (modules[0].base, modules[0].bytes),
            (high + 0x8040_0000, 0x2000)
        );
    }

    #[test]
    fn a_module_takes_the_place_of_what_lay_there() {
        let mut modules = Modules::default();
        modules.insert(Module::new("a.sys", 0x1000, 0x1000));
        modules.insert(Module::new("b.sys", 0x3000, 0x1000));
        modules.insert(Module::new("c.sys", 0x1800, 0x1000));
        assert!(modules.named("A").is_none());
        assert_eq!(modules.at(0x27ff).unwrap().name, "c");
        assert!(modules.at(0x2800).is_none());
        assert!(modules.at(0xfff).is_none());
        assert_eq!(modules.remove(0x3000).unwrap().name, "b");
    }

    #[test]
    fn modules_that_stayed_keep_their_names() {
        let mut modules = Modules::default();
        modules.insert(Module::new("a.sys", 0x1000, 0x1000));
        modules.set_naming(0x1000, Naming::Nothing);
        modules.replace(vec![
            Module::new("a.sys", 0x1000, 0x1000),
            Module::new("b.sys", 0x3000, 0x1000),
        ]);
        let deferred: Vec<bool> = modules
            .iter()
            .map(|module| matches!(module.naming, Naming::Deferred))
            .collect();
        assert_eq!(deferred, [false, true]);
    }
}
