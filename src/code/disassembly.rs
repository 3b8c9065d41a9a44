//! Instructions as text, in the columns of KD's `u`.
//!
//! Not a debugger: nothing here steps or sets breakpoints. x86 and amd64 instructions are decoded in full; those of ARM64
//! are shown as words, of which only the branches are understood. Sources: the manuals of the processors; the layout is
//! that of KD's public documentation.

use super::machine::Machine;
use super::memory::{Fault, Memory, readable};
use super::names::Names;
use super::registers::Registers;

mod arm64;
mod backward;
mod function;
#[cfg(test)]
mod tests;
mod x86;

/// Where an instruction goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// To the next one.
    Next,
    /// Into a function and back; the target if the instruction names it.
    Call(Option<u64>),
    /// Back to the caller.
    Return,
    /// Somewhere else.
    Jump(Option<u64>),
    /// Somewhere else, or to the next one.
    Branch(u64),
    /// To itself until a count is done: a string instruction with a repeat prefix.
    Repeat,
    /// Into the system: `int`, `syscall`.
    Interrupt,
    /// Nowhere: not an instruction.
    Invalid,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its address.
    pub address: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub flow: Flow,
    /// Mnemonic and operands in KD's columns, without an effective address.
    pub text: String,
    /// What it does to memory: see [`Instruction::effective`].
    effective: Option<String>,
}

impl Instruction {
    /// The address after it.
    pub const fn next(&self) -> u64 {
        self.address.wrapping_add(self.bytes.len() as u64)
    }

    /// What it touches in memory, with the value there (``ds:ffffaa01`00000090=????????????????``), or whether a
    /// branch is taken (`[br=1]`). Only when it was decoded with registers.
    pub fn effective(&self) -> Option<&str> {
        self.effective.as_deref()
    }

    /// Address, bytes and text: one line of `u`.
    pub fn line(&self, machine: Machine) -> String {
        let hex = |byte: &u8| format!("{byte:02x}");
        // The listings of ARM64 show a word as a number.
        let bytes: String = if machine == Machine::Arm64 {
            self.bytes.iter().rev().map(hex).collect()
        } else {
            self.bytes.iter().map(hex).collect()
        };
        columns(machine, self.address, &bytes, &self.text)
    }
}

/// The columns of a listing.
fn columns(machine: Machine, address: u64, bytes: &str, text: &str) -> String {
    format!("{} {bytes:<15} {text}", machine.address(address))
}

/// What is shown where no instruction can be read or decoded.
const NO_INSTRUCTION: &str = "???";

/// What instructions are read from.
#[derive(Clone, Copy)]
pub struct Disassembler<'a> {
    /// Whose instructions.
    pub machine: Machine,
    /// The memory.
    pub memory: &'a dyn Memory,
    /// The names for addresses.
    pub names: &'a Names<'a>,
}

/// The most instructions one function shows.
pub const INSTRUCTIONS_MAX: usize = 65_536;

/// The longest instruction of x86. Bytes.
const INSTRUCTION_BYTES_MAX: usize = 15;

impl Disassembler<'_> {
    /// The instruction at an address. With registers it tells its [`Instruction::effective`] address.
    ///
    /// # Errors
    /// [`Fault`]: unreadable if not even its first byte can be read.
    pub fn instruction(
        &self,
        address: u64,
        registers: Option<&Registers>,
    ) -> Result<Instruction, Fault> {
        let address = self.machine.canonical(address);
        if self.machine == Machine::Arm64 {
            return arm64::decode(self, address, registers);
        }
        let bytes = self.memory.read_readable(address, INSTRUCTION_BYTES_MAX)?;
        let bytes: Vec<u8> = bytes.into_iter().map_while(|byte| byte).collect();
        if bytes.is_empty() {
            return Err(Fault::Unreadable { address });
        }
        x86::decode(self, address, &bytes, registers)
    }

    /// The name line above an instruction: `nt!NtCreateFile:`, `nt!NtCreateFile+0x7:`. `None` outside of all modules.
    pub fn heading(&self, address: u64) -> Option<String> {
        let near = self.names.near(self.machine.canonical(address))?;
        Some(format!("{near}:"))
    }

    /// What a stop shows: heading, and the instruction with its effective address.
    ///
    /// # Errors
    /// [`Fault::Missing`] only: what cannot be read is shown as `???`.
    pub fn stop(&self, registers: &Registers) -> Result<Vec<String>, Fault> {
        let address = registers.instruction();
        let mut lines: Vec<String> = self.heading(address).into_iter().collect();
        let instruction = readable(self.instruction(address, Some(registers)))?;
        lines.push(match &instruction {
            Some(instruction) => {
                let line = instruction.line(self.machine);
                match instruction.effective() {
                    Some(effective) => format!("{line} {effective}"),
                    None => line,
                }
            }
            None => self.unreadable(address),
        });
        Ok(lines)
    }

    /// `count` instructions from `address` on, with headings where names begin; and where the next `u` goes on.
    ///
    /// # Errors
    /// [`Fault::Missing`] only: it ends with a line of `???` where memory cannot be read.
    pub fn forward(&self, address: u64, count: usize) -> Result<(Vec<String>, u64), Fault> {
        self.listing(address, count, |_| true)
    }

    /// The instructions from `address` to `end` inclusive.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    pub fn between(&self, address: u64, end: u64) -> Result<(Vec<String>, u64), Fault> {
        let end = self.machine.canonical(end);
        self.listing(address, INSTRUCTIONS_MAX, |at| at <= end)
    }

    /// The `count` instructions before `address` (`ub`), and where the listing begins. x86 has no way back but guessing:
    /// it starts far enough before for the decoder to fall into step.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    pub fn backward(&self, address: u64, count: usize) -> Result<(Vec<String>, u64), Fault> {
        let address = self.machine.canonical(address);
        let before = backward::before(self, address, count)?;
        let Some(&start) = before.first() else {
            return Ok((vec![self.unreadable(address.wrapping_sub(1))], address));
        };
        let (lines, _) = self.forward(start, before.len())?;
        Ok((lines, start))
    }

    /// The whole function around `address` (`uf`): by the function table of its image, else by following its
    /// branches.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    pub fn function(&self, address: u64) -> Result<Vec<String>, Fault> {
        function::lines(self, self.machine.canonical(address))
    }

    /// At most `count` instructions while `wanted` says so.
    fn listing(
        &self,
        address: u64,
        count: usize,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<(Vec<String>, u64), Fault> {
        let mut at = self.machine.canonical(address);
        let mut lines = Vec::new();
        for position in 0..count.min(INSTRUCTIONS_MAX) {
            if !wanted(at) {
                break;
            }
            if position == 0 || self.names.begins(at) {
                lines.extend(self.heading(at));
            }
            let Some(instruction) = readable(self.instruction(at, None))? else {
                lines.push(self.unreadable(at));
                break;
            };
            lines.push(instruction.line(self.machine));
            let next = self.machine.canonical(instruction.next());
            let wrapped = next < at;
            at = next;
            if wrapped {
                break;
            }
        }
        Ok((lines, at))
    }

    /// The line in place of an instruction that cannot be read.
    fn unreadable(&self, address: u64) -> String {
        columns(self.machine, address, "??", NO_INSTRUCTION)
    }

    /// An address with its name as operands show it: ``nt!KeBugCheck (fffff801`2a001040)``, the number alone outside of
    /// all modules.
    fn operand(&self, address: u64) -> String {
        let number = self.machine.address(address);
        match self.names.near(address) {
            Some(near) => format!("{near} ({number})"),
            None => number.to_string(),
        }
    }
}
