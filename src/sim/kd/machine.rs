//! A simulated Windows machine: processors that run, and what its kernel tells a debugger.
//!
//! Sans-IO and seeded: the same seed, behaviour, messages and times give the same machine. It says one thing at a time,
//! as real kernels do: [`Machine::run`] is to be called again when the last message has been acknowledged. What a
//! stopped machine answers is in `super::debuggee`; it is driven by [`super::target`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::proto::kd::{
    Exception, FileAnswer, FileRequest, FromTarget, LoadSymbols, NtStatus, Print, Prompt,
};

use super::behaviour::{Behaviour, Timetable};
use super::breakpoints::Breakpoints;
use super::debuggee::Contexts;
use super::interpreter::{self, Step, Trap};
use super::kernel::Kernel;
use super::ports::{Ports, RESET_PORT};
use super::program::{PROCESSORS_MAX, Work};
use super::registers::{KERNEL_CODE, KERNEL_STACK, Register, Registers, flag};
use super::script::{Asked, Boot};

/// A machine that has been switched on.
#[derive(Debug)]
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) random: fastrand::Rng,
    pub(super) kernel: Kernel,
    pub(super) processors: Vec<Processor>,
    pub(super) ports: Ports,
    pub(super) breakpoints: Breakpoints,
    /// The processor that stopped last, or runs alone.
    pub(super) current: usize,
    pub(super) waiting: Waiting,
    pub(super) contexts: Contexts,
    /// What is to be said, in order.
    pub(super) outgoing: VecDeque<FromTarget>,
    /// Whether a debugger is there to be told.
    pub(super) present: bool,
    pub(super) boot: Boot,
    pub(super) timetable: Timetable,
    /// The module whose coming or going the kernel is about to tell.
    pub(super) notice: Option<Notice>,
    /// Prints so far.
    pub(super) printed: u64,
    break_requested: bool,
    /// A fifth parameter for a bug check that no code gave one.
    pub(super) bug_check_fifth: Option<u64>,
    powered_on: Instant,
    /// How long it had been up then.
    uptime: Duration,
    pub(super) reset: bool,
    next_processor: usize,
}

/// What machine it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Where its random numbers start.
    pub seed: u64,
    /// What it does by itself.
    pub behaviour: Behaviour,
    /// Its processors, 1 to 64.
    pub processors: u16,
    /// Time of day at which it is switched on, in 100 ns since 1601.
    pub clock: u64,
}

/// One processor.
#[derive(Debug)]
pub(super) struct Processor {
    pub registers: Registers,
    /// It waits for an interrupt.
    pub halted: bool,
    /// Where it resumes after a stop: a hardware breakpoint there has been reported.
    pub resumed_at: Option<u64>,
}

/// Whether the machine waits for its debugger.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Waiting {
    /// It runs.
    No,
    /// It has stopped and waits for a continue.
    Stopped(Stop),
    /// It has asked.
    Asked(Asked),
}

/// Why a machine has stopped.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stop {
    Exception(Exception),
    /// A module came or goes; the program counter then.
    Notice(u64),
    /// Everything goes: the machine restarts.
    Farewell,
}

/// A module that comes or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub load: LoadSymbols,
    /// File name of a module that is unloaded once this has been told.
    pub unload: Option<String>,
}

/// What a machine wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Send this to the debugger.
    Say(FromTarget),
    /// It has restarted: the connection begins anew.
    Reset,
}

/// Processor family that messages name.
pub(super) const LEVEL: u16 = 6;

/// Instructions that one call of [`Machine::run`] lets processors do, for other machines have a turn as well.
const INSTRUCTIONS_MAX: u32 = 20_000;

/// Pause until processors that are still busy after that may go on.
const SLICE: Duration = Duration::from_millis(1);

/// Least and most time that a machine has been up that did not boot before our eyes. Seconds.
const UPTIME_S: std::ops::Range<u64> = 600..2_000_000;

