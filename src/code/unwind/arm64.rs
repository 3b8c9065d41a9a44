//! Stepping to callers on ARM64: the chain of frame records, each the frame pointer and the return address of a caller.
//!
//! The stack pointer of a caller is not in that chain; what is told of it is where it cannot be below. Source: the
//! public description of the ABI (frame records, prologues) and of the instruction set.

use super::{End, NOT_ABOVE, Stop, Walker, broken};
use crate::code::memory::{Fault, Memory, readable};
use crate::code::registers::Registers;

/// Walks stacks of ARM64 code.
pub(super) struct Arm64<'a> {
    memory: &'a dyn Memory,
    instruction: u64,
    stack: u64,
    frame: u64,
    /// The return address, in the innermost frame, while it is not on the stack.
    link: Option<u64>,
}

impl<'a> Arm64<'a> {
    pub(super) fn new(memory: &'a dyn Memory, registers: &Registers) -> Result<Self, Fault> {
        let instruction = registers.instruction();
        let link = registers.get("lr").unwrap_or_default();
        let in_register = link != 0 && link_is_in_register(memory, instruction)?;
        Ok(Self {
            memory,
            instruction,
            stack: registers.stack(),
            frame: registers.frame(),
            link: in_register.then_some(link),
        })
    }
}

impl Walker for Arm64<'_> {
    fn instruction(&self) -> u64 {
        self.instruction
    }

    fn stack(&self) -> u64 {
        self.stack
    }

    fn step(&mut self) -> Result<Option<u64>, Stop> {
        if let Some(link) = self.link.take() {
            self.instruction = without_signature(link);
            return Ok(None);
        }
        if self.frame == 0 {
            return Err(Stop::End(End::Bottom));
        }
        if !self.frame.is_multiple_of(8) {
            return Err(broken("a frame pointer that is not aligned"));
        }
        let frame = self.memory.number(self.frame, 8)?;
        let instruction = self.memory.number(self.frame.wrapping_add(8), 8)?;
        if frame != 0 && frame <= self.frame && instruction != 0 {
            return Err(NOT_ABOVE);
        }
        self.instruction = without_signature(instruction);
        self.stack = self.frame.wrapping_add(RECORD_BYTES);
        self.frame = frame;
        Ok(None)
    }

    fn store(&self, registers: &mut Registers) {
        for (name, value) in [
            ("pc", self.instruction),
            ("sp", self.stack),
            ("fp", self.frame),
        ] {
            registers.set(name, value);
        }
    }
}

/// Whether the instructions ahead show that the frame record is not set up yet, or no longer.
fn link_is_in_register(memory: &dyn Memory, address: u64) -> Result<bool, Fault> {
    for number in 0..PROLOGUE_INSTRUCTIONS_MAX {
        let Some(word) = readable(memory.number(address.wrapping_add(number * 4), 4))? else {
            return Ok(false);
        };
        let returns = matches!(word, 0xd65f_03c0 | 0xd65f_0bff | 0xd65f_0fff);
        let stores_pair = word & 0x3a40_03e0 == 0x2800_03e0;
        let stores_record = stores_pair && word & 0x7fff == 0x7bfd;
        let sets_frame = word & 0xffc0_03ff == 0x9100_03fd;
        if returns || stores_record || sets_frame {
            return Ok(true);
        }
        let signs = matches!(word, 0xd503_233f | 0xd503_237f);
        let makes_room = word & 0xff80_03ff == 0xd100_03ff;
        let breaks = number == 0 && word & 0xffe0_001f == 0xd420_0000;
        if !(stores_pair || signs || makes_room || breaks) {
            return Ok(false);
        }
    }
    Ok(false)
}

/// A return address without the signature some processors put into the bits that addresses do not use.
const fn without_signature(address: u64) -> u64 {
    if address >> 55 & 1 == 1 {
        address | !ADDRESS_MASK
    } else {
        address & ADDRESS_MASK
    }
}

/// The bits of addresses: 48, as Windows uses them.
const ADDRESS_MASK: u64 = (1 << 48) - 1;

/// A frame pointer and a return address.
const RECORD_BYTES: u64 = 16;

/// How many instructions ahead are looked at: a prologue saves at most ten pairs of registers.
const PROLOGUE_INSTRUCTIONS_MAX: u64 = 12;
