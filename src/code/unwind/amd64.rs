//! x64: every function but a leaf tells in its image how its frame is undone.
//!
//! Source: Microsoft's description of x64 exception handling.

use super::epilogue;
use super::{End, Step};
use crate::code::memory::{Fault, Memory};
use crate::code::modules::Modules;
use crate::code::pe::{Function, Image, ImageError};
use crate::code::registers::Registers;

pub fn step(
    memory: &dyn Memory,
    modules: &Modules,
    registers: &Registers,
    exact: bool,
) -> Result<Step, Fault> {
    let rip = registers.instruction();
    let before = registers.stack();
    let mut frame = Undoing {
        memory,
        registers: registers.clone(),
        interrupted: false,
    };
    match modules.at(rip) {
        // Code outside of all images is taken for a leaf only where the processor really is.
        None if !exact => {
            return Ok(Step::End(End::Broken(
                "the return address lies in no module",
            )));
        }
        None => {}
        Some(module) => match undo_function(&mut frame, module.base, rip, exact) {
            Ok(()) => {}
            Err(ImageError::Memory(fault)) => return Err(fault),
            Err(ImageError::Damaged { reason, .. }) => return Ok(Step::End(End::Broken(reason))),
        },
    }
    let Undoing {
        mut registers,
        interrupted,
        ..
    } = frame;
    if !interrupted {
        let stack = registers.stack();
        registers.set("rip", memory.number(stack, 8)?);
        registers.set("rsp", stack.wrapping_add(8));
        if registers.stack() <= before {
            return Ok(Step::End(End::Broken("the stack does not rise")));
        }
    }
    Ok(Step::Caller {
        stack: before,
        arguments: registers.stack(),
        caller: Box::new(registers),
        interrupted,
    })
}

/// A frame that is being undone.
struct Undoing<'a> {
    memory: &'a dyn Memory,
    registers: Registers,
    /// Whether a machine frame was found: the registers are complete.
    interrupted: bool,
}

impl Undoing<'_> {
    fn stack(&self) -> u64 {
        self.registers.stack()
    }

    fn release(&mut self, bytes: u64) {
        self.registers.set("rsp", self.stack().wrapping_add(bytes));
    }

    fn pop(&mut self, register: u8) -> Result<(), Fault> {
        let value = self.memory.number(self.stack(), 8)?;
        self.release(8);
        self.registers.set(name(register), value);
        Ok(())
    }
}

/// Undoes the frame of the function at `rip`, all but its return address. Leaf functions have none.
fn undo_function(
    frame: &mut Undoing<'_>,
    base: u64,
    rip: u64,
    exact: bool,
) -> Result<(), ImageError> {
    let memory = frame.memory;
    let image = Image::read(memory, base)?;
    let Ok(offset) = u32::try_from(rip - base) else {
        return Ok(());
    };
    let Some(mut function) = image.function(memory, offset)? else {
        return Ok(());
    };
    let damaged = |reason| ImageError::Damaged { base, reason };
    for link in 0..CHAIN_MAX {
        // An odd offset leads to another entry of the function table, for code that shares unwind information.
        for _ in 0..CHAIN_MAX {
            if function.unwind & 1 != 0 {
                function = entry(memory, base, function.unwind & !1)?;
            }
        }
        let information = Information::read(memory, base, function.unwind)?;
        // Only the part of the function that is running can be in its prologue or epilogue.
        let done = if link == 0 {
            offset.wrapping_sub(function.start)
        } else {
            u32::MAX
        };
        let in_prologue = done < information.prologue_bytes.into();
        if exact && link == 0 && !in_prologue {
            let part = (
                base + u64::from(function.start),
                base + u64::from(function.end),
            );
            if let Some(tail) = epilogue::find(memory, rip, part, information.frame_register)? {
                if let Some((register, displacement)) = tail.stack_from {
                    let value = frame.registers.get(name(register)).unwrap_or_default();
                    frame.registers.set("rsp", value.wrapping_add(displacement));
                }
                frame.release(tail.released);
                for register in tail.popped {
                    frame.pop(register)?;
                }
                return Ok(());
            }
        }
        information.undo(frame, done)?;
        if frame.interrupted {
            return Ok(());
        }
        let Some(next) = information.chained else {
            return Ok(());
        };
        function = next;
    }
    Err(damaged("its unwind information is chained in a circle"))
}

/// How a function builds its frame.
struct Information {
    prologue_bytes: u8,
    frame_register: Option<u8>,
    frame_offset: u64,
    version: u8,
    codes: Vec<[u8; 2]>,
    chained: Option<Function>,
}

