//! Stepping to callers on x64.
//!
//! Source: Microsoft's public description of exception handling on x64 (unwind information, prologues, epilogues).
//! What it leaves open: the epilogue codes of version 2 are passed over, since epilogues are known by their instructions.

use std::collections::HashMap;
use std::rc::Rc;

use super::{NOT_ABOVE, Stop, Walker, broken};
use crate::code::memory::{Fault, Memory};
use crate::code::modules::Modules;
use crate::code::pe::{Function, Image, ImageError};
use crate::code::registers::Registers;
use epilogue::Ending;
use information::{Code, Information};

mod epilogue;
mod information;

/// Walks stacks of x64 code.
pub(super) struct Amd64<'a> {
    memory: &'a dyn Memory,
    modules: &'a Modules,
    /// By base; `None` for what is no image.
    images: HashMap<u64, Option<Rc<Image>>>,
    state: State,
    /// How often the walk came through a machine frame.
    machine_frames: usize,
}

/// The registers as far as unwinding knows them.
#[derive(Debug, Clone, Copy)]
struct State {
    /// By their numbers in instructions.
    general: [u64; 16],
    instruction: u64,
    /// Whether the instruction is the next one to run. In callers it follows a call.
    exact: bool,
    /// What the processor saved when it was interrupted: code segment, flags, stack segment.
    saved: Option<[u64; 3]>,
}

impl State {
    fn get(&self, number: u8) -> u64 {
        self.general
            .get(usize::from(number))
            .copied()
            .unwrap_or_default()
    }

    fn set(&mut self, number: u8, value: u64) {
        if let Some(register) = self.general.get_mut(usize::from(number)) {
            *register = value;
        }
    }

    fn stack(&self) -> u64 {
        self.get(RSP)
    }

    fn release(&mut self, bytes: u64) {
        self.set(RSP, self.stack().wrapping_add(bytes));
    }

    /// Takes a word from the stack.
    fn pop(&mut self, memory: &dyn Memory) -> Result<u64, Fault> {
        let word = memory.number(self.stack(), 8)?;
        self.release(8);
        Ok(word)
    }

    /// Returns to the caller.
    fn leave(&mut self, memory: &dyn Memory) -> Result<(), Fault> {
        self.instruction = self.pop(memory)?;
        self.exact = false;
        Ok(())
    }

    /// Goes back to where the processor was interrupted.
    fn resume(&mut self, memory: &dyn Memory) -> Result<(), Fault> {
        self.instruction = self.pop(memory)?;
        let segment = self.pop(memory)?;
        let flags = self.pop(memory)?;
        let stack = self.pop(memory)?;
        self.saved = Some([segment, flags, self.pop(memory)?]);
        self.set(RSP, stack);
        self.exact = true;
        Ok(())
    }

