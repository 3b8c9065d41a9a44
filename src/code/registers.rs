//! The registers of one processor, by name.
//!
//! Values only: where they lie in a record of the target is the caller's matter. Parts of registers (`eax`, `r8w`,
//! `al`) and flags (`zf`, `iopl`) are names of their own here.

use super::machine::Machine;

/// The registers of one processor. All are zero until set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    machine: Machine,
    values: Vec<u64>,
}

impl Registers {
    /// Registers of a machine, all zero.
    pub fn new(machine: Machine) -> Self {
        unimplemented!("{machine:?}")
    }

    /// Which machine they belong to.
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// The value of a register, a part of one, or a flag. Names in any case, without `@`.
    pub fn get(&self, name: &str) -> Option<u64> {
        unimplemented!("{name}")
    }

    /// Sets a register, a part of one or a flag; false if there is no such name or the value does not fit.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        unimplemented!("{name}{value}")
    }

    /// The whole registers in the order they are shown, without parts and flags.
    pub fn names(machine: Machine) -> &'static [&'static str] {
        unimplemented!("{machine:?}")
    }

    /// `rip`, `eip` or `pc`.
    pub fn instruction(&self) -> u64 {
        unimplemented!()
    }

    /// `rsp`, `esp` or `sp`.
    pub fn stack(&self) -> u64 {
        unimplemented!()
    }

    /// `rbp`, `ebp` or `fp`.
    pub fn frame(&self) -> u64 {
        unimplemented!()
    }
}
