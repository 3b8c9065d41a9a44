//! Names for addresses and addresses for names, from what images export.
//!
//! A [`Names`] lives for one run of one command. Modules whose exports nobody has read yet are noted as
//! [`Names::wanted`]: the caller builds their names with [`index`], puts them into [`Modules`] and runs the command
//! again.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::machine::Machine;
use super::memory::{Fault, Memory};
use super::modules::{Module, Modules, Naming};
use super::pe::{Exports, Goal, Image, ImageError};

/// The exports of a module, ready for looking up. Offsets from its base.
#[derive(Debug, Default)]
pub struct Index {
    by_offset: Vec<(u32, String)>,
    by_name: HashMap<String, u32>,
}

/// Names during one run of a command.
#[derive(Debug)]
pub struct Names<'a> {
    modules: &'a Modules,
    wanted: RefCell<BTreeSet<u64>>,
}

/// An address and its full name, `module!name`.
pub type Place = (u64, String);

/// The name at or below an address. Displays as `nt!KeBugCheckEx+0x1e`, or `mydrv+0x1000` if no export is below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near<'a> {
    /// The module the address lies in.
    pub module: &'a str,
    /// The export at or below it; `None` if there is none below.
    pub name: Option<&'a str>,
    /// From that export, or from the base of the module.
    pub offset: u64,
}

impl fmt::Display for Near<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.module)?;
        if let Some(name) = self.name {
            write!(formatter, "!{name}")?;
        }
        if self.offset != 0 {
            write!(formatter, "+{:#x}", self.offset)?;
        }
        Ok(())
    }
}

impl Index {
    /// The names of an image's exports; those without a name are called by their number, those that are forwarded
    /// have no address and are left out.
    pub fn new(exports: Exports) -> Self {
        let mut index = Self::default();
        for export in exports.exports {
            let Goal::Here(offset) = export.goal else {
                continue;
            };
            let name = if export.name.is_empty() {
                format!("Ordinal{}", export.ordinal)
            } else {
                export.name
            };
            index.by_name.insert(name.clone(), offset);
            index.by_offset.push((offset, name));
        }
        index.by_offset.sort();
        index
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.by_offset.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.by_offset.is_empty()
    }

    /// The names at the offset that is nearest at or below `offset`.
    fn at_or_below(&self, offset: u32) -> &[(u32, String)] {
        let below = self
            .by_offset
            .get(..self.by_offset.partition_point(|(at, _)| *at <= offset));
        let below = below.unwrap_or_default();
        let nearest = below.last().map_or(0, |(at, _)| *at);
        below
            .get(below.partition_point(|(at, _)| *at < nearest)..)
            .unwrap_or_default()
    }

    /// The names at the offset that is nearest above `offset`.
    fn above(&self, offset: u32) -> &[(u32, String)] {
        let above = self
            .by_offset
            .get(self.by_offset.partition_point(|(at, _)| *at <= offset)..);
        let above = above.unwrap_or_default();
        let nearest = above.first().map_or(0, |(at, _)| *at);
        above
            .get(..above.partition_point(|(at, _)| *at <= nearest))
            .unwrap_or_default()
    }

    /// The offset of a name: exact case first, then any.
    fn offset_of(&self, name: &str) -> Option<u32> {
        let any_case = || {
            let mut names = self.by_offset.iter();
            Some(names.find(|(_, other)| other.eq_ignore_ascii_case(name))?.0)
        };
        self.by_name.get(name).copied().or_else(any_case)
    }
}

