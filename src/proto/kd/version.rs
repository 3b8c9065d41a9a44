//! What a target says of itself: build, architecture, and where its lists are.
//!
//! Layout from the packets of real targets.

use super::architecture::Architecture;
use super::field::{put, put_u16, put_u64, u8_at, u16_at, u64_at};

/// The answer to a version request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version {
    /// High byte: what runs, 0 for an NT kernel; low byte: 0xF free, 0xC checked.
    pub major: u16,
    /// Build number.
    pub minor: u16,
    /// Version of the protocol; 6 since Windows XP.
    pub protocol: u8,
    /// 2 with the present amd64 CONTEXT, else 0.
    pub secondary: u8,
    /// See the constants.
    pub flags: u16,
    /// PE machine number.
    pub machine: u16,
    /// Packet types the target knows.
    pub packet_types: u8,
    /// State changes the target knows. Not reliable.
    pub state_changes: u8,
    /// Requests the target knows. Not reliable.
    pub requests: u8,
    /// 0 for a machine, 1 for a hardware probe.
    pub simulation: u8,
    /// Address of the kernel's image.
    pub kernel_base: u64,
    /// Address of the list of loaded modules.
    pub loaded_modules: u64,
    /// Address of the list of debugger data blocks, 0 for none.
    pub debugger_data: u64,
}

impl Version {
    /// More than one processor.
    pub const MULTIPROCESSOR: u16 = 1;
    /// [`Version::debugger_data`] is valid.
    pub const DEBUGGER_DATA: u16 = 2;
    /// 64-bit pointers. Clear for 64-bit boot debuggers: see [`Version::architecture`].
    pub const POINTERS_64: u16 = 4;
    /// No memory management.
    pub const NO_MEMORY_MANAGEMENT: u16 = 8;
    /// Steps in hardware.
    pub const HARDWARE_STEPPING: u16 = 0x10;
    /// Has partitions.
    pub const PARTITIONS: u16 = 0x20;

    /// The architecture, if it is one of those known.
    pub fn architecture(&self) -> Option<Architecture> {
        Architecture::from_machine(self.machine)
    }

    /// Whether all of `flags` are set.
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// What runs.
    pub fn kind(&self) -> Kind {
        match self.major.to_le_bytes() {
            [_, 0] => Kind::Kernel,
            [_, 4] => Kind::BootDebugger,
            [_, 5] => Kind::Firmware,
            [_, 8] => Kind::Hypervisor,
            [_, other] => Kind::Other(other),
        }
    }

    /// Whether it is a checked build.
    pub fn is_checked(&self) -> bool {
        self.major & 0xFF == 0xC
    }

    pub(super) fn decode(union: &[u8]) -> Self {
        Self {
            major: u16_at(union, 0),
            minor: u16_at(union, 2),
            protocol: u8_at(union, 4),
            secondary: u8_at(union, 5),
            flags: u16_at(union, 6),
            machine: u16_at(union, 8),
            packet_types: u8_at(union, 10),
            state_changes: u8_at(union, 11),
            requests: u8_at(union, 12),
            simulation: u8_at(union, 13),
            kernel_base: u64_at(union, 16),
            loaded_modules: u64_at(union, 24),
            debugger_data: u64_at(union, 32),
        }
    }

    pub(super) fn encode(&self, union: &mut [u8]) {
        put_u16(union, 0, self.major);
        put_u16(union, 2, self.minor);
        put(union, 4, &[self.protocol, self.secondary]);
        put_u16(union, 6, self.flags);
        put_u16(union, 8, self.machine);
        put(
            union,
            10,
            &[
                self.packet_types,
                self.state_changes,
                self.requests,
                self.simulation,
            ],
        );
        put_u64(union, 16, self.kernel_base);
        put_u64(union, 24, self.loaded_modules);
        put_u64(union, 32, self.debugger_data);
    }
}

/// What kind of program answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The NT kernel.
    Kernel,
    /// The boot manager or loader.
    BootDebugger,
    /// The firmware.
    Firmware,
    /// The hypervisor.
    Hypervisor,
    /// Another one.
    Other(u8),
}
