//! Who called whom: stacks from registers and memory.
//!
//! On x64 from the unwind information of the images, elsewhere from the chain of frame pointers. Stacks and images are
//! the target's and may be hostile: every walk is bounded, and leads upwards.

mod amd64;
mod arm64;
#[cfg(test)]
mod tests;
mod x86;

use super::machine::Machine;
use super::memory::{Fault, Memory, readable};
use super::modules::Modules;
use super::names::Names;
use super::pe::ImageError;
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
    /// The first four words where a caller leaves arguments: what `kb` shows. `None` where they cannot be read, and
    /// where no call left any: on ARM64, and in a function that an interrupt entered.
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

/// Stands in a frame and can step to its caller.
trait Walker {
    /// Where the function is.
    fn instruction(&self) -> u64;
    /// What is shown of the stack.
    fn stack(&self) -> u64;
    /// Steps to the caller and says where the arguments of the call lie. After a [`Stop`] it stands where it stood.
    fn step(&mut self) -> Result<Option<u64>, Stop>;
    /// Puts what is known of the registers in this frame over those of the innermost one.
    fn store(&self, registers: &mut Registers);
}

/// Why a step failed.
enum Stop {
    /// Memory is not known yet.
    Missing(Fault),
    /// There is no caller.
    End(End),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing { .. } => Self::Missing(fault),
            Fault::Unreadable { address } => Self::End(End::Unreadable(address)),
        }
    }
}

impl From<ImageError> for Stop {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Memory(fault) => fault.into(),
            ImageError::Damaged { reason, .. } => broken(reason),
        }
    }
}

const fn broken(reason: &'static str) -> Stop {
    Stop::End(End::Broken(reason))
}

const NOT_ABOVE: Stop = broken("the next frame is not above this one");

/// Walks the stack that `registers` are in, for at most `limit` frames and never more than [`FRAMES_MAX`].
///
/// # Errors
/// [`Fault::Missing`] only: what cannot be read ends the stack.
pub fn walk(
    memory: &dyn Memory,
    modules: &Modules,
    registers: &Registers,
    limit: usize,
) -> Result<Stack, Fault> {
    let mut walker = walker(memory, modules, registers)?;
    let pointer = registers.machine().pointer_bytes();
    let mut frames = Vec::new();
    while frames.len() < limit.min(FRAMES_MAX) {
        let mut frame = Frame {
            instruction: walker.instruction(),
            stack: walker.stack(),
            return_address: 0,
            arguments: [None; 4],
        };
        let end = match walker.step() {
            Ok(arguments) => {
                if let Some(at) = arguments {
                    for (argument, number) in frame.arguments.iter_mut().zip(0..) {
                        let at = at.wrapping_add(number * pointer as u64);
                        *argument = readable(memory.number(at, pointer))?;
                    }
                }
                frame.return_address = walker.instruction();
                (frame.return_address == 0).then_some(End::Bottom)
            }
            Err(Stop::Missing(fault)) => return Err(fault),
            Err(Stop::End(end)) => Some(end),
        };
        frames.push(frame);
        if let Some(end) = end {
            return Ok(Stack { frames, end });
        }
    }
    Ok(Stack {
        frames,
        end: End::Limit,
    })
}

/// The registers of the caller: what `gu` needs, and `$ra` is their instruction pointer. `None` at the bottom, and where
/// the caller cannot be found. Registers that functions may change keep the value they have in the innermost frame; on
/// ARM64 the caller's stack pointer is not below the one given.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn caller(
    memory: &dyn Memory,
    modules: &Modules,
    registers: &Registers,
) -> Result<Option<Registers>, Fault> {
    let mut walker = walker(memory, modules, registers)?;
    match walker.step() {
        Ok(_) if walker.instruction() == 0 => Ok(None),
        Ok(_) => {
            let mut registers = registers.clone();
            walker.store(&mut registers);
            Ok(Some(registers))
        }
        Err(Stop::Missing(fault)) => Err(fault),
        Err(Stop::End(_)) => Ok(None),
    }
}

fn walker<'a>(
    memory: &'a dyn Memory,
    modules: &'a Modules,
    registers: &Registers,
) -> Result<Box<dyn Walker + 'a>, Fault> {
    Ok(match registers.machine() {
        Machine::Amd64 => Box::new(amd64::Amd64::new(memory, modules, registers)),
        Machine::X86 => Box::new(x86::X86::new(memory, registers)?),
        Machine::Arm64 => Box::new(arm64::Arm64::new(memory, registers)?),
    })
}

/// Which columns `k` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// `k`
    Plain,
    /// `kb`, `kv`: with arguments.
    Arguments,
}

/// The lines `k` prints, with the heading. A stack that ends neither at its bottom nor at the limit has a last line that
/// says why.
pub fn listing(
    stack: &Stack,
    machine: Machine,
    names: &Names<'_>,
    columns: Columns,
) -> Vec<String> {
    let wide = machine.is_64bit();
    let arguments = columns == Columns::Arguments;
    let heading = match (wide, arguments) {
        (true, false) => format!(" # {:17} {:21} Call Site", "Child-SP", "RetAddr"),
        (true, true) => format!(
            " # {:17} {:21} : {:71} : Call Site",
            "Child-SP", "RetAddr", "Args to Child"
        ),
        (false, false) => " # ChildEBP RetAddr".to_owned(),
        (false, true) => " # ChildEBP RetAddr  Args to Child".to_owned(),
    };
    let mut lines = vec![heading];
    for (number, frame) in stack.frames.iter().enumerate() {
        let site = names.near(frame.instruction).map_or_else(
            || format!("0x{}", machine.address(frame.instruction)),
            |near| near.to_string(),
        );
        let (below, back) = (
            machine.address(frame.stack),
            machine.address(frame.return_address),
        );
        let words: Vec<String> = frame
            .arguments
            .iter()
            .map(|word| match word {
                Some(word) => machine.address(*word).to_string(),
                None if wide => "????????`????????".to_owned(),
                None => "????????".to_owned(),
            })
            .collect();
        lines.push(match (wide, arguments) {
            (true, false) => format!("{number:02x} {below} {back:21} {site}"),
            (true, true) => format!(
                "{number:02x} {below} {back:21} : {} : {site}",
                words.join(" ")
            ),
            (false, false) => format!("{number:02x} {below} {back} {site}"),
            (false, true) => {
                let shown: Vec<String> = words.into_iter().take(X86_ARGUMENTS).collect();
                format!("{number:02x} {below} {back} {} {site}", shown.join(" "))
            }
        });
    }
    match stack.end {
        End::Bottom | End::Limit => {}
        End::Unreadable(address) => {
            lines.push(format!(
                "The stack ends here: {} cannot be read.",
                machine.address(address)
            ));
        }
        End::Broken(reason) => lines.push(format!("The stack ends here: {reason}.")),
    }
    lines
}

/// How many arguments a line has where addresses have 32 bits.
const X86_ARGUMENTS: usize = 3;