impl Machine {
    /// The machine of these settings, switched on at `now`.
    #[must_use]
    pub fn new(settings: Settings, now: Instant) -> Self {
        let mut random = fastrand::Rng::with_seed(settings.seed);
        let (kernel, processors) = power_on(&settings, &mut random, settings.clock);
        let timetable = Timetable::new(&settings.behaviour, &mut random, now);
        let boots = settings.behaviour.boots;
        let uptime = if boots { 0 } else { random.u64(UPTIME_S) };
        let mut machine = Self {
            settings,
            random,
            kernel,
            processors,
            ports: Ports::default(),
            breakpoints: Breakpoints::default(),
            current: 0,
            waiting: Waiting::No,
            contexts: Contexts::default(),
            outgoing: VecDeque::new(),
            present: false,
            boot: Boot::new(&settings.behaviour, boots, now),
            timetable,
            notice: None,
            printed: 0,
            break_requested: false,
            bug_check_fifth: None,
            powered_on: now,
            uptime: Duration::from_secs(uptime),
            reset: false,
            next_processor: 0,
        };
        if !boots {
            machine.load_boot_drivers();
        }
        machine
    }

    /// A debugger has come, or gone.
    pub fn set_present(&mut self, present: bool, now: Instant) {
        if std::mem::replace(&mut self.present, present) == present {
            return;
        }
        if present && self.boot.is_done() {
            self.say_text(b"KDTARGET: Refreshing KD connection\n");
        }
        self.kernel
            .put_word("KdDebuggerNotPresent", u64::from(!present));
        if !present {
            // Nobody will answer; a stop waits for the next debugger.
            self.outgoing
                .retain(|message| !matches!(message, FromTarget::Print(_)));
            if matches!(self.waiting, Waiting::Asked(_)) {
                self.waiting = Waiting::No;
                self.outgoing.clear();
            }
            if matches!(
                self.waiting,
                Waiting::Stopped(Stop::Notice(_) | Stop::Farewell)
            ) {
                self.outgoing.clear();
                self.resume(now, NtStatus::CONTINUE);
            }
        }
    }

    /// The debugger wants it to stop. A machine that waits for its debugger does nothing of the sort.
    pub fn break_in(&mut self) {
        self.break_requested |= self.waiting == Waiting::No;
    }