impl Information {
    fn read(memory: &dyn Memory, base: u64, offset: u32) -> Result<Self, ImageError> {
        let damaged = |reason| ImageError::Damaged { base, reason };
        let at = base.wrapping_add(offset.into());
        let mut header = [0; 4];
        memory.read(at, &mut header)?;
        let [first, prologue_bytes, count, frame] = header;
        let (version, flags) = (first & 7, first >> 3);
        if !matches!(version, 1 | 2) {
            return Err(damaged("unwind information of an unknown version"));
        }
        let mut codes = vec![0; usize::from(count) * 2];
        memory.read(at.wrapping_add(4), &mut codes)?;
        let chained = if flags & CHAINED == 0 {
            None
        } else {
            // Codes are padded to an even number.
            let after = 4 + u32::from(count).next_multiple_of(2) * 2;
            Some(entry(memory, base, offset.wrapping_add(after))?)
        };
        Ok(Self {
            prologue_bytes,
            frame_register: (frame & 0xf != 0).then_some(frame & 0xf),
            frame_offset: u64::from(frame >> 4) * 16,
            version,
            codes: codes.as_chunks().0.to_vec(),
            chained,
        })
    }

    /// Undoes what the first `done` bytes of the function did.
    fn undo(&self, frame: &mut Undoing<'_>, done: u32) -> Result<(), ImageError> {
        let memory = frame.memory;
        let pointer = |frame: &Undoing<'_>| {
            let register = frame.registers.get(name(self.frame_register?))?;
            Some(register.wrapping_sub(self.frame_offset))
        };
        let set_up = done >= self.prologue_bytes.into()
            || self
                .steps()
                .any(|(at, operation, _)| operation & 0xf == SET_FRAME && u32::from(at) <= done);
        let saved = if set_up { pointer(frame) } else { None }.unwrap_or_else(|| frame.stack());
        for (at, operation, operand) in self.steps() {
            if u32::from(at) > done {
                continue;
            }
            let register = operation >> 4;
            match operation & 0xf {
                PUSH => frame.pop(register)?,
                ALLOCATE_LARGE | ALLOCATE_SMALL => frame.release(operand),
                SET_FRAME => {
                    let stack = pointer(frame).unwrap_or_else(|| frame.stack());
                    frame.registers.set("rsp", stack);
                }
                SAVE | SAVE_FAR => {
                    let value = memory.number(saved.wrapping_add(operand), 8)?;
                    frame.registers.set(name(register), value);
                }
                MACHINE_FRAME => {
                    // An error code may lie below it.
                    frame.release(u64::from(register) * 8);
                    let stack = frame.stack();
                    frame.registers.set("rip", memory.number(stack, 8)?);
                    frame
                        .registers
                        .set("rsp", memory.number(stack.wrapping_add(24), 8)?);
                    frame.interrupted = true;
                    return Ok(());
                }
                // Saved vector registers and descriptions of epilogues move nothing that is followed here.
                _ => {}
            }
        }
        Ok(())
    }

    /// The operations with their position in the prologue and their operand in bytes, last one first. Ends at a
    /// damaged one.
    fn steps(&self) -> impl Iterator<Item = (u8, u8, u64)> {
        let mut rest = self.codes.as_slice();
        std::iter::from_fn(move || {
            let (&[at, operation], after) = rest.split_first()?;
            let slots = match (operation & 0xf, operation >> 4) {
                (SAVE | 8, _) | (ALLOCATE_LARGE, 0) => 1,
                (SAVE_FAR | 9, _) | (ALLOCATE_LARGE, _) => 2,
                (6, _) if self.version == 1 => 1,
                (7, _) => 2,
                _ => 0,
            };
            let (operands, after) = after.split_at_checked(slots)?;
            rest = after;
            let operand = match (operation & 0xf, operands) {
                (ALLOCATE_SMALL, _) => u64::from(operation >> 4) * 8 + 8,
                (_, [word]) => u64::from(u16::from_le_bytes(*word)) * 8,
                (_, [[a, b], [c, d]]) => u32::from_le_bytes([*a, *b, *c, *d]).into(),
                _ => 0,
            };
            Some((at, operation, operand))
        })
    }
}

/// The entry of a function table at an offset.
fn entry(memory: &dyn Memory, base: u64, offset: u32) -> Result<Function, Fault> {
    let mut bytes = [0; 12];
    memory.read(base.wrapping_add(offset.into()), &mut bytes)?;
    Ok(Function::of(bytes))
}

/// The name of a register by the number instructions have for it.
fn name(register: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ];
    NAMES
        .get(usize::from(register & 0xf))
        .copied()
        .unwrap_or("rax")
}

/// How many pieces of unwind information may be chained; compilers make two or three.
const CHAIN_MAX: usize = 32;

/// The flag of unwind information that goes on in another.
const CHAINED: u8 = 4;

const PUSH: u8 = 0;
const ALLOCATE_LARGE: u8 = 1;
const ALLOCATE_SMALL: u8 = 2;
const SET_FRAME: u8 = 3;
const SAVE: u8 = 4;
const SAVE_FAR: u8 = 5;
const MACHINE_FRAME: u8 = 10;
