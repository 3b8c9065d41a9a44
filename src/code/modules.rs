//! The images loaded into a target.

use std::sync::Arc;

use super::machine::Machine;
use super::memory::{Fault, Memory};
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
        unimplemented!("{path}{base}{bytes}")
    }
    /// Whether an address lies in it.
    pub fn contains(&self, address: u64) -> bool {
        address >= self.base && address - self.base < self.bytes
    }
}

impl Modules {
    /// Adds a module in place of what lay where it lies. False if there are [`MODULES_MAX`] already.
    pub fn insert(&mut self, module: Module) -> bool {
        unimplemented!("{module:?}")
    }
    /// Takes away the module at `base`.
    pub fn remove(&mut self, base: u64) -> Option<Module> {
        unimplemented!("{base}")
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
        unimplemented!("{address}")
    }
    /// The module of that name, in any case.
    pub fn named(&self, name: &str) -> Option<&Module> {
        unimplemented!("{name}")
    }
    /// Sets the names of the module at `base`.
    pub fn set_naming(&mut self, base: u64, naming: Naming) {
        unimplemented!("{base}{naming:?}")
    }
    /// Puts `fresh` (from [`walk`]) in place of all modules; those that stayed where they were keep their names.
    pub fn replace(&mut self, fresh: Vec<Module>) {
        unimplemented!("{fresh:?}")
    }
}

/// The name a module goes by: `nt` for the image of the kernel, else the stem of the file with `-`, `.` and blanks made `_`.
pub fn name_of(path: &str) -> String {
    unimplemented!("{path}")
}

/// Walks the ring of loaded modules whose head is at `head`. A ring that is broken, or longer than [`MODULES_MAX`],
/// ends there.
///
/// # Errors
/// [`Fault::Missing`], and [`Fault::Unreadable`] if not even the head can be read.
pub fn walk(memory: &dyn Memory, machine: Machine, head: u64) -> Result<Vec<Module>, Fault> {
    let _ = (memory, machine, head);
    unimplemented!()
}
