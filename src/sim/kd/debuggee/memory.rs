//! Requests to search and fill memory, and replies to writes.

use crate::proto::kd::{Answer, NtStatus};

use super::super::machine::Machine;
use super::Result;

/// Most bytes that one search looks at, so that it does not hold up other machines.
const SEARCH_BYTES_MAX: u64 = 16 << 20;

/// Most bytes that one fill writes.
const FILL_BYTES_MAX: u32 = 4 << 20;

impl Machine {
    pub(super) fn search(&self, start: u64, length: u64, pattern: &[u8]) -> Result {
        if pattern.is_empty() {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        let end = start.saturating_add(length.min(SEARCH_BYTES_MAX));
        let mut at = start;
        // Page by page, and a little more than a page for a pattern that crosses to the next.
        while at < end {
            let next = (at & !0xFFF).saturating_add(0x1000).min(end);
            let want = (next - at) as usize + pattern.len() - 1;
            let bytes = self.readable(at, want.min((end - at) as usize));
            if let Some(found) = memchr::memmem::find(&bytes, pattern) {
                return Ok(Answer::Found(at + found as u64));
            }
            at = next;
        }
        Err(NtStatus::NOT_FOUND)
    }

    pub(super) fn fill(&mut self, address: u64, length: u32, flags: u16, pattern: &[u8]) -> Result {
        if pattern.is_empty() || length > FILL_BYTES_MAX || !matches!(flags & 3, 1 | 2) {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        let bytes: Vec<u8> = pattern
            .iter()
            .copied()
            .cycle()
            .take(length as usize)
            .collect();
        let memory = &mut self.kernel.memory;
        let result = if flags & 1 != 0 {
            memory.write(address, &bytes)
        } else {
            memory.write_physical(address, &bytes)
        };
        match result {
            Ok(()) => Ok(Answer::Filled { done: length }),
            Err(_) => Err(NtStatus::UNSUCCESSFUL),
        }
    }
}

/// The reply to a write; `end` is where memory ended, if it did.
pub(super) fn written(address: u64, data: &[u8], end: Option<u64>) -> Result {
    match end {
        Some(_) => Err(NtStatus::UNSUCCESSFUL),
        None => {
            let done = data.len() as u32;
            Ok(Answer::Written {
                address,
                requested: done,
                done,
            })
        }
    }
}
