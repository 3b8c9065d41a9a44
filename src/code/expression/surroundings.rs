//! The usual scope of an expression: a stopped processor, its memory, its names.

use std::collections::BTreeMap;

use super::{Fault, Machine, Memory, Names, Registers, Scope};
use crate::code::memory::readable;
use crate::code::unwind;

/// Pseudo registers that do not follow from registers. Unknown ones are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pseudo {
    /// `$t0` to `$t19`.
    pub temporaries: [u64; 20],
    /// `$thread`: the current ETHREAD.
    pub thread: Option<u64>,
    /// Where memory has `$proc`, the current EPROCESS.
    pub process_at: Option<u64>,
    /// Where memory has `$teb`.
    pub teb_at: Option<u64>,
    /// How far into an EPROCESS `$peb` lies.
    pub peb_offset: Option<u64>,
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
    fn pseudo(&self, name: &str) -> Result<Option<u64>, Fault> {
        let pseudo = self.pseudo;
        let lower = name.to_ascii_lowercase();
        if let Some(number) = lower.strip_prefix('t')
            && let Ok(number) = number.parse::<usize>()
        {
            return Ok(pseudo.temporaries.get(number).copied());
        }
        Ok(match lower.as_str() {
            "ip" | "scopeip" => self.registers.map(Registers::instruction),
            "csp" => self.registers.map(Registers::stack),
            "retreg" | "retreg64" => self.registers.map(Registers::result),
            "ra" => self.return_address()?,
            "proc" => self.pointer(pseudo.process_at)?,
            "thread" => pseudo.thread,
            "peb" => {
                let process = self.pointer(pseudo.process_at)?;
                let at = process.zip(pseudo.peb_offset);
                self.pointer(at.map(|(process, offset)| process.wrapping_add(offset)))?
            }
            "teb" => self.pointer(pseudo.teb_at)?,
            "exp" => Some(pseudo.last),
            "ptrsize" => Some(self.machine.pointer_bytes() as u64),
            "pagesize" => Some(PAGE_BYTES),
            _ => pseudo.others.get(&lower).copied(),
        })
    }
    fn symbol(&self, module: Option<&str>, name: &str) -> Option<u64> {
        self.names.address_of(module, name)
    }
}

impl Surroundings<'_> {
    /// Where the current function returns to.
    fn return_address(&self) -> Result<Option<u64>, Fault> {
        let Some(registers) = self.registers else {
            return Ok(None);
        };
        let caller = unwind::caller(self.memory, self.names.modules(), registers)?;
        Ok(caller.map(|caller| caller.instruction()))
    }

    /// The pointer at an address, if it can be read.
    fn pointer(&self, at: Option<u64>) -> Result<Option<u64>, Fault> {
        let Some(at) = at else {
            return Ok(None);
        };
        let value = readable(self.memory.number(at, self.machine.pointer_bytes()))?;
        Ok(value.map(|value| self.machine.canonical(value)))
    }
}

/// `$pagesize`: the same on all machines read here.
const PAGE_BYTES: u64 = 0x1000;
