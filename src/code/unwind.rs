//! Who called whom: stacks from registers and memory.

use super::machine::Machine;
use super::memory::{Fault, Memory};
use super::modules::Modules;
use super::registers::Registers;

/// One frame of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where the function is: the instruction pointer, for callers the return address.
    pub instruction: u64,
    /// What KD shows first: the stack pointer inside the function (`Child-SP`), on x86 its frame pointer (`ChildEBP`).
    pub stack: u64,
    /// Where it returns to; zero in the last frame.
    pub return_address: u64,
    /// The first four words where a caller leaves arguments: what `kb` shows. `None` where they cannot be read.
    pub arguments: [Option<u64>; 4],
}

/// Why a stack ends where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A return address of zero: the bottom.
    Bottom,
    /// As many frames as were wanted.
    Limit,
    /// This memory cannot be read.
    Unreadable(u64),
    /// The next frame is not above this one, or makes no sense.
    Broken(&'static str),
}

/// A stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The frames, innermost first.
    pub frames: Vec<Frame>,
    /// Why it ends.
    pub end: End,
}

/// The most frames a stack has.
pub const FRAMES_MAX: usize = 0xffff;

/// Walks the stack that `registers` are in, for at most `limit` frames.
///
/// # Errors
/// [`Fault::Missing`] only: what cannot be read ends the stack.
pub fn walk(
    memory: &dyn Memory,
    modules: &Modules,
    registers: &Registers,
    limit: usize,
) -> Result<Stack, Fault> {
    let _ = (memory, modules, registers, limit);
    unimplemented!()
}

/// The registers of the caller: what `gu` needs, and `$ra` is their instruction pointer. `None` at the bottom.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn caller(
    memory: &dyn Memory,
    modules: &Modules,
    registers: &Registers,
) -> Result<Option<Registers>, Fault> {
    let _ = (memory, modules, registers);
    unimplemented!()
}

/// Which columns `k` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// `k`
    Plain,
    /// `kb`, `kv`: with arguments.
    Arguments,
}

/// The lines `k` prints, with the heading.
pub fn listing(
    stack: &Stack,
    machine: Machine,
    names: &super::names::Names<'_>,
    columns: Columns,
) -> Vec<String> {
    let _ = (stack, machine, names, columns);
    unimplemented!()
}
