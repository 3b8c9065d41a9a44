//! Requests for breakpoints.

use crate::proto::kd::{Answer, BreakpointEntry, Call, NtStatus};

use super::super::machine::Machine;
use super::Result;

impl Machine {
    pub(super) fn change_breakpoints(&mut self, call: &Call) -> Result {
        let memory = &mut self.kernel.memory;
        match call {
            Call::WriteBreakpoint { address } => {
                let handle = self
                    .breakpoints
                    .set(memory, *address)
                    .ok_or(NtStatus::UNSUCCESSFUL)?;
                Ok(Answer::Breakpoint {
                    address: *address,
                    handle,
                })
            }
            Call::RestoreBreakpoint { handle } => {
                let removed = self.breakpoints.remove(memory, *handle);
                if removed {
                    Ok(Answer::Empty)
                } else {
                    Err(NtStatus::UNSUCCESSFUL)
                }
            }
            Call::WriteBreakpoints { entries, .. } => {
                let mut failed = false;
                let set = |entry: &BreakpointEntry| {
                    let mut entry = *entry;
                    if entry.handle == 0 {
                        entry.handle = self.breakpoints.set(memory, entry.address).unwrap_or(0);
                        failed |= entry.handle == 0;
                    } else {
                        failed |= !self.breakpoints.remove(memory, entry.handle);
                    }
                    entry
                };
                let entries = entries.iter().map(set).collect();
                if failed {
                    Err(NtStatus::UNSUCCESSFUL)
                } else {
                    Ok(Answer::Breakpoints(entries))
                }
            }
            Call::RestoreBreakpoints { handles, .. } => {
                // Each of them, whatever becomes of the others.
                let removed = handles
                    .iter()
                    .filter(|handle| self.breakpoints.remove(memory, **handle))
                    .count();
                if removed == handles.len() {
                    Ok(Answer::Empty)
                } else {
                    Err(NtStatus::UNSUCCESSFUL)
                }
            }
            Call::GetInternalBreakpoint { address } => Ok(Answer::InternalBreakpoint {
                address: *address,
                counts: [0; 6],
            }),
            _ => Err(NtStatus::UNSUCCESSFUL),
        }
    }
}
