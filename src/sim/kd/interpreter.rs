//! Runs one instruction after the other, of the few kinds that the images are made of and somewhat more, so that a
//! debugger may patch code and move the program counter without the machine going to pieces.
//!
//! Encodings are those of the public amd64 manuals. What is not known is an illegal instruction, not an error of ours.

use super::arithmetic::mask;
use super::memory::{Memory, Unmapped, entry};
use super::operand::{ModRm, Operand};
use super::registers::{DR6_UNUSED, Register, Registers, flag};

/// What came of one instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is done.
    Next,
    /// The processor waits for an interrupt; the program counter is behind the instruction.
    Halted,
    /// A byte goes out to an I/O port.
    Out {
        /// The port.
        port: u16,
        /// The byte.
        value: u8,
    },
    /// The kernel asks its debugger, by `int 2dh`; the program counter is behind the instruction.
    Service,
    /// It was not done, or it was and is reported: see [`Trap`].
    Trap(Trap),
}

/// Why the kernel is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// `int3`; the program counter is still at it.
    Breakpoint,
    /// A single step or a hardware breakpoint, as DR6 says.
    Debug,
    /// No such instruction.
    Illegal,
    /// Memory that is not there or may not be used so.
    Fault {
        /// The address.
        address: u64,
        /// What was wanted of it.
        access: Access,
    },
}

/// What is done to memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading; the number is that of the exception's first parameter.
    Read = 0,
    /// Writing.
    Write = 1,
    /// Running.
    Execute = 8,
}

/// Runs the instruction at the program counter. `resumed`: a hardware breakpoint on it has been reported already.
pub fn step(registers: &mut Registers, memory: &mut Memory, resumed: bool) -> Step {
    let armed = registers.special.dr7 & 0xFF != 0;
    if armed && !resumed {
        let rip = registers.rip;
        let hit = watch(registers, |kind, address, _| kind == 0 && address == rip);
        if hit != 0 {
            registers.special.dr6 = DR6_UNUSED | hit;
            return Step::Trap(Trap::Debug);
        }
    }
    let trap = registers.has(flag::TRAP);
    let before = registers.core();
    let mut work = Work {
        registers,
        memory,
        touched: [None; 3],
    };
    let done = work.instruction();
    let touched = work.touched;
    match done {
        Ok(step) => {
            let mut status = if trap { 1 << 14 } else { 0 };
            if armed {
                for (address, bytes, write) in touched.into_iter().flatten() {
                    status |= watch(registers, |kind, at, length| {
                        let meets =
                            at < address.wrapping_add(bytes) && address < at.wrapping_add(length);
                        meets && (kind == 3 || kind == 1 && write)
                    });
                }
            }
            // What else an instruction does is done first; a step is then reported at the next one.
            if status != 0 && matches!(step, Step::Next | Step::Halted) {
                registers.special.dr6 = DR6_UNUSED | status;
                return Step::Trap(Trap::Debug);
            }
            step
        }
        Err(trap) => {
            registers.set_core(before);
            if let Trap::Fault { address, .. } = trap {
                registers.special.cr2 = address;
            }
            Step::Trap(trap)
        }
    }
}

/// Bits of DR6 for the breakpoints that are on and that `hit` (kind, address, length) picks.
fn watch(registers: &Registers, hit: impl Fn(u64, u64, u64) -> bool) -> u64 {
    let dr7 = registers.special.dr7;
    let addresses = (0_u64..).zip(registers.special.breakpoints);
    addresses
        .filter(|(number, address)| {
            let on = dr7 >> (2 * number) & 3 != 0;
            let kind = dr7 >> (16 + 4 * number) & 3;
            let length = [1, 2, 8, 4][(dr7 >> (18 + 4 * number) & 3) as usize];
            on && hit(kind, *address, length)
        })
        .fold(0, |bits, (number, _)| bits | 1 << number)
}

/// One instruction in progress.
pub(super) struct Work<'a> {
    pub registers: &'a mut Registers,
    pub memory: &'a mut Memory,
    /// Address, bytes and whether written, of what was touched.
    touched: [Option<(u64, u64, bool)>; 3],
}

