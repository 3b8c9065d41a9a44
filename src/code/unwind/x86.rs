//! Stepping to callers on 32-bit x86: the chain of frame pointers.
//!
//! Code that keeps no frame pointer hides its caller's frame; only in the innermost frame the instructions tell that
//! the frame pointer is not set yet, or no longer.

use super::{End, NOT_ABOVE, Stop, Walker};
use crate::code::machine::Machine;
use crate::code::memory::{Fault, Memory};
use crate::code::registers::Registers;

/// Walks stacks of x86 code.
pub(super) struct X86<'a> {
    memory: &'a dyn Memory,
    instruction: u64,
    /// The stack pointer.
    top: u64,
    /// Where the frame pointer of the caller lies, below the return address; zero at the bottom.
    frame: u64,
    /// The frame pointer of the caller where it was not pushed.
    kept: Option<u64>,
}

impl<'a> X86<'a> {
    pub(super) fn new(memory: &'a dyn Memory, registers: &Registers) -> Result<Self, Fault> {
        let (instruction, top) = (registers.instruction(), registers.stack());
        let code = memory.read_readable(instruction, CODE_BYTES)?;
        let code: Vec<u8> = code.into_iter().map_while(|byte| byte).collect();
        let before = memory.read_readable(above(instruction, u64::MAX), 1)?;
        let pushed = before.first() == Some(&Some(PUSH_EBP));
        let (frame, kept) = match code.as_slice() {
            // Setting the frame pointer.
            [0x8b, 0xec, ..] | [0x89, 0xe5, ..] if pushed => (top, None),
            // Pushing it, returning, or a breakpoint as a function of its own.
            [PUSH_EBP, ..]
            | [0x8b, 0xff, PUSH_EBP, ..]
            | [0xc2 | 0xc3, ..]
            | [0xcc, 0xc2 | 0xc3, ..] => {
                (above(top, 4_u64.wrapping_neg()), Some(registers.frame()))
            }
            _ => (registers.frame(), None),
        };
        Ok(Self {
            memory,
            instruction,
            top,
            frame,
            kept,
        })
    }
}

impl Walker for X86<'_> {
    fn instruction(&self) -> u64 {
        self.instruction
    }

    fn stack(&self) -> u64 {
        self.frame
    }

    fn step(&mut self) -> Result<Option<u64>, Stop> {
        if self.frame == 0 {
            return Err(Stop::End(End::Bottom));
        }
        let word = |at| Ok::<u64, Stop>(Machine::X86.canonical(self.memory.number(at, 4)?));
        let instruction = word(above(self.frame, 4))?;
        let frame = match self.kept {
            Some(frame) => frame,
            None => word(self.frame)?,
        };
        if frame != 0 && frame <= self.frame && instruction != 0 {
            return Err(NOT_ABOVE);
        }
        let arguments = above(self.frame, 8);
        (self.instruction, self.top, self.frame, self.kept) = (instruction, arguments, frame, None);
        Ok(Some(arguments))
    }

    fn store(&self, registers: &mut Registers) {
        for (name, value) in [
            ("eip", self.instruction),
            ("esp", self.top),
            ("ebp", self.frame),
        ] {
            registers.set(name, value);
        }
    }
}

/// An address some bytes above another one.
const fn above(address: u64, bytes: u64) -> u64 {
    Machine::X86.canonical(address.wrapping_add(bytes))
}

/// How much code tells where the frame pointer is.
const CODE_BYTES: usize = 3;

const PUSH_EBP: u8 = 0x55;
