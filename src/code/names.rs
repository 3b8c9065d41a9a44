//! Names for addresses and addresses for names, from what images export.
//!
//! A [`Names`] lives for one run of one command. Modules whose exports nobody has read yet are noted as
//! [`Names::wanted`]: the caller builds their [`Index`], puts it into [`Modules`] and runs the command again.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::memory::{Fault, Memory};
use super::modules::{Modules, Naming};

/// The exports of a module, ready for looking up. Offsets from its base.
#[derive(Debug, Default)]
pub struct Index {
    by_offset: Vec<(u32, String)>,
}

/// Names during one run of a command.
#[derive(Debug)]
pub struct Names<'a> {
    modules: &'a Modules,
    wanted: RefCell<BTreeSet<u64>>,
}

/// The name at or below an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near<'a> {
    /// The module the address lies in.
    pub module: &'a str,
    /// The export at or below it; `None` if there is none below.
    pub name: Option<&'a str>,
    /// From that export, or from the base of the module.
    pub offset: u64,
}

/// Reads the exports of the module at `base`. An image that cannot be read or is damaged has [`Naming::Nothing`].
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn index(memory: &dyn Memory, base: u64) -> Result<Naming, Fault> {
    let _ = (memory, base);
    unimplemented!()
}

impl<'a> Names<'a> {
    /// Names of these modules.
    pub fn new(modules: &'a Modules) -> Self {
        Self {
            modules,
            wanted: RefCell::default(),
        }
    }
    /// The modules names come from.
    pub const fn modules(&self) -> &'a Modules {
        self.modules
    }
    /// The bases of modules whose exports were needed but are still [`Naming::Deferred`]. While this is not empty,
    /// the result of the run lacks names.
    pub fn wanted(&self) -> Vec<u64> {
        self.wanted.borrow().iter().copied().collect()
    }
    /// What an address is called; `None` outside of all modules.
    pub fn near(&self, address: u64) -> Option<Near<'a>> {
        unimplemented!("{address}")
    }
    /// The address of `name` in a module, or in the first module that has it. The name of a module alone stands for
    /// its base. Exact case first, then any case.
    pub fn address_of(&self, module: Option<&str>, name: &str) -> Option<u64> {
        unimplemented!("{module:?}{name}")
    }
    /// The names at or below and above an address, with their addresses: what `ln` shows.
    pub fn neighbours(&self, address: u64) -> (Vec<(u64, String)>, Vec<(u64, String)>) {
        unimplemented!("{address}")
    }
    /// All `module!name` that match a pattern of `*` and `?` in any case, sorted by address; at most `limit`.
    pub fn matching(&self, pattern: &str, limit: usize) -> Vec<(u64, String)> {
        unimplemented!("{pattern}{limit}")
    }
    /// The lines `ln` prints.
    pub fn ln(&self, machine: super::machine::Machine, address: u64) -> Vec<String> {
        unimplemented!("{machine:?}{address}")
    }
}