/// Reads the exports of the module at `base`. An image that cannot be read or is damaged has [`Naming::Nothing`].
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn index(memory: &dyn Memory, base: u64) -> Result<Naming, Fault> {
    match Image::read(memory, base).and_then(|image| image.exports(memory)) {
        Ok(exports) if !exports.exports.is_empty() => {
            Ok(Naming::Exports(Arc::new(Index::new(exports))))
        }
        Err(ImageError::Memory(fault @ Fault::Missing { .. })) => Err(fault),
        Ok(_) | Err(_) => Ok(Naming::Nothing),
    }
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
        let module = self.modules.at(address)?;
        let from_base = address - module.base;
        let below = self.index_of(module).zip(u32::try_from(from_base).ok());
        let below = below.and_then(|(index, offset)| index.at_or_below(offset).first());
        Some(Near {
            module: &module.name,
            name: below.map(|(_, name)| name.as_str()),
            offset: below.map_or(from_base, |(at, _)| from_base - u64::from(*at)),
        })
    }

    /// Whether a name begins at an address.
    pub fn begins(&self, address: u64) -> bool {
        self.near(address).is_some_and(|near| near.offset == 0)
    }

    /// The address of `name` in a module. Without a module: the base of the module called `name`, or its address in `nt`
    /// or else in any module whose exports are known already; the others are not read for it, there may be hundreds.
    /// Exact case first, then any.
    pub fn address_of(&self, module: Option<&str>, name: &str) -> Option<u64> {
        let within = |module: &'a Module, index: &Index| {
            Some(module.base + u64::from(index.offset_of(name)?))
        };
        if let Some(wanted) = module {
            let module = self.modules.named(wanted)?;
            return within(module, self.index_of(module)?);
        }
        if let Some(module) = self.modules.named(name) {
            return Some(module.base);
        }
        let kernel = self.modules.named("nt");
        let in_kernel = kernel.and_then(|module| within(module, self.index_of(module)?));
        in_kernel.or_else(|| {
            let mut modules = self.modules.iter();
            modules.find_map(|module| match &module.naming {
                Naming::Exports(index) => within(module, index),
                Naming::Deferred | Naming::Nothing => None,
            })
        })
    }

    /// The names at or below and above an address in its module, with their addresses.
    pub fn neighbours(&self, address: u64) -> (Vec<Place>, Vec<Place>) {
        let Some(module) = self.modules.at(address) else {
            return Default::default();
        };
        let Some(index) = self.index_of(module) else {
            return Default::default();
        };
        let Ok(offset) = u32::try_from(address - module.base) else {
            return Default::default();
        };
        let full = |names: &[(u32, String)]| {
            names
                .iter()
                .map(|(at, name)| full(module, *at, name))
                .collect()
        };
        (full(index.at_or_below(offset)), full(index.above(offset)))
    }

    /// All names that match a pattern of `*` and `?` in any case, sorted by address; at most `limit`. Without `module!` it
    /// looks through the modules whose exports are known already.
    pub fn matching(&self, pattern: &str, limit: usize) -> Vec<Place> {
        let (module_pattern, pattern) = pattern
            .split_once('!')
            .map_or((None, pattern), |(module, name)| (Some(module), name));
        let mut found = Vec::new();
        for module in self.modules.iter() {
            let index = match module_pattern {
                Some(wanted) if !matches(wanted, &module.name) => continue,
                Some(_) => self.index_of(module),
                None => known_index(module),
            };
            for (offset, name) in index
                .map(|index| index.by_offset.as_slice())
                .unwrap_or_default()
            {
                if found.len() >= limit {
                    return found;
                }
                if matches(pattern, name) {
                    found.push(full(module, *offset, name));
                }
            }
        }
        found
    }

    /// The lines `x` prints; at most `limit`.
    pub fn x(&self, machine: Machine, pattern: &str, limit: usize) -> Vec<String> {
        let found = self.matching(pattern, limit).into_iter();
        found
            .map(|(address, name)| {
                format!("{} {name} (<no parameter info>)", machine.address(address))
            })
            .collect()
    }

    /// The lines `ln` prints; none outside of all modules.
    pub fn ln(&self, machine: Machine, address: u64) -> Vec<String> {
        let Some(near) = self.near(address) else {
            return Vec::new();
        };
        let (below, above) = self.neighbours(address);
        let at = below
            .first()
            .map_or_else(|| address - near.offset, |(at, _)| *at);
        let mut line = format!("({})   {near}", machine.address(at));
        if let Some((next, name)) = above.first() {
            line += &format!("   |  ({})   {name}", machine.address(*next));
        }
        let mut lines = vec![line];
        if near.offset == 0 && !below.is_empty() {
            lines.push("Exact matches:".to_owned());
            lines.extend(below.into_iter().map(|(_, name)| format!("    {name}")));
        }
        lines
    }

    /// The names of a module; notes it as wanted if nobody has read them yet.
    fn index_of(&self, module: &'a Module) -> Option<&'a Index> {
        if matches!(module.naming, Naming::Deferred) {
            self.wanted.borrow_mut().insert(module.base);
        }
        known_index(module)
    }
}

fn known_index(module: &Module) -> Option<&Index> {
    match &module.naming {
        Naming::Exports(index) => Some(index),
        Naming::Deferred | Naming::Nothing => None,
    }
}

/// The address and the full name of an export.
fn full(module: &Module, offset: u32, name: &str) -> Place {
    (
        module.base.wrapping_add(offset.into()),
        format!("{}!{name}", module.name),
    )
}

/// Whether a text matches a pattern in which `*` stands for any letters and `?` for one.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut position) = (0, 0);
    // Where to go on if what follows the last star does not fit: pattern after it, text one letter later.
    let mut again = None;
    while let Some(letter) = text.get(position) {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at + 1, position));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted.eq_ignore_ascii_case(letter) => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((after_star, from)) = again else {
                    return false;
                };
                at = after_star;
                position = from + 1;
                again = Some((after_star, position));
            }
        }
    }
    pattern
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|letter| *letter == b'*')
}

#[cfg(test)]
pub mod tests;
