//! The processors whose code and memory can be read, and how their addresses are written.
//!
//! Not the architecture as a protocol counts it: the caller translates.

use std::fmt;

/// A kind of processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Machine {
    /// 32-bit x86.
    X86,
    /// 64-bit x86.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Machine {
    /// The size of a pointer: 4 or 8.
    pub const fn pointer_bytes(self) -> usize {
        match self {
            Self::X86 => 4,
            Self::Amd64 | Self::Arm64 => 8,
        }
    }

    /// Whether addresses have 64 bits.
    pub const fn is_64bit(self) -> bool {
        self.pointer_bytes() == 8
    }

    /// An address as listings show it: ``fffff801`2a6a1230``, or `8054a6f0` where they have 32 bits.
    pub const fn address(self, value: u64) -> Address {
        Address {
            value,
            wide: self.is_64bit(),
        }
    }

    /// The number as an address of this machine: cut to 32 bits and sign-extended where addresses have 32 bits,
    /// as KD carries them on the wire.
    pub const fn canonical(self, value: u64) -> u64 {
        if self.is_64bit() {
            value
        } else {
            ((value << 32).cast_signed() >> 32).cast_unsigned()
        }
    }
}

/// An address on its way into a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    value: u64,
    wide: bool,
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.wide {
            format!("{:08x}`{:08x}", self.value >> 32, self.value & 0xffff_ffff)
        } else {
            format!("{:08x}", self.value & 0xffff_ffff)
        };
        formatter.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_address_has_a_backtick_and_a_narrow_one_eight_digits() {
        let wide = Machine::Amd64.address(0xffff_f801_2a6a_1230);
        assert_eq!(wide.to_string(), "fffff801`2a6a1230");
        let narrow = Machine::X86.address(0xffff_ffff_8054_a6f0);
        assert_eq!(narrow.to_string(), "8054a6f0");
    }

    #[test]
    fn a_32_bit_address_is_sign_extended() {
        assert_eq!(Machine::X86.canonical(0x8054_a6f0), 0xffff_ffff_8054_a6f0);
        assert_eq!(Machine::X86.canonical(0x0040_1000), 0x0040_1000);
        assert_eq!(Machine::Amd64.canonical(0x8054_a6f0), 0x8054_a6f0);
    }
}
