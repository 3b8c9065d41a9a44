//! What a debugger knows of its target and what people want of it. Outlives the link, so that a target which comes back
//! has its breakpoints again.

use std::collections::HashMap;
use std::ops::Range;

use super::breakpoints::{Breakpoints, REPORTED_CODE_BYTES};
use super::files::Files;
use crate::code::expression::Pseudo;
use crate::code::machine::Machine;
use crate::code::memory::Cache;
use crate::code::modules::Modules;
use crate::code::registers::Registers;
use crate::proto::kd::kdbg::{self, Block, Field};
use crate::proto::kd::{Architecture, Version};
use crate::transcript::Time;

/// Memory is fetched in pieces of this size, bytes: a round trip more costs more than some bytes more.
const PIECE_BYTES: u64 = 512;

/// A processor that stands on a breakpoint while another is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Which.
    pub processor: u16,
    /// Where.
    pub pc: u64,
    /// The breakpoint instruction there is the program's own: it has to be behind it when the target goes on.
    pub is_own: bool,
}

/// One debugger's knowledge.
#[derive(Debug)]
pub struct Knowledge {
    /// What the target says of itself; `None` until it was asked.
    pub version: Option<Version>,
    /// Its processors' kind on the wire.
    pub architecture: Architecture,
    /// How many processors it has.
    pub processors: u32,
    /// The one that is looked at.
    pub processor: u16,
    /// The thread that the processor runs which stopped.
    pub thread: u64,
    /// Its modules, as far as they are known.
    pub modules: Modules,
    /// Whether the list of modules was read since the target ran last.
    pub modules_read: bool,
    /// Whether it was read since the target began.
    pub modules_listed: bool,
    /// The kernel's block of addresses for debuggers; `None` if it was not looked for, or there is none.
    pub kdbg: Option<Block>,
    /// Its memory as far as it was fetched since it ran last.
    pub memory: Cache,
    /// The same of its physical memory.
    pub physical: Cache,
    /// The registers of processors, as the target has them.
    pub contexts: HashMap<u16, Vec<u8>>,
    /// Registers to look at instead, from a context record or a trap frame.
    pub looked_at: Option<Registers>,
    /// What people stop it with.
    pub breakpoints: Breakpoints,
    /// The target's numbers for breakpoints that an earlier debugger may have left in it.
    pub leftovers: Range<u32>,
    /// Breakpoints that end one step or one `g ADDRESS`: address and the target's number.
    pub passing: Vec<(u64, Option<u32>)>,
    /// A processor that stands on a breakpoint while another is looked at.
    pub left: Option<Left>,
    /// Pseudo registers.
    pub pseudo: Pseudo,
    /// The base of numbers without a prefix.
    pub radix: u32,
    /// Whether it stops when a module is loaded, and when one is unloaded.
    pub stop_on_load: bool,
    /// The same when one is unloaded.
    pub stop_on_unload: bool,
    /// Files of the host that it may read.
    pub files: Files,
    /// Where it calls from.
    pub peer: Option<String>,
    /// What stopped it last, and when.
    pub last_event: Option<(String, Time)>,
    /// Where the commands `d` and `u` go on.
    pub next_display: u64,
    /// The same of `u`.
    pub next_code: u64,
    /// The last command, for an empty line.
    pub last_command: String,
    /// Where each physical display goes on.
    pub next_physical: u64,
}

impl Knowledge {
    /// Of a target that was never heard of.
    pub fn new(files: Files) -> Self {
        Self {
            version: None,
            architecture: Architecture::Amd64,
            processors: 1,
            processor: 0,
            thread: 0,
            modules: Modules::default(),
            modules_read: false,
            modules_listed: false,
            kdbg: None,
            memory: Cache::new(PIECE_BYTES),
            physical: Cache::new(PIECE_BYTES),
            contexts: HashMap::new(),
            looked_at: None,
            breakpoints: Breakpoints::default(),
            leftovers: 0..0,
            passing: Vec::new(),
            left: None,
            pseudo: Pseudo::default(),
            radix: 16,
            stop_on_load: false,
            stop_on_unload: false,
            files,
            peer: None,
            last_event: None,
            next_display: 0,
            next_code: 0,
            last_command: String::new(),
            next_physical: 0,
        }
    }

    /// Which machine its code is for.
    pub fn machine(&self) -> Machine {
        match self.architecture {
            Architecture::X86 => Machine::X86,
            Architecture::Amd64 => Machine::Amd64,
            Architecture::Arm64 => Machine::Arm64,
        }
    }

    /// A field of the kernel's block for debuggers; `None` if there is no block, or the field is not in it or zero.
    pub fn kernel_field(&self, field: Field) -> Option<u64> {
        let value = self.kdbg.as_ref()?.value(field)?;
        let value = if field.bytes == 8 {
            self.machine().canonical(value)
        } else {
            value
        };
        (value != 0).then_some(value)
    }

    /// What follows from the thread that is looked at: its process and its block in user memory.
    pub fn know_thread(&mut self) {
        let thread = Some(self.thread).filter(|thread| *thread != 0);
        let in_thread = |field| Some(thread?.wrapping_add(self.kernel_field(field)?));
        let (process_at, teb_at) = (
            in_thread(kdbg::KTHREAD_APC_PROCESS),
            in_thread(kdbg::KTHREAD_TEB),
        );
        self.pseudo.peb_offset = self.kernel_field(kdbg::EPROCESS_PEB);
        self.pseudo.thread = thread;
        self.pseudo.process_at = process_at;
        self.pseudo.teb_at = teb_at;
    }

    /// The target goes on: what was read of it may change.
    pub fn resumed(&mut self) {
        self.memory.clear();
        self.physical.clear();
        self.contexts.clear();
        self.looked_at = None;
        self.modules_read = false;
        self.pseudo.thread = None;
        self.pseudo.process_at = None;
        self.pseudo.teb_at = None;
    }

    /// A stop at `pc` took the breakpoints in the code it reports out of the target.
    pub fn stopped_at(&mut self, pc: u64) {
        self.breakpoints.stopped_at(pc);
        for (address, handle) in &mut self.passing {
            if address.wrapping_sub(pc) < REPORTED_CODE_BYTES {
                *handle = None;
            }
        }
    }

    /// The target restarted: nothing of what was known is true any more. What people want stays.
    pub fn restarted(&mut self) {
        self.resumed();
        for one in self.breakpoints.iter() {
            if let Some(address) = one.address {
                self.memory.remove_overlay(address);
            }
        }
        for (address, _) in self.passing.drain(..) {
            self.memory.remove_overlay(address);
        }
        self.left = None;
        self.files.restarted();
        self.version = None;
        self.kdbg = None;
        self.modules_listed = false;
        self.leftovers = 0..0;
        self.modules.clear();
        self.breakpoints.forget_handles();
        self.breakpoints.follow(&self.modules);
        self.processor = 0;
        self.thread = 0;
    }
}
