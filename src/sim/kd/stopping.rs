//! How a machine stops and tells why, and how it runs on.

use std::time::Instant;

use crate::proto::kd::{
    Amd64Report, Change, ControlReport, FromTarget, LoadSymbols, NtStatus, StateChange,
};

use super::debuggee::Contexts;
use super::machine::{LEVEL, Machine, Stop, Waiting};
use super::registers::{Register, Registers};

/// Bytes of the program counter's instructions that a stop reports, and within which it removes breakpoints.
const INSTRUCTION_BYTES: u64 = 16;

/// Longest print of a kernel's code. Bytes.
const PRINT_BYTES_MAX: u64 = 512;

/// The bug check of an exception that nobody handled.
const NOT_HANDLED: u32 = 0x1E;

impl Machine {
    /// The kernel calls its debugger.
    pub(super) fn serve(&mut self, number: usize, now: Instant) {
        let Some(processor) = self.processors.get_mut(number) else {
            return;
        };
        let registers = &mut processor.registers;
        let (service, first, second) = (
            registers.get(Register::Rax) as u32,
            registers.get(Register::Rcx),
            registers.get(Register::Rdx),
        );
        if matches!(service, 3 | 4) && self.notice.is_some() {
            if self.present {
                let rip = processor.registers.rip;
                return self.stop(number, Stop::Notice(rip), now);
            }
            self.finish_notice();
        }
        if let Some(processor) = self.processors.get_mut(number) {
            // The kernel goes on behind the instruction that follows.
            processor.registers.rip = processor.registers.rip.wrapping_add(1);
        }
        if service == 1 {
            if first == self.kernel.symbol("KiBugCheckText") {
                return self.print_bug_check();
            }
            let mut text = vec![0; (second & 0xFFFF).min(PRINT_BYTES_MAX) as usize];
            if self.kernel.memory.read(first, &mut text).is_ok() {
                self.say_text(&text);
            }
        }
    }

    fn print_bug_check(&mut self) {
        if let Some(fifth) = self.bug_check_fifth.take() {
            let at = self.kernel.symbol("KiBugCheckData");
            let bytes = fifth.to_le_bytes();
            // Mapped, or the kernel could not have come here.
            let _ = self.kernel.memory.write(at + 32, &bytes);
        }
        let [code, a, b, c, d] = self.kernel.bug_check();
        let text = format!(
            "\n*** Fatal System Error: 0x{code:08x}\n                       \
             (0x{a:016X},0x{b:016X},0x{c:016X},0x{d:016X})\n\n"
        );
        self.say_text(text.as_bytes());
    }

    /// Stops the machine and tells why. The notice that is to be told, if any, stays until it is continued.
    pub(super) fn stop(&mut self, number: usize, stop: Stop, now: Instant) {
        self.current = number;
        self.kernel.set_time(self.ticks(now));
        let change = match &stop {
            Stop::Exception(exception) => Change::Exception(exception.clone()),
            Stop::Notice(_) => Change::LoadSymbols(
                self.notice
                    .as_ref()
                    .map(|it| it.load.clone())
                    .unwrap_or_default(),
            ),
            Stop::Farewell => Change::LoadSymbols(LoadSymbols {
                base: u64::MAX,
                unload: true,
                ..LoadSymbols::default()
            }),
        };
        self.waiting = Waiting::Stopped(stop);
        for (index, processor) in self.processors.iter().enumerate() {
            self.kernel.save(index, &processor.registers);
        }
        self.contexts = Contexts::default();
        let registers = self.current_registers();
        let pc = registers.rip;
        let Registers {
            flags,
            segments: [cs, ds, es, fs, ..],
            special,
            ..
        } = registers;
        let mut report = Amd64Report {
            dr6: special.dr6,
            dr7: special.dr7,
            eflags: *flags as u32,
            flags: 3,
            instructions: Vec::new(),
            cs: *cs,
            ds: *ds,
            es: *es,
            fs: *fs,
        };
        self.breakpoints
            .remove_within(&mut self.kernel.memory, pc, INSTRUCTION_BYTES);
        report.instructions = self.readable(pc, INSTRUCTION_BYTES as usize);
        let state = StateChange {
            level: LEVEL,
            processor: number as u16,
            processors: self.processors.len() as u32,
            thread: self.kernel.threads.get(number).copied().unwrap_or_default(),
            pc,
            alternate: false,
            change,
            report: ControlReport::from(&report),
        };
        self.outgoing.push_back(FromTarget::StateChange(state));
    }

    /// The debugger lets it run on.
    pub(super) fn resume(&mut self, now: Instant, status: NtStatus) {
        let Waiting::Stopped(stop) = std::mem::replace(&mut self.waiting, Waiting::No) else {
            return;
        };
        for processor in &mut self.processors {
            processor.resumed_at = Some(processor.registers.rip);
        }
        if self.armed() {
            self.timetable.hasten(now);
        }
        let number = self.current;
        match stop {
            Stop::Exception(mut exception) => {
                let passed =
                    status == NtStatus::EXCEPTION_NOT_HANDLED && exception.code >= 0xC000_0000;
                if passed && exception.first_chance {
                    exception.first_chance = false;
                    self.stop(number, Stop::Exception(exception), now);
                } else if passed {
                    let parameter =
                        |index| exception.parameters.get(index).copied().unwrap_or_default();
                    let parameters = [
                        u64::from(exception.code),
                        exception.address,
                        parameter(0),
                        parameter(1),
                    ];
                    self.crash(NOT_HANDLED, parameters);
                }
            }
            Stop::Notice(rip) => {
                if let Some(processor) = self.processors.get_mut(number)
                    && processor.registers.rip == rip
                {
                    processor.registers.rip = rip.wrapping_add(1);
                }
                self.finish_notice();
            }
            Stop::Farewell => self.reset = true,
        }
    }

    /// The module's coming or going has been told, or nobody is there to be told.
    fn finish_notice(&mut self) {
        let Some(file) = self.notice.take().and_then(|notice| notice.unload) else {
            return;
        };
        if let Some(module) = self.kernel.module(&file) {
            let (base, bytes) = (module.base, module.image.bytes.len() as u64);
            self.breakpoints.memory_goes(base, bytes);
        }
        self.kernel.unload(&file);
    }

    /// A bug check, called for from wherever the current processor is.
    pub(super) fn crash(&mut self, code: u32, parameters: [u64; 4]) {
        let goal = self.kernel.symbol("KeBugCheckEx");
        let Some(processor) = self.processors.get_mut(self.current) else {
            return;
        };
        let registers = &mut processor.registers;
        let top = registers.get(Register::Rsp).wrapping_sub(8);
        // Without a stack there is no way back, and from a bug check there is none.
        let _ = self.kernel.memory.write(top, &registers.rip.to_le_bytes());
        registers.set(Register::Rsp, top);
        registers.set(Register::Rcx, u64::from(code));
        let [first, second, third, fourth] = parameters;
        for (register, value) in [
            (Register::Rdx, first),
            (Register::R8, second),
            (Register::R9, third),
        ] {
            registers.set(register, value);
        }
        registers.rip = goal;
        processor.halted = false;
        self.bug_check_fifth = Some(fourth);
    }
}
