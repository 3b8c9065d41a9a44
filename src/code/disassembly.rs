//! Instructions as text, in the columns of KD's `u`.

use super::machine::Machine;
use super::memory::{Fault, Memory};
use super::names::Names;
use super::registers::Registers;

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
    pub fn next(&self) -> u64 {
        unimplemented!()
    }
    /// What it touches in memory, with the value there (``ds:ffffaa01`00000090=????????????????``), or whether a
    /// branch is taken (`[br=1]`). Only when it was decoded with registers.
    pub fn effective(&self) -> Option<&str> {
        self.effective.as_deref()
    }
    /// Address, bytes and text: one line of `u`.
    pub fn line(&self, machine: Machine) -> String {
        unimplemented!("{machine:?}")
    }
}

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
        unimplemented!("{address}{registers:?}")
    }
    /// The name line above an instruction: `nt!NtCreateFile:`, `nt!NtCreateFile+0x7:`. `None` outside of all modules.
    pub fn heading(&self, address: u64) -> Option<String> {
        unimplemented!("{address}")
    }
    /// What a stop shows: heading, and the instruction with its effective address.
    ///
    /// # Errors
    /// [`Fault::Missing`] only: what cannot be read is shown as `???`.
    pub fn stop(&self, registers: &Registers) -> Result<Vec<String>, Fault> {
        unimplemented!("{registers:?}")
    }
    /// `count` instructions from `address` on, with headings where names begin; and where the next `u` goes on.
    ///
    /// # Errors
    /// [`Fault::Missing`] only: it ends with a line of `???` where memory cannot be read.
    pub fn forward(&self, address: u64, count: usize) -> Result<(Vec<String>, u64), Fault> {
        unimplemented!("{address}{count}")
    }
    /// The instructions from `address` to `end` inclusive.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    pub fn between(&self, address: u64, end: u64) -> Result<(Vec<String>, u64), Fault> {
        unimplemented!("{address}{end}")
    }
    /// The `count` instructions before `address` (`ub`), and where the listing begins. x86 has no way back but guessing:
    /// it starts far enough before for the decoder to fall into step.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    pub fn backward(&self, address: u64, count: usize) -> Result<(Vec<String>, u64), Fault> {
        unimplemented!("{address}{count}")
    }
    /// The whole function around `address` (`uf`): by the function table of its image, else by following its
    /// branches.
    ///
    /// # Errors
    /// [`Fault::Missing`] only.
    pub fn function(&self, address: u64) -> Result<Vec<String>, Fault> {
        unimplemented!("{address}")
    }
}
