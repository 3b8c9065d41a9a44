//! What a stopped machine answers: every request of the kernel debug protocol, as an amd64 target has it.
//!
//! Where real targets refuse, so does this one, with the same status. Which replies there are is in
//! [`crate::proto::kd`]; the machine itself is in [`super::machine`].

mod breakpoints;
mod memory;
mod registers;

use std::time::Instant;

use crate::proto::kd::{
    Answer, Api, Architecture, Call, Continue2, Exception, FromHost, NtStatus, Reply, Request,
    Version,
};

use self::memory::written;
pub(super) use self::registers::Contexts;
use super::machine::{Machine, Stop};
use super::memory::entry;
use super::ports::RESET_PORT;
use super::registers::{DR6_UNUSED, flag};

/// A reply in the making.
type Result = std::result::Result<Answer, NtStatus>;

/// PCI configuration space, of the kinds of bus data.
const PCI: u32 = 4;

/// Bug check of a debugger's request that names none.
const MANUAL_CRASH: u32 = 0xE2;

impl Machine {
    /// Hears what the debugger says, and replies if that is due. `data_bytes`: most that a reply's data may have.
    ///
    /// Requests are answered only while the machine is stopped, answers taken only where one was asked for.
    pub fn hear(&mut self, message: &FromHost, data_bytes: usize, now: Instant) -> Option<Reply> {
        match message {
            FromHost::Request(request) if self.is_stopped() => {
                self.answer(request, data_bytes, now)
            }
            FromHost::Prompt(answer) => {
                self.answer_prompt(&answer.text);
                None
            }
            FromHost::File(answer) => {
                self.answer_file(answer);
                None
            }
            FromHost::Request(_) | FromHost::Unknown { .. } => None,
        }
    }

    fn answer(&mut self, request: &Request, data_bytes: usize, now: Instant) -> Option<Reply> {
        let number = usize::from(request.processor);
        let result = match &request.call {
            Call::Continue { status } => {
                self.resume(now, *status);
                return None;
            }
            Call::Continue2(resume) => {
                self.resume_with(resume, now);
                return None;
            }
            Call::Reboot => {
                self.request_reset();
                return None;
            }
            Call::CauseBugcheck { code } => {
                let code = if *code == 0 { MANUAL_CRASH } else { *code };
                self.resume(now, NtStatus::CONTINUE);
                self.crash(code, [0; 4]);
                return None;
            }
            Call::SwitchProcessor => {
                let other = if number < self.processors.len() {
                    number
                } else {
                    self.current
                };
                let address = self
                    .registers(other)
                    .map(|registers| registers.rip)
                    .unwrap_or_default();
                let code = Exception::WAKE_DEBUGGER;
                let exception = Exception {
                    code,
                    address,
                    first_chance: true,
                    ..Exception::default()
                };
                self.stop(other, Stop::Exception(exception), now);
                return None;
            }
            Call::SetInternalBreakpoint { .. } | Call::ClearInternalBreakpoints => return None,
            call => self.look(call, number, data_bytes, now),
        };
        let (status, answer) = match result {
            Ok(Answer::Memory {
                address,
                requested,
                data,
            }) if data.len() < requested as usize => {
                let cut = data.len() == data_bytes;
                let status = if cut {
                    NtStatus::SUCCESS
                } else {
                    NtStatus::UNSUCCESSFUL
                };
                (
                    status,
                    Answer::Memory {
                        address,
                        requested,
                        data,
                    },
                )
            }
            Ok(answer) => (NtStatus::SUCCESS, answer),
            Err(status) => (status, Answer::Empty),
        };
        Some(Reply {
            api: request.api(),
            processor: request.processor,
            status,
            answer,
        })
    }

    fn resume_with(&mut self, resume: &Continue2, now: Instant) {
        if !resume.status.is_failure() {
            let control = resume.set(Architecture::Amd64);
            for processor in &mut self.processors {
                processor.registers.special.dr7 = control.dr7;
                processor.registers.special.dr6 = DR6_UNUSED;
            }
            if let Some(processor) = self.processors.get_mut(self.current)
                && control.trace
            {
                processor.registers.flags |= flag::TRAP;
                processor.halted = false;
            }
        }
        self.resume(now, resume.status);
    }