    /// Whether it waits for its debugger.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting != Waiting::No
    }

    /// Whether it has stopped and answers requests.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.waiting, Waiting::Stopped(_))
    }

    /// The machine's memory and what is in it.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The registers of a processor.
    #[must_use]
    pub fn registers(&self, processor: usize) -> Option<&Registers> {
        self.processors
            .get(processor)
            .map(|processor| &processor.registers)
    }

    /// When [`Self::run`] has something to do next; `None` if that is for the debugger to decide.
    #[must_use]
    pub fn next_run(&self, now: Instant) -> Option<Instant> {
        if !self.outgoing.is_empty() || self.reset {
            return Some(now);
        }
        if self.is_waiting() {
            return None;
        }
        if self.break_requested || self.busy().is_some() {
            // They have had their turn.
            return Some(now + SLICE);
        }
        if self.boot.is_done() {
            self.timetable.next()
        } else {
            Some(self.boot.next())
        }
    }

    /// Lets the machine run until it has something to say or nothing more to do at `now`. To be called again once what
    /// it said has been acknowledged.
    pub fn run(&mut self, now: Instant) -> Option<Event> {
        let mut instructions = INSTRUCTIONS_MAX;
        loop {
            if let Some(message) = self.outgoing.pop_front() {
                return Some(Event::Say(message));
            }
            if std::mem::take(&mut self.reset) {
                self.restart(now);
                return Some(Event::Reset);
            }
            if self.is_waiting() {
                return None;
            }
            instructions = instructions.checked_sub(1)?;
            let busy = self.busy();
            if self.break_requested && self.interrupt(busy.unwrap_or(0)) {
                self.break_requested = false;
                self.kernel.put_word("KdBreakRequested", 1);
            } else if let Some(processor) = busy {
                self.step(processor, now);
            } else if !self.act(now) {
                return None;
            }
        }
    }

    /// A processor that has something to do; the current one first.
    fn busy(&self) -> Option<usize> {
        let busy = |index: &usize| {
            self.processors
                .get(*index)
                .is_some_and(|processor| !processor.halted)
        };
        Some(self.current)
            .filter(busy)
            .or_else(|| (0..self.processors.len()).find(busy))
    }

    /// Sets one of the processors to work, each in its turn.
    pub(super) fn start(&mut self, work: Work) {
        self.kernel.put_word("KiWorkItem", work as u64);
        let processor = self.next_processor % self.processors.len();
        self.next_processor = processor + 1;
        self.interrupt(processor);
    }

    /// The clock interrupts a processor. Whether it takes interrupts.
    fn interrupt(&mut self, number: usize) -> bool {
        let gate = self.kernel.symbol("KiInterruptDispatchNoLockNoEtw");
        let Some(processor) = self.processors.get_mut(number) else {
            return false;
        };
        let registers = &mut processor.registers;
        if !registers.has(flag::INTERRUPT) {
            return false;
        }
        let stack = registers.get(Register::Rsp);
        let frame = [
            registers.rip,
            u64::from(KERNEL_CODE),
            registers.flags,
            stack,
            u64::from(KERNEL_STACK),
        ];
        let top = (stack & !15).wrapping_sub(40);
        let bytes: Vec<u8> = frame.into_iter().flat_map(u64::to_le_bytes).collect();
        if self.kernel.memory.write(top, &bytes).is_err() {
            return false;
        }
        registers.set(Register::Rsp, top);
        registers.rip = gate;
        registers.flags &= !(flag::INTERRUPT | flag::TRAP);
        processor.halted = false;
        self.current = number;
        true
    }

    /// One instruction of a processor.
    fn step(&mut self, number: usize, now: Instant) {
        let Some(processor) = self.processors.get_mut(number) else {
            return;
        };
        let resumed = processor.resumed_at.take() == Some(processor.registers.rip);
        match interpreter::step(&mut processor.registers, &mut self.kernel.memory, resumed) {
            Step::Next => {}
            Step::Halted => processor.halted = true,
            Step::Out {
                port: RESET_PORT,
                value: 6 | 0xE,
            } => self.reset = true,
            Step::Out { port, value } => self.ports.write(port, value),
            Step::Service => self.serve(number, now),
            Step::Trap(trap) => {
                let rip = processor.registers.rip;
                let (code, parameters) = match trap {
                    Trap::Breakpoint => (Exception::BREAKPOINT, vec![0]),
                    Trap::Debug => (Exception::SINGLE_STEP, vec![]),
                    Trap::Illegal => (ILLEGAL_INSTRUCTION, vec![]),
                    Trap::Fault { address, access } => {
                        (Exception::ACCESS_VIOLATION, vec![access as u64, address])
                    }
                };
                processor.registers.flags &= !flag::TRAP;
                let exception = Exception {
                    code,
                    address: rip,
                    parameters,
                    first_chance: true,
                    ..Exception::default()
                };
                self.stop(number, Stop::Exception(exception), now);
            }
        }
    }

    /// As many of `count` bytes from `address` on as are there.
    pub(super) fn readable(&self, address: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        if let Err(unmapped) = self.kernel.memory.read(address, &mut bytes) {
            bytes.truncate(unmapped.0.wrapping_sub(address) as usize);
        }
        bytes
    }

    pub(super) fn current_registers(&self) -> &Registers {
        let current = self.processors.get(self.current);
        &current
            .expect("the current processor is one of those there are")
            .registers
    }

    /// Restarts it at once.
    pub(super) fn request_reset(&mut self) {
        self.waiting = Waiting::No;
        self.outgoing.clear();
        self.reset = true;
    }

    fn restart(&mut self, now: Instant) {
        let clock = self.settings.clock.wrapping_add(self.ticks(now));
        let (kernel, processors) = power_on(&self.settings, &mut self.random, clock);
        self.kernel = kernel;
        self.processors = processors;
        self.ports = Ports::default();
        self.breakpoints = Breakpoints::default();
        self.current = 0;
        self.waiting = Waiting::No;
        self.outgoing.clear();
        self.present = false;
        self.notice = None;
        self.break_requested = false;
        self.bug_check_fifth = None;
        self.powered_on = now;
        self.uptime = Duration::ZERO;
        let behaviour = self.settings.behaviour;
        self.boot = Boot::new(&behaviour, true, now);
        self.timetable = Timetable::new(&behaviour, &mut self.random, now);
    }

    /// Whether a breakpoint waits to be met.
    pub(super) fn armed(&self) -> bool {
        let hardware = |processor: &Processor| processor.registers.special.dr7 & 0xFF != 0;
        self.breakpoints.any() || self.processors.iter().any(hardware)
    }

    /// How long it has been up. In 100 ns.
    pub(super) fn ticks(&self, now: Instant) -> u64 {
        let up = self.uptime + now.saturating_duration_since(self.powered_on);
        (up.as_nanos() / 100) as u64
    }

    /// Prints, to the kernel's ring and, if there is one, to the debugger.
    pub(super) fn say_text(&mut self, text: &[u8]) {
        self.kernel.keep_print(text);
        if self.present {
            let print = Print {
                level: LEVEL,
                processor: self.current as u16,
                text: text.to_vec(),
            };
            self.outgoing.push_back(FromTarget::Print(print));
        }
    }

    /// Asks the debugger's user.
    pub(super) fn ask(&mut self, text: &str, room: u32, asked: Asked) {
        let prompt = Prompt {
            level: LEVEL,
            processor: self.current as u16,
            text: text.as_bytes().to_vec(),
            room,
        };
        self.outgoing.push_back(FromTarget::Prompt(prompt));
        self.waiting = Waiting::Asked(asked);
    }

    /// Asks for something of the host's files.
    pub(super) fn ask_file(&mut self, request: FileRequest, asked: Asked) {
        self.outgoing.push_back(FromTarget::File(request));
        self.waiting = Waiting::Asked(asked);
    }

    /// The answer to a prompt has come.
    pub(super) fn answer_prompt(&mut self, text: &[u8]) {
        if let Waiting::Asked(asked) = std::mem::replace(&mut self.waiting, Waiting::No) {
            self.answered(asked, text);
        }
    }

    /// The answer to a file request has come.
    pub(super) fn answer_file(&mut self, answer: &FileAnswer) {
        if let Waiting::Asked(asked) = std::mem::replace(&mut self.waiting, Waiting::No) {
            self.file_answered(asked, answer);
        }
    }
}

/// STATUS_ILLEGAL_INSTRUCTION.
const ILLEGAL_INSTRUCTION: u32 = 0xC000_001D;

/// Memory, and processors that have come as far as their idle loops.
fn power_on(
    settings: &Settings,
    random: &mut fastrand::Rng,
    clock: u64,
) -> (Kernel, Vec<Processor>) {
    let count = settings.processors.clamp(1, PROCESSORS_MAX as u16);
    let mut kernel = Kernel::new(random, count, clock);
    let processors = (0..usize::from(count))
        .map(|number| {
            let mut registers = kernel.start(number);
            let mut halted = false;
            for _ in 0..IDLE_INSTRUCTIONS_MAX {
                if interpreter::step(&mut registers, &mut kernel.memory, false) == Step::Halted {
                    halted = true;
                    break;
                }
            }
            Processor {
                registers,
                halted,
                resumed_at: None,
            }
        })
        .collect();
    (kernel, processors)
}

/// Instructions within which a processor comes to its idle loop's end; it takes some forty.
const IDLE_INSTRUCTIONS_MAX: u32 = 1000;
