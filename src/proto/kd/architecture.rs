//! The processor families that a target can have, and what KD needs to know of each.

/// A processor family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Architecture {
    /// 32-bit Intel and AMD.
    X86,
    /// 64-bit Intel and AMD.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Architecture {
    /// The family of a PE machine number, as in a version reply.
    pub fn from_machine(machine: u16) -> Option<Self> {
        match machine {
            0x014C => Some(Self::X86),
            0x8664 => Some(Self::Amd64),
            0xAA64 => Some(Self::Arm64),
            _ => None,
        }
    }

    /// The PE machine number.
    pub fn machine(self) -> u16 {
        match self {
            Self::X86 => 0x014C,
            Self::Amd64 => 0x8664,
            Self::Arm64 => 0xAA64,
        }
    }

    /// The size of a CONTEXT on the wire.
    pub fn context_bytes(self) -> usize {
        match self {
            Self::X86 => 0x2CC,
            Self::Amd64 => 0x4D0,
            Self::Arm64 => 0x390,
        }
    }

    /// The size of a pointer in the target's memory. On the wire all addresses are eight bytes; those of 32-bit
    /// targets are sign-extended.
    pub fn pointer_bytes(self) -> usize {
        match self {
            Self::X86 => 4,
            Self::Amd64 | Self::Arm64 => 8,
        }
    }

    /// The bytes of a breakpoint instruction.
    pub fn breakpoint(self) -> &'static [u8] {
        match self {
            Self::X86 | Self::Amd64 => &[0xCC],
            Self::Arm64 => &[0x00, 0x00, 0x3E, 0xD4],
        }
    }

    /// The address as it travels: sign-extended from 32 bits for 32-bit targets, unchanged for the others.
    pub fn extend(self, address: u64) -> u64 {
        match self {
            Self::X86 => {
                let low = address & 0xFFFF_FFFF;
                if low & 0x8000_0000 == 0 {
                    low
                } else {
                    low | 0xFFFF_FFFF_0000_0000
                }
            }
            Self::Amd64 | Self::Arm64 => address,
        }
    }

    /// The name in KD's output.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86",
            Self::Amd64 => "x64",
            Self::Arm64 => "ARM64",
        }
    }
}
