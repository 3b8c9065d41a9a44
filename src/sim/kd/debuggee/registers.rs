//! Requests for registers and control space.

use crate::proto::kd::{Answer, Call, NtStatus};

use super::super::kernel::BLOCK;
use super::super::machine::Machine;
use super::super::registers::{CONTEXT_BYTES, SPECIAL_BYTES};
use super::Result;

/// What has been asked of registers since the machine stopped.
#[derive(Debug, Default)]
pub(in crate::sim::kd) struct Contexts {
    /// They have been read, and may therefore be set.
    read: bool,
    /// Parts of a CONTEXT that is not complete yet.
    staged: Vec<u8>,
}

impl Machine {
    pub(super) fn look_at_registers(&mut self, call: &Call, number: usize) -> Result {
        let processor = self
            .processors
            .get_mut(number)
            .ok_or(NtStatus::UNSUCCESSFUL)?;
        let registers = &mut processor.registers;
        let before = registers.rip;
        let answer = match call {
            Call::GetContext => {
                self.contexts.read = true;
                Answer::Context(registers.context())
            }
            Call::GetContextEx { offset, count } => {
                let context = registers.context();
                let part = context
                    .get(*offset as usize..)
                    .ok_or(NtStatus::UNSUCCESSFUL)?;
                let data = part.get(..*count as usize).unwrap_or(part).to_vec();
                self.contexts.read = true;
                Answer::ContextPart {
                    offset: *offset,
                    requested: *count,
                    data,
                }
            }
            Call::SetContext { .. } | Call::SetContextEx { .. } if !self.contexts.read => {
                return Err(NtStatus::UNSUCCESSFUL);
            }
            Call::SetContext { context, .. } => {
                registers.set_context(context);
                Answer::Empty
            }
            Call::SetContextEx {
                offset,
                total,
                data,
            } => {
                let (offset, end) = (*offset as usize, *offset as usize + data.len());
                if end > CONTEXT_BYTES || *total as usize > CONTEXT_BYTES {
                    return Err(NtStatus::UNSUCCESSFUL);
                }
                if self.contexts.staged.is_empty() {
                    self.contexts.staged = registers.context();
                }
                if let Some(part) = self.contexts.staged.get_mut(offset..end) {
                    part.copy_from_slice(data);
                }
                if end >= *total as usize {
                    registers.set_context(&std::mem::take(&mut self.contexts.staged));
                }
                let done = data.len() as u32;
                Answer::ContextWritten {
                    offset: offset as u32,
                    requested: done,
                    done,
                }
            }
            Call::ReadControl { address, count } => {
                let region = self.kernel.regions.get(number).copied().unwrap_or_default();
                let data = match address {
                    0 => region.to_le_bytes().to_vec(),
                    1 => (region + BLOCK).to_le_bytes().to_vec(),
                    2 => registers.special_bytes(),
                    3 => self
                        .kernel
                        .threads
                        .get(number)
                        .copied()
                        .unwrap_or_default()
                        .to_le_bytes()
                        .to_vec(),
                    _ => return Err(NtStatus::UNSUCCESSFUL),
                };
                let data = data.get(..*count as usize).unwrap_or(&data).to_vec();
                // Fewer than asked is all there is, and no failure.
                let requested = data.len() as u32;
                return Ok(Answer::Memory {
                    address: *address,
                    requested,
                    data,
                });
            }
            Call::WriteControl {
                address: address @ 2,
                data,
            } => {
                let data = data.get(..SPECIAL_BYTES).unwrap_or(data);
                registers.set_special(data);
                let done = data.len() as u32;
                Answer::Written {
                    address: *address,
                    requested: done,
                    done,
                }
            }
            _ => return Err(NtStatus::UNSUCCESSFUL),
        };
        if registers.rip != before {
            processor.halted = false;
        }
        Ok(answer)
    }
}