    /// Undoes what the codes of a prologue did that `done` bytes of have run. True if it went through a machine frame.
    fn undo(
        &mut self,
        memory: &dyn Memory,
        information: &Information,
        done: u32,
    ) -> Result<bool, Fault> {
        let frame_is_set = done >= information.prologue_bytes
            || information
                .codes
                .iter()
                .any(|(at, code)| *code == Code::SetFrame && done >= *at);
        let base = match information.frame {
            Some((register, offset)) if frame_is_set => self.get(register).wrapping_sub(offset),
            _ => self.stack(),
        };
        for (_, code) in information.codes.iter().filter(|(at, _)| done >= *at) {
            match *code {
                Code::Push(register) => {
                    let word = self.pop(memory)?;
                    self.set(register, word);
                }
                Code::Allocate(bytes) => self.release(bytes.into()),
                Code::SetFrame => self.set(RSP, base),
                Code::Save(register, offset) => {
                    self.set(
                        register,
                        memory.number(base.wrapping_add(offset.into()), 8)?,
                    );
                }
                Code::Vector => {}
                Code::MachineFrame { error_code } => {
                    self.release(if error_code { 8 } else { 0 });
                    self.resume(memory)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl<'a> Amd64<'a> {
    pub(super) fn new(memory: &'a dyn Memory, modules: &'a Modules, registers: &Registers) -> Self {
        let value = |name| registers.get(name).unwrap_or_default();
        Self {
            memory,
            modules,
            images: HashMap::new(),
            state: State {
                general: GENERAL.map(value),
                instruction: registers.instruction(),
                exact: true,
                saved: None,
            },
            machine_frames: 0,
        }
    }

    /// The image and the function the walk stands in.
    fn function(&mut self) -> Result<Option<(Rc<Image>, Function)>, Stop> {
        let Some(module) = self.modules.at(self.state.instruction) else {
            return Ok(None);
        };
        let image = if let Some(known) = self.images.get(&module.base) {
            known.clone()
        } else {
            let image = match Image::read(self.memory, module.base) {
                Ok(image) => Some(Rc::new(image)),
                Err(ImageError::Damaged { .. }) => None,
                Err(ImageError::Memory(fault)) => return Err(fault.into()),
            };
            self.images.insert(module.base, image.clone());
            image
        };
        let Some(image) = image else { return Ok(None) };
        let Ok(offset) = u32::try_from(self.state.instruction - module.base) else {
            return Ok(None);
        };
        let mut function = image.function(self.memory, offset)?;
        if function.is_none() && !self.state.exact {
            // A call that never returns may be the last instruction of its function.
            function = image.function(self.memory, offset.saturating_sub(1))?;
        }
        Ok(function.map(|function| (image, function)))
    }

    /// The state of the caller.
    fn caller(&mut self) -> Result<State, Stop> {
        let mut state = self.state;
        state.saved = None;
        let Some((image, function)) = self.function()? else {
            if !state.exact {
                // Functions without unwind information call nobody.
                return Err(broken("nothing is known of how to unwind the caller"));
            }
            state.leave(self.memory)?;
            return Ok(state);
        };
        let function = information::direct(self.memory, &image, function)?;
        let from_base =
            u32::try_from(state.instruction.wrapping_sub(image.base)).unwrap_or(u32::MAX);
        let mut done = from_base.saturating_sub(function.start);
        let mut information = Information::read(self.memory, &image, function.unwind)?;
        if done >= information.prologue_bytes
            && let Some(ending) =
                epilogue::find(self.memory, &image, function, from_base, information.frame)?
        {
            match ending.release {
                epilogue::Release::None => {}
                epilogue::Release::Add(bytes) => state.release(bytes),
                epilogue::Release::Frame(register, offset) => {
                    state.set(RSP, state.get(register).wrapping_add(offset));
                }
            }
            self.finish(&mut state, &ending)?;
            return Ok(state);
        }
        for _ in 0..information::CHAIN_MAX {
            if state.undo(self.memory, &information, done)? {
                return Ok(state);
            }
            let Some(parent) = information.parent else {
                state.leave(self.memory)?;
                return Ok(state);
            };
            let parent = information::direct(self.memory, &image, parent)?;
            information = Information::read(self.memory, &image, parent.unwind)?;
            done = u32::MAX;
        }
        Err(information::CHAINED_TOO_LONG)
    }

    /// Runs the rest of an epilogue.
    fn finish(&self, state: &mut State, ending: &Ending) -> Result<(), Fault> {
        for register in &ending.pops {
            let word = state.pop(self.memory)?;
            state.set(*register, word);
        }
        state.leave(self.memory)
    }
}

impl Walker for Amd64<'_> {
    fn instruction(&self) -> u64 {
        self.state.instruction
    }

    fn stack(&self) -> u64 {
        self.state.stack()
    }

    fn step(&mut self) -> Result<Option<u64>, Stop> {
        let state = self.caller()?;
        let interrupted = state.exact;
        if interrupted {
            // Interrupts change stacks: the other one may lie anywhere.
            if self.machine_frames >= MACHINE_FRAMES_MAX {
                return Err(broken("too many machine frames"));
            }
            self.machine_frames += 1;
        } else if state.stack() <= self.state.stack() {
            return Err(NOT_ABOVE);
        }
        self.state = state;
        Ok((!interrupted).then_some(state.stack()))
    }

    fn store(&self, registers: &mut Registers) {
        for (name, value) in GENERAL.iter().zip(self.state.general) {
            registers.set(name, value);
        }
        registers.set("rip", self.state.instruction);
        if let Some([code, flags, stack]) = self.state.saved {
            registers.set("cs", code & 0xffff);
            registers.set("efl", flags & 0xffff_ffff);
            registers.set("ss", stack & 0xffff);
        }
    }
}

/// The most machine frames of one stack: more than interrupts can nest. Keeps a ring of them from being walked on.
const MACHINE_FRAMES_MAX: usize = 64;

/// The number of the stack pointer.
const RSP: u8 = 4;

/// Names of registers in the order of their numbers.
const GENERAL: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];
