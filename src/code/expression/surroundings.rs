//! The usual scope of an expression: a stopped processor, its memory, its names.

use std::collections::BTreeMap;

use super::{Machine, Memory, Names, Registers, Scope};

/// Pseudo registers that do not follow from registers. Unknown ones are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pseudo {
    /// `$t0` to `$t19`.
    pub temporaries: [u64; 20],
    /// `$ra`: where the current function returns to.
    pub return_address: Option<u64>,
    /// `$proc`: the current EPROCESS.
    pub process: Option<u64>,
    /// `$thread`: the current ETHREAD.
    pub thread: Option<u64>,
    /// `$peb`.
    pub peb: Option<u64>,
    /// `$teb`.
    pub teb: Option<u64>,
    /// `$exp`: the last value `?` printed.
    pub last: u64,
    /// `$exentry`, `$pcr` and whatever else the caller knows, by name without `$`, in lower case.
    pub others: BTreeMap<String, u64>,
}

/// A stopped processor, its memory and its names.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Whose memory.
    pub machine: Machine,
    /// The radix of numbers without a prefix.
    pub radix: u32,
    /// The memory.
    pub memory: &'a dyn Memory,
    /// The registers, if known.
    pub registers: Option<&'a Registers>,
    /// The pseudo registers.
    pub pseudo: &'a Pseudo,
    /// The names.
    pub names: &'a Names<'a>,
}

impl Scope for Surroundings<'_> {
    fn machine(&self) -> Machine {
        self.machine
    }
    fn radix(&self) -> u32 {
        self.radix
    }
    fn memory(&self) -> &dyn Memory {
        self.memory
    }
    fn register(&self, name: &str) -> Option<u64> {
        let value = self.registers?.get(name)?;
        Some(if value >> 31 == 1 {
            self.machine.canonical(value)
        } else {
            value
        })
    }
    fn pseudo(&self, name: &str) -> Option<u64> {
        let pseudo = self.pseudo;
        let lower = name.to_ascii_lowercase();
        if let Some(number) = lower.strip_prefix('t')
            && let Ok(number) = number.parse::<usize>()
        {
            return pseudo.temporaries.get(number).copied();
        }
        match lower.as_str() {
            "ip" | "scopeip" => Some(self.registers?.instruction()),
            "csp" => Some(self.registers?.stack()),
            "retreg" | "retreg64" => Some(self.registers?.result()),
            "ra" => pseudo.return_address,
            "proc" => pseudo.process,
            "thread" => pseudo.thread,
            "peb" => pseudo.peb,
            "teb" => pseudo.teb,
            "exp" => Some(pseudo.last),
            "ptrsize" => Some(self.machine.pointer_bytes() as u64),
            "pagesize" => Some(PAGE_BYTES),
            _ => pseudo.others.get(&lower).copied(),
        }
    }
    fn symbol(&self, module: Option<&str>, name: &str) -> Option<u64> {
        self.names.address_of(module, name)
    }
}

/// `$pagesize`: the same on all machines read here.
const PAGE_BYTES: u64 = 0x1000;
