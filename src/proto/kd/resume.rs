//! Continue with a control set: how a stopped target runs on.
//!
//! The control set differs by architecture and nothing in the message tells which: its bytes are kept, and made and
//! read for an architecture. amd64 from the packets of real targets, x86 from those of a real 32-bit kernel, ARM64
//! from public descriptions.

use super::architecture::Architecture;
use super::field::{low_u32, put_u32, put_u64, u32_at, u64_at};
use super::status::NtStatus;

/// Size of the largest control set.
pub const CONTROL_SET_BYTES: usize = 28;
/// The symbol range start that leaves the target's range for local steps alone.
pub const SYMBOLS_UNCHANGED: u64 = 1;
/// The debug control register of an amd64 or x86 without hardware breakpoints. Never send 0: it goes into every
/// processor as it is.
pub const DR7_UNUSED: u64 = 0x400;

/// Continue with a control set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continue2 {
    /// [`NtStatus::CONTINUE`] or another of the three; with a failure the target ignores the control set.
    pub status: NtStatus,
    /// The control set as it travels.
    pub control: [u8; CONTROL_SET_BYTES],
}

/// A control set, for an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlSet {
    /// Stop again after one instruction.
    pub trace: bool,
    /// Debug control register for all processors; ARM64 has none here.
    pub dr7: u64,
    /// Start of the range for local steps.
    pub symbol_start: u64,
    /// End of the range for local steps.
    pub symbol_end: u64,
}

impl Continue2 {
    /// A continue for a target of that architecture. `dr7` is the value read from the target, or [`DR7_UNUSED`].
    pub fn new(architecture: Architecture, status: NtStatus, trace: bool, dr7: u64) -> Self {
        let set = ControlSet {
            trace,
            dr7,
            symbol_start: SYMBOLS_UNCHANGED,
            symbol_end: 0,
        };
        let mut control = [0; CONTROL_SET_BYTES];
        set.encode(architecture, &mut control);
        Self { status, control }
    }

    /// The control set, read for a target of that architecture.
    pub fn set(&self, architecture: Architecture) -> ControlSet {
        let bytes = &self.control;
        match architecture {
            Architecture::Amd64 => ControlSet {
                trace: u32_at(bytes, 0) != 0,
                dr7: u64_at(bytes, 4),
                symbol_start: u64_at(bytes, 12),
                symbol_end: u64_at(bytes, 20),
            },
            Architecture::X86 => ControlSet {
                trace: u32_at(bytes, 0) != 0,
                dr7: u64::from(u32_at(bytes, 4)),
                symbol_start: u64::from(u32_at(bytes, 8)),
                symbol_end: u64::from(u32_at(bytes, 12)),
            },
            Architecture::Arm64 => ControlSet {
                trace: u32_at(bytes, 4) != 0,
                dr7: 0,
                symbol_start: u64_at(bytes, 8),
                symbol_end: u64_at(bytes, 16),
            },
        }
    }
}

impl ControlSet {
    fn encode(&self, architecture: Architecture, bytes: &mut [u8]) {
        match architecture {
            Architecture::Amd64 => {
                put_u32(bytes, 0, u32::from(self.trace));
                put_u64(bytes, 4, self.dr7);
                put_u64(bytes, 12, self.symbol_start);
                put_u64(bytes, 20, self.symbol_end);
            }
            Architecture::X86 => {
                put_u32(bytes, 0, u32::from(self.trace));
                put_u32(bytes, 4, low_u32(self.dr7));
                put_u32(bytes, 8, low_u32(self.symbol_start));
                put_u32(bytes, 12, low_u32(self.symbol_end));
            }
            Architecture::Arm64 => {
                put_u32(bytes, 4, u32::from(self.trace));
                put_u64(bytes, 8, self.symbol_start);
                put_u64(bytes, 16, self.symbol_end);
            }
        }
    }
}