    /// Answers what leaves the machine stopped.
    fn look(&mut self, call: &Call, number: usize, data_bytes: usize, now: Instant) -> Result {
        match call {
            Call::ReadVirtual { address, count } => {
                let data = self.readable(*address, (*count as usize).min(data_bytes));
                Ok(Answer::Memory {
                    address: *address,
                    requested: *count,
                    data,
                })
            }
            Call::WriteVirtual { address, data } => {
                let result = self.kernel.memory.write(*address, data);
                written(*address, data, result.err().map(|unmapped| unmapped.0))
            }
            Call::ReadPhysical { address, count, .. } => {
                let mut data = vec![0; (*count as usize).min(data_bytes)];
                if let Err(end) = self.kernel.memory.read_physical(*address, &mut data) {
                    data.truncate(end.0.wrapping_sub(*address) as usize);
                }
                Ok(Answer::Memory {
                    address: *address,
                    requested: *count,
                    data,
                })
            }
            Call::WritePhysical { address, data, .. } => {
                let result = self.kernel.memory.write_physical(*address, data);
                written(*address, data, result.err().map(|end| end.0))
            }
            Call::GetContext
            | Call::SetContext { .. }
            | Call::GetContextEx { .. }
            | Call::SetContextEx { .. }
            | Call::ReadControl { .. }
            | Call::WriteControl { .. } => self.look_at_registers(call, number),
            Call::WriteBreakpoint { .. }
            | Call::RestoreBreakpoint { .. }
            | Call::WriteBreakpoints { .. }
            | Call::RestoreBreakpoints { .. }
            | Call::GetInternalBreakpoint { .. } => self.change_breakpoints(call),
            Call::GetVersion => Ok(Answer::Version(self.version())),
            Call::ReadMsr { msr } => {
                let ticks = self.ticks(now).wrapping_mul(340);
                let registers = self.registers(number).ok_or(NtStatus::UNSUCCESSFUL)?;
                self.ports
                    .msr(registers, ticks, *msr)
                    .map(Answer::Msr)
                    .ok_or(NtStatus::NO_SUCH_DEVICE)
            }
            Call::WriteMsr { msr, value } => {
                let processor = self
                    .processors
                    .get_mut(number)
                    .ok_or(NtStatus::UNSUCCESSFUL)?;
                let known = self.ports.set_msr(&mut processor.registers, *msr, *value);
                if known {
                    Ok(Answer::Msr(*value))
                } else {
                    Err(NtStatus::NO_SUCH_DEVICE)
                }
            }
            Call::ReadIo { port, size } => self.read_port(*port, *size),
            Call::WriteIo { port, size, value } => self.write_port(*port, *size, *value),
            Call::ReadIoEx(place) if place.space == 1 => self.read_port(place.address, place.size),
            Call::WriteIoEx { place, value } if place.space == 1 => {
                self.write_port(place.address, place.size, *value)
            }
            Call::SearchMemory {
                start,
                length,
                pattern,
            } => self.search(*start, *length, pattern),
            Call::FillMemory {
                address,
                length,
                flags,
                pattern,
            } => self.fill(*address, *length, *flags, pattern),
            Call::QueryMemory { space, .. } if *space != 0 => Err(NtStatus::INVALID_PARAMETER),
            Call::QueryMemory { address, .. } => {
                let found = self
                    .kernel
                    .memory
                    .translate(*address)
                    .ok_or(NtStatus::UNSUCCESSFUL)?;
                let mut flags = 1;
                for (on, bit) in [
                    (found.entry & entry::WRITE != 0, 2),
                    (found.entry & entry::NO_EXECUTE == 0, 4),
                ] {
                    flags |= if on { bit } else { 0 };
                }
                let space = if *address >> 63 == 0 { 0 } else { 2 };
                Ok(Answer::Queried {
                    address: *address,
                    space,
                    flags,
                })
            }
            Call::GetBusData { place, count } if place.kind == PCI => {
                let count = (*count as usize).min(data_bytes);
                let found = self
                    .ports
                    .configuration(place.bus, place.slot, place.offset);
                let absent = [0xFF; 2];
                let bytes = found.unwrap_or(&absent);
                Ok(Answer::Bus(bytes.get(..count).unwrap_or(bytes).to_vec()))
            }
            Call::SetBusData { place, data } if place.kind == PCI => {
                let done = self
                    .ports
                    .configure(place.bus, place.slot, place.offset, data);
                Ok(Answer::BusWritten { done: done as u32 })
            }
            Call::CheckLowMemory => Ok(Answer::Empty),
            _ => Err(NtStatus::UNSUCCESSFUL),
        }
    }

    fn version(&self) -> Version {
        let multi = if self.processors.len() > 1 {
            Version::MULTIPROCESSOR
        } else {
            0
        };
        Version {
            major: 0xF,
            minor: 19041,
            protocol: 6,
            secondary: 2,
            flags: multi | Version::DEBUGGER_DATA | Version::POINTERS_64,
            machine: Architecture::Amd64.machine(),
            packet_types: 12,
            state_changes: 3,
            requests: (Api::SET_CONTEXT_EX.0 - Api::READ_VIRTUAL.0 + 1) as u8,
            simulation: 0,
            kernel_base: self.kernel.base(),
            loaded_modules: self.kernel.symbol("PsLoadedModuleList"),
            debugger_data: self.kernel.symbol("KdpDebuggerDataListHead"),
        }
    }

    fn read_port(&self, port: u64, size: u32) -> Result {
        let first = port_number(port, size)?;
        let value = (0..size as u16).rev().fold(0, |value, offset| {
            value << 8 | u32::from(self.ports.read(first + offset))
        });
        Ok(Answer::Io(value))
    }

    fn write_port(&mut self, port: u64, size: u32, value: u32) -> Result {
        let first = port_number(port, size)?;
        for (offset, byte) in (0..size as u16).zip(value.to_le_bytes()) {
            if first + offset == RESET_PORT && byte & 6 == 6 {
                self.request_reset();
            }
            self.ports.write(first + offset, byte);
        }
        Ok(Answer::Io(value))
    }
}

/// The port that an access of `size` bytes begins at.
fn port_number(port: u64, size: u32) -> std::result::Result<u16, NtStatus> {
    if !matches!(size, 1 | 2 | 4) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    if !port.is_multiple_of(u64::from(size)) {
        return Err(NtStatus::DATATYPE_MISALIGNMENT);
    }
    u16::try_from(port).map_err(|_| NtStatus::UNSUCCESSFUL)
}