impl Work<'_> {
    fn instruction(&mut self) -> Result<Step, Trap> {
        let at = self.registers.rip;
        let mut rex = 0;
        let mut half = false;
        let opcode = loop {
            match self.code_byte()? {
                0x66 => half = true,
                0xF3 => {}
                prefix @ 0x40..=0x4F => {
                    rex = prefix;
                    break self.code_byte()?;
                }
                opcode => break opcode,
            }
        };
        let wide = rex & 8 != 0;
        let bytes = if wide {
            8
        } else if half {
            2
        } else {
            4
        };
        let extra = if rex & 1 != 0 { 8 } else { 0 };
        match opcode {
            0x50..=0x57 => {
                let value = self.general(opcode & 7 | extra, 8);
                self.push(value)?;
            }
            0x58..=0x5F => {
                let value = self.pop()?;
                self.set_general(opcode & 7 | extra, 8, value);
            }
            // Arithmetic on a register and an operand, both ways.
            0x01 | 0x03 | 0x09 | 0x0B | 0x21 | 0x23 | 0x29 | 0x2B | 0x31 | 0x33 | 0x39 | 0x3B => {
                let modrm = self.modrm(rex, 0)?;
                let (left, right) = (
                    self.read(modrm.operand, bytes)?,
                    self.general(modrm.field, bytes),
                );
                if opcode & 2 == 0 {
                    if let Some(result) = self.registers.arithmetic(opcode >> 3, left, right, bytes)
                    {
                        self.write(modrm.operand, bytes, result)?;
                    }
                } else if let Some(result) =
                    self.registers.arithmetic(opcode >> 3, right, left, bytes)
                {
                    self.set_general(modrm.field, bytes, result);
                }
            }
            // Arithmetic on an operand and a number.
            0x80 | 0x81 | 0x83 => {
                let bytes = if opcode == 0x80 { 1 } else { bytes };
                let behind = if opcode == 0x81 { bytes.min(4) } else { 1 };
                let modrm = self.modrm(rex, behind)?;
                let left = self.read(modrm.operand, bytes)?;
                let right = self.number(behind)?;
                if let Some(result) = self
                    .registers
                    .arithmetic(modrm.field & 7, left, right, bytes)
                {
                    self.write(modrm.operand, bytes, result)?;
                }
            }
            0x84 | 0x85 => {
                let bytes = if opcode == 0x84 { 1 } else { bytes };
                let modrm = self.modrm(rex, 0)?;
                let both = self.read(modrm.operand, bytes)? & self.general(modrm.field, bytes);
                self.registers.logic(both, bytes);
            }
            0x88 | 0x89 => {
                let bytes = if opcode == 0x88 { 1 } else { bytes };
                let modrm = self.modrm(rex, 0)?;
                let value = self.general(modrm.field, bytes);
                self.write(modrm.operand, bytes, value)?;
            }
            0x8A | 0x8B => {
                let bytes = if opcode == 0x8A { 1 } else { bytes };
                let modrm = self.modrm(rex, 0)?;
                let value = self.read(modrm.operand, bytes)?;
                self.set_general(modrm.field, bytes, value);
            }
            0x8D => match self.modrm(rex, 0)? {
                ModRm {
                    field,
                    operand: Operand::Memory(address),
                } => self.set_general(field, bytes, address),
                _ => return Err(Trap::Illegal),
            },
            0x90 => {}
            0xA8 => {
                let number = self.number(1)?;
                let both = self.general(0, 1) & number;
                self.registers.logic(both, 1);
            }
            0xB0..=0xB7 => {
                let value = self.number(1)?;
                self.set_general(opcode & 7 | extra, 1, value);
            }
            0xB8..=0xBF => {
                let value = self.number(bytes)?;
                self.set_general(opcode & 7 | extra, bytes, value);
            }
            0xC6 | 0xC7 => {
                let bytes = if opcode == 0xC6 { 1 } else { bytes };
                let behind = bytes.min(4);
                let modrm = self.modrm(rex, behind)?;
                let value = self.number(behind)?;
                self.write(modrm.operand, bytes, value)?;
            }
            0xF6 | 0xF7 => {
                let bytes = if opcode == 0xF6 { 1 } else { bytes };
                let behind = bytes.min(4);
                let modrm = self.modrm(rex, behind)?;
                if modrm.field & 7 > 1 {
                    return Err(Trap::Illegal);
                }
                let both = self.read(modrm.operand, bytes)? & self.number(behind)?;
                self.registers.logic(both, bytes);
            }
            0x70..=0x7F => {
                let distance = self.number(1)?;
                if self.registers.condition(opcode) {
                    self.registers.rip = self.registers.rip.wrapping_add(distance);
                }
            }
            0xEB | 0xE9 => {
                let distance = self.number(if opcode == 0xEB { 1 } else { 4 })?;
                self.registers.rip = self.registers.rip.wrapping_add(distance);
            }
            0xE8 => {
                let distance = self.number(4)?;
                let back = self.registers.rip;
                self.push(back)?;
                self.registers.rip = back.wrapping_add(distance);
            }
            0xC3 => self.registers.rip = self.pop()?,
            0xFF => self.group(rex, bytes)?,
            0xCC => {
                self.registers.rip = at;
                return Err(Trap::Breakpoint);
            }
            0xCD => {
                return match self.number(1)? {
                    3 => Err(Trap::Breakpoint),
                    0x2D => Ok(Step::Service),
                    _ => Err(Trap::Illegal),
                };
            }
            // iretq
            0xCF if wide => {
                let rip = self.pop()?;
                let _code = self.pop()?;
                let flags = self.pop()?;
                let stack = self.pop()?;
                self.registers.rip = rip;
                self.registers.flags = flags | flag::ALWAYS;
                self.registers.set(Register::Rsp, stack);
            }
            0xEE => {
                let value = self.general(0, 1) as u8;
                let port = self.general(Register::Rdx as u8, 2) as u16;
                return Ok(Step::Out { port, value });
            }
            0xF4 => return Ok(Step::Halted),
            0xFA => self.registers.flags &= !flag::INTERRUPT,
            0xFB => self.registers.flags |= flag::INTERRUPT,
            0x0F => self.second_page(rex, bytes)?,
            _ => return Err(Trap::Illegal),
        }
        Ok(Step::Next)
    }

    /// Opcodes of two bytes.
    fn second_page(&mut self, rex: u8, bytes: u64) -> Result<(), Trap> {
        match self.code_byte()? {
            0x1F => {
                self.modrm(rex, 0)?;
            }
            opcode @ 0x80..=0x8F => {
                let distance = self.number(4)?;
                if self.registers.condition(opcode) {
                    self.registers.rip = self.registers.rip.wrapping_add(distance);
                }
            }
            opcode @ (0xB6 | 0xB7) => {
                let modrm = self.modrm(rex, 0)?;
                let value = self.read(modrm.operand, if opcode == 0xB6 { 1 } else { 2 })?;
                self.set_general(modrm.field, bytes, value);
            }
            _ => return Err(Trap::Illegal),
        }
        Ok(())
    }

    /// Opcode 0xFF: one more, one less, calls, jumps and pushes of an operand.
    fn group(&mut self, rex: u8, bytes: u64) -> Result<(), Trap> {
        let modrm = self.modrm(rex, 0)?;
        match modrm.field & 7 {
            operation @ (0 | 1) => {
                let value = self.read(modrm.operand, bytes)?;
                let carry = self.registers.flags & flag::CARRY;
                let kind = if operation == 0 { 0 } else { 5 };
                let result = self
                    .registers
                    .arithmetic(kind, value, 1, bytes)
                    .unwrap_or_default();
                self.registers.flags = self.registers.flags & !flag::CARRY | carry;
                self.write(modrm.operand, bytes, result)?;
            }
            2 => {
                let goal = self.read(modrm.operand, 8)?;
                let back = self.registers.rip;
                self.push(back)?;
                self.registers.rip = goal;
            }
            4 => self.registers.rip = self.read(modrm.operand, 8)?,
            6 => {
                let value = self.read(modrm.operand, 8)?;
                self.push(value)?;
            }
            _ => return Err(Trap::Illegal),
        }
        Ok(())
    }

    pub(super) fn general(&self, number: u8, bytes: u64) -> u64 {
        self.registers.get(register(number)) & mask(bytes)
    }

    /// Writing four bytes clears the upper four, as the processor has it.
    fn set_general(&mut self, number: u8, bytes: u64, value: u64) {
        let old = self.registers.get(register(number));
        let kept = if bytes >= 4 { 0 } else { old & !mask(bytes) };
        self.registers
            .set(register(number), kept | value & mask(bytes));
    }

    fn read(&mut self, operand: Operand, bytes: u64) -> Result<u64, Trap> {
        match operand {
            Operand::Register(number) => Ok(self.general(number, bytes)),
            Operand::Memory(address) => {
                let mut value = [0; 8];
                let part = value.get_mut(..bytes as usize).unwrap_or_default();
                let fault = |Unmapped(address)| Trap::Fault {
                    address,
                    access: Access::Read,
                };
                self.memory.read(address, part).map_err(fault)?;
                self.touch(address, bytes, false);
                Ok(u64::from_le_bytes(value))
            }
        }
    }

    fn write(&mut self, operand: Operand, bytes: u64, value: u64) -> Result<(), Trap> {
        match operand {
            Operand::Register(number) => self.set_general(number, bytes, value),
            Operand::Memory(address) => {
                for at in [address, address.wrapping_add(bytes - 1)] {
                    let writable = self
                        .memory
                        .translate(at)
                        .is_some_and(|it| it.entry & entry::WRITE != 0);
                    if !writable {
                        return Err(Trap::Fault {
                            address: at,
                            access: Access::Write,
                        });
                    }
                }
                let value = value.to_le_bytes();
                let part = value.get(..bytes as usize).unwrap_or_default();
                let fault = |Unmapped(address)| Trap::Fault {
                    address,
                    access: Access::Write,
                };
                self.memory.write(address, part).map_err(fault)?;
                self.touch(address, bytes, true);
            }
        }
        Ok(())
    }

    fn touch(&mut self, address: u64, bytes: u64, write: bool) {
        if let Some(free) = self.touched.iter_mut().find(|place| place.is_none()) {
            *free = Some((address, bytes, write));
        }
    }

    fn push(&mut self, value: u64) -> Result<(), Trap> {
        let top = self.registers.get(Register::Rsp).wrapping_sub(8);
        self.write(Operand::Memory(top), 8, value)?;
        self.registers.set(Register::Rsp, top);
        Ok(())
    }

    fn pop(&mut self) -> Result<u64, Trap> {
        let top = self.registers.get(Register::Rsp);
        let value = self.read(Operand::Memory(top), 8)?;
        self.registers.set(Register::Rsp, top.wrapping_add(8));
        Ok(value)
    }
}

fn register(number: u8) -> Register {
    Register::ALL[usize::from(number & 15)]
}
