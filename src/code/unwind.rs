//! Who called whom: stacks from registers and memory.

use super::machine::Machine;
use super::memory::{Fault, Memory, readable};
use super::modules::Modules;
use super::names::Names;
use super::registers::Registers;

mod amd64;
mod arm64;
mod epilogue;
#[cfg(test)]
mod tests;
mod x86;

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

/// One step from a function to its caller.
enum Step {
    /// The registers of the caller, and what is shown of the function it called.
    Caller {
        /// Boxed: the other outcomes are small.
        caller: Box<Registers>,
        /// What the frame of the function is called by.
        stack: u64,
        /// Where the caller left arguments.
        arguments: u64,
        /// Whether the caller was interrupted rather than called: its instruction pointer is exact.
        interrupted: bool,
    },
    End(End),
}

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
    let machine = registers.machine();
    let mut frames = Vec::new();
    let mut current = registers.clone();
    let mut exact = true;
    let limit = limit.min(FRAMES_MAX);
    let end = loop {
        if frames.len() == limit {
            break End::Limit;
        }
        let mut frame = Frame {
            instruction: current.instruction(),
            stack: if machine == Machine::X86 {
                current.frame()
            } else {
                current.stack()
            },
            return_address: 0,
            arguments: [None; 4],
        };
        match step(memory, modules, &current, exact)? {
            Step::End(end) => {
                frames.push(frame);
                break end;
            }
            Step::Caller {
                caller,
                stack,
                arguments,
                interrupted,
            } => {
                frame.stack = stack;
                frame.return_address = caller.instruction();
                let pointer = machine.pointer_bytes();
                for (number, argument) in (0_u64..).zip(&mut frame.arguments) {
                    let at = arguments.wrapping_add(number * pointer as u64);
                    *argument = readable(memory.number(at, pointer))?;
                }
                frames.push(frame);
                exact = interrupted;
                current = *caller;
            }
        }
        if current.instruction() == 0 {
            break End::Bottom;
        }
    };
    Ok(Stack { frames, end })
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
    Ok(match step(memory, modules, registers, true)? {
        Step::Caller { caller, .. } if caller.instruction() != 0 => Some(*caller),
        Step::Caller { .. } | Step::End(_) => None,
    })
}

/// One step. `exact` tells that the instruction pointer is where the function was stopped, not where a call returns to.
fn step(
    memory: &dyn Memory,
    modules: &Modules,
    registers: &Registers,
    exact: bool,
) -> Result<Step, Fault> {
    let stepped = match registers.machine() {
        Machine::X86 => x86::step(memory, registers, exact),
        Machine::Amd64 => amd64::step(memory, modules, registers, exact),
        Machine::Arm64 => arm64::step(memory, registers, exact),
    };
    match stepped {
        Err(Fault::Unreadable { address }) => Ok(Step::End(End::Unreadable(address))),
        stepped => stepped,
    }
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
    names: &Names<'_>,
    columns: Columns,
) -> Vec<String> {
    let wide = machine.is_64bit();
    let heading = match (wide, columns) {
        (true, Columns::Plain) => format!(" # {:<17} {:<21} Call Site", "Child-SP", "RetAddr"),
        (true, Columns::Arguments) => {
            format!(
                " # {:<17} {:<21} : {:<71} : Call Site",
                "Child-SP", "RetAddr", "Args to Child"
            )
        }
        (false, Columns::Plain) => " # ChildEBP RetAddr".to_owned(),
        (false, Columns::Arguments) => " # ChildEBP RetAddr  Args to Child".to_owned(),
    };
    let mut lines = vec![heading];
    for (number, frame) in stack.frames.iter().enumerate() {
        let site = names.near(frame.instruction).map_or_else(
            || format!("0x{}", machine.address(frame.instruction)),
            |near| near.to_string(),
        );
        let shown = |argument: &Option<u64>| match argument {
            Some(value) => machine.address(*value).to_string(),
            None if wide => "????????`????????".to_owned(),
            None => "????????".to_owned(),
        };
        let arguments: Vec<String> = frame
            .arguments
            .iter()
            .take(if wide { 4 } else { 3 })
            .map(shown)
            .collect();
        let arguments = arguments.join(" ");
        let (at, returns) = (
            machine.address(frame.stack),
            machine.address(frame.return_address),
        );
        lines.push(match (wide, columns) {
            (true, Columns::Plain) => format!("{number:02x} {at} {returns:<21} {site}"),
            (true, Columns::Arguments) => {
                format!("{number:02x} {at} {returns:<21} : {arguments} : {site}")
            }
            (false, Columns::Plain) => format!("{number:02x} {at} {returns} {site}"),
            (false, Columns::Arguments) => {
                format!("{number:02x} {at} {returns} {arguments} {site}")
            }
        });
    }
    lines
}
