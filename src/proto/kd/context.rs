//! Registers in a CONTEXT: where each lies, by architecture and name.
//!
//! A CONTEXT stays the bytes it came as, since it has to go back with everything in it; this reads and writes single
//! registers of it. amd64 from the packets of real targets, x86 from those of a real 32-bit kernel, ARM64 from public
//! descriptions. Names are those of KD's `r` command. The special registers are in [`super::special`].

use super::architecture::Architecture;

/// What of a processor a register belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Integer registers, stack pointer included.
    Integer,
    /// Program counter and flags.
    Control,
    /// Segments.
    Segment,
    /// Hardware breakpoints.
    Debug,
    /// Floating point control and vectors.
    Float,
}

/// A register and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Offset of its bytes.
    pub offset: usize,
    /// How many bytes: 1 to 16.
    pub bytes: usize,
    /// What it belongs to.
    pub group: Group,
}

/// One bit, or a few, of a flags register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its lowest bit.
    pub bit: u32,
    /// How many bits.
    pub bits: u32,
}

/// Bit of the flags register that makes an x86 or amd64 stop after one instruction.
pub const TRACE_FLAG: u64 = 0x100;

impl Register {
    /// Its value, zero-extended; `None` if `bytes` end before it.
    pub fn value(&self, bytes: &[u8]) -> Option<u128> {
        let field = bytes.get(self.offset..self.offset + self.bytes)?;
        let mut value = [0; 16];
        value.get_mut(..field.len())?.copy_from_slice(field);
        Some(u128::from_le_bytes(value))
    }

    /// Sets it, cut to its width. `false` if `bytes` end before it.
    pub fn set(&self, bytes: &mut [u8], value: u128) -> bool {
        let value = value.to_le_bytes();
        let field = bytes.get_mut(self.offset..self.offset + self.bytes);
        let (Some(field), Some(value)) = (field, value.get(..self.bytes)) else {
            return false;
        };
        field.copy_from_slice(value);
        true
    }
}

impl Flag {
    /// Its value in a flags register.
    pub fn value(&self, flags: u64) -> u64 {
        flags.checked_shr(self.bit).unwrap_or(0) & self.mask()
    }

    /// The flags register with it set to `value`, cut to its width.
    pub fn with(&self, flags: u64, value: u64) -> u64 {
        let mask = self.mask();
        flags & !(mask << self.bit) | (value & mask) << self.bit
    }

    fn mask(&self) -> u64 {
        (1 << self.bits) - 1
    }
}

/// The registers of a CONTEXT, in the order KD shows them.
pub fn registers(architecture: Architecture) -> &'static [Register] {
    match architecture {
        Architecture::Amd64 => AMD64,
        Architecture::X86 => X86,
        Architecture::Arm64 => ARM64,
    }
}

/// The register of that name, whatever the case.
pub fn register(architecture: Architecture, name: &str) -> Option<&'static Register> {
    registers(architecture)
        .iter()
        .find(|register| register.name.eq_ignore_ascii_case(name))
}

/// The value of the register of that name, if it has at most 64 bits.
pub fn get(architecture: Architecture, context: &[u8], name: &str) -> Option<u64> {
    u64::try_from(register(architecture, name)?.value(context)?).ok()
}

/// Sets the register of that name. `false` if there is none, or `context` ends before it.
pub fn set(architecture: Architecture, context: &mut [u8], name: &str, value: u64) -> bool {
    register(architecture, name).is_some_and(|register| register.set(context, u128::from(value)))
}

/// The name of the program counter.
pub fn program_counter(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Amd64 => "rip",
        Architecture::X86 => "eip",
        Architecture::Arm64 => "pc",
    }
}

/// The name of the stack pointer.
pub fn stack_pointer(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Amd64 => "rsp",
        Architecture::X86 => "esp",
        Architecture::Arm64 => "sp",
    }
}

/// The name of the flags register.
pub fn flags_register(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Amd64 | Architecture::X86 => "efl",
        Architecture::Arm64 => "cpsr",
    }
}

/// The flags of the flags register.
pub fn flags(architecture: Architecture) -> &'static [Flag] {
    match architecture {
        Architecture::Amd64 | Architecture::X86 => EFLAGS,
        Architecture::Arm64 => CPSR,
    }
}

/// The ContextFlags that say everything is there.
pub fn full_flags(architecture: Architecture) -> u32 {
    match architecture {
        Architecture::Amd64 => 0x0010_001F,
        Architecture::X86 => 0x0001_003F,
        Architecture::Arm64 => 0x0040_001F,
    }
}

/// The offset of ContextFlags, four bytes.
pub fn flags_offset(architecture: Architecture) -> usize {
    match architecture {
        Architecture::Amd64 => 0x30,
        Architecture::X86 | Architecture::Arm64 => 0,
    }
}

const fn at(group: Group, bytes: usize, offset: usize, name: &'static str) -> Register {
    Register {
        name,
        offset,
        bytes,
        group,
    }
}

const fn integer(offset: usize, name: &'static str) -> Register {
    at(Group::Integer, 8, offset, name)
}

const fn integer_32(offset: usize, name: &'static str) -> Register {
    at(Group::Integer, 4, offset, name)
}

const fn segment(bytes: usize, offset: usize, name: &'static str) -> Register {
    at(Group::Segment, bytes, offset, name)
}

const fn debug(bytes: usize, offset: usize, name: &'static str) -> Register {
    at(Group::Debug, bytes, offset, name)
}

const fn vector(offset: usize, name: &'static str) -> Register {
    at(Group::Float, 16, offset, name)
}

const fn flag(bit: u32, name: &'static str) -> Flag {
    Flag { name, bit, bits: 1 }
}

const AMD64: &[Register] = &[
    integer(0x78, "rax"),
    integer(0x90, "rbx"),
    integer(0x80, "rcx"),
    integer(0x88, "rdx"),
    integer(0xA8, "rsi"),
    integer(0xB0, "rdi"),
    at(Group::Control, 8, 0xF8, "rip"),
    integer(0x98, "rsp"),
    integer(0xA0, "rbp"),
    integer(0xB8, "r8"),
    integer(0xC0, "r9"),
    integer(0xC8, "r10"),
    integer(0xD0, "r11"),
    integer(0xD8, "r12"),
    integer(0xE0, "r13"),
    integer(0xE8, "r14"),
    integer(0xF0, "r15"),
    segment(2, 0x38, "cs"),
    segment(2, 0x42, "ss"),
    segment(2, 0x3A, "ds"),
    segment(2, 0x3C, "es"),
    segment(2, 0x3E, "fs"),
    segment(2, 0x40, "gs"),
    at(Group::Control, 4, 0x44, "efl"),
    debug(8, 0x48, "dr0"),
    debug(8, 0x50, "dr1"),
    debug(8, 0x58, "dr2"),
    debug(8, 0x60, "dr3"),
    debug(8, 0x68, "dr6"),
    debug(8, 0x70, "dr7"),
    at(Group::Float, 4, 0x34, "mxcsr"),
    vector(0x1A0, "xmm0"),
    vector(0x1B0, "xmm1"),
    vector(0x1C0, "xmm2"),
    vector(0x1D0, "xmm3"),
    vector(0x1E0, "xmm4"),
    vector(0x1F0, "xmm5"),
    vector(0x200, "xmm6"),
    vector(0x210, "xmm7"),
    vector(0x220, "xmm8"),
    vector(0x230, "xmm9"),
    vector(0x240, "xmm10"),
    vector(0x250, "xmm11"),
    vector(0x260, "xmm12"),
    vector(0x270, "xmm13"),
    vector(0x280, "xmm14"),
    vector(0x290, "xmm15"),
];

const X86: &[Register] = &[
    integer_32(0xB0, "eax"),
    integer_32(0xA4, "ebx"),
    integer_32(0xAC, "ecx"),
    integer_32(0xA8, "edx"),
    integer_32(0xA0, "esi"),
    integer_32(0x9C, "edi"),
    at(Group::Control, 4, 0xB8, "eip"),
    integer_32(0xC4, "esp"),
    integer_32(0xB4, "ebp"),
    segment(4, 0xBC, "cs"),
    segment(4, 0xC8, "ss"),
    segment(4, 0x98, "ds"),
    segment(4, 0x94, "es"),
    segment(4, 0x90, "fs"),
    segment(4, 0x8C, "gs"),
    at(Group::Control, 4, 0xC0, "efl"),
    debug(4, 0x04, "dr0"),
    debug(4, 0x08, "dr1"),
    debug(4, 0x0C, "dr2"),
    debug(4, 0x10, "dr3"),
    debug(4, 0x14, "dr6"),
    debug(4, 0x18, "dr7"),
];

const ARM64: &[Register] = &[
    integer(0x08, "x0"),
    integer(0x10, "x1"),
    integer(0x18, "x2"),
    integer(0x20, "x3"),
    integer(0x28, "x4"),
    integer(0x30, "x5"),
    integer(0x38, "x6"),
    integer(0x40, "x7"),
    integer(0x48, "x8"),
    integer(0x50, "x9"),
    integer(0x58, "x10"),
    integer(0x60, "x11"),
    integer(0x68, "x12"),
    integer(0x70, "x13"),
    integer(0x78, "x14"),
    integer(0x80, "x15"),
    integer(0x88, "x16"),
    integer(0x90, "x17"),
    integer(0x98, "x18"),
    integer(0xA0, "x19"),
    integer(0xA8, "x20"),
    integer(0xB0, "x21"),
    integer(0xB8, "x22"),
    integer(0xC0, "x23"),
    integer(0xC8, "x24"),
    integer(0xD0, "x25"),
    integer(0xD8, "x26"),
    integer(0xE0, "x27"),
    integer(0xE8, "x28"),
    integer(0xF0, "fp"),
    integer(0xF8, "lr"),
    integer(0x100, "sp"),
    at(Group::Control, 8, 0x108, "pc"),
    at(Group::Control, 4, 0x04, "cpsr"),
    at(Group::Float, 4, 0x310, "fpcr"),
    at(Group::Float, 4, 0x314, "fpsr"),
    debug(4, 0x318, "bcr0"),
    debug(4, 0x31C, "bcr1"),
    debug(4, 0x320, "bcr2"),
    debug(4, 0x324, "bcr3"),
    debug(4, 0x328, "bcr4"),
    debug(4, 0x32C, "bcr5"),
    debug(4, 0x330, "bcr6"),
    debug(4, 0x334, "bcr7"),
    debug(8, 0x338, "bvr0"),
    debug(8, 0x340, "bvr1"),
    debug(8, 0x348, "bvr2"),
    debug(8, 0x350, "bvr3"),
    debug(8, 0x358, "bvr4"),
    debug(8, 0x360, "bvr5"),
    debug(8, 0x368, "bvr6"),
    debug(8, 0x370, "bvr7"),
    debug(4, 0x378, "wcr0"),
    debug(4, 0x37C, "wcr1"),
    debug(8, 0x380, "wvr0"),
    debug(8, 0x388, "wvr1"),
    vector(0x110, "v0"),
    vector(0x120, "v1"),
    vector(0x130, "v2"),
    vector(0x140, "v3"),
    vector(0x150, "v4"),
    vector(0x160, "v5"),
    vector(0x170, "v6"),
    vector(0x180, "v7"),
    vector(0x190, "v8"),
    vector(0x1A0, "v9"),
    vector(0x1B0, "v10"),
    vector(0x1C0, "v11"),
    vector(0x1D0, "v12"),
    vector(0x1E0, "v13"),
    vector(0x1F0, "v14"),
    vector(0x200, "v15"),
    vector(0x210, "v16"),
    vector(0x220, "v17"),
    vector(0x230, "v18"),
    vector(0x240, "v19"),
    vector(0x250, "v20"),
    vector(0x260, "v21"),
    vector(0x270, "v22"),
    vector(0x280, "v23"),
    vector(0x290, "v24"),
    vector(0x2A0, "v25"),
    vector(0x2B0, "v26"),
    vector(0x2C0, "v27"),
    vector(0x2D0, "v28"),
    vector(0x2E0, "v29"),
    vector(0x2F0, "v30"),
    vector(0x300, "v31"),
];

const EFLAGS: &[Flag] = &[
    Flag {
        name: "iopl",
        bit: 12,
        bits: 2,
    },
    flag(11, "of"),
    flag(10, "df"),
    flag(9, "if"),
    flag(8, "tf"),
    flag(7, "sf"),
    flag(6, "zf"),
    flag(4, "af"),
    flag(2, "pf"),
    flag(0, "cf"),
    flag(20, "vip"),
    flag(19, "vif"),
];

const CPSR: &[Flag] = &[
    flag(31, "nf"),
    flag(30, "zf"),
    flag(29, "cf"),
    flag(28, "vf"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Architecture; 3] = [Architecture::X86, Architecture::Amd64, Architecture::Arm64];

    #[test]
    fn registers_lie_in_the_context_and_share_no_byte() {
        for architecture in ALL {
            let mut owner = vec![None; architecture.context_bytes()];
            for register in registers(architecture) {
                let range = register.offset..register.offset + register.bytes;
                for owner in &mut owner[range] {
                    assert_eq!(owner.replace(register.name), None, "{}", register.name);
                }
            }
        }
    }

    #[test]
    fn a_register_keeps_what_is_set_and_touches_nothing_else() {
        for architecture in ALL {
            for register in registers(architecture) {
                let mut context = vec![0x55; architecture.context_bytes()];
                let value = u128::MAX >> (128 - 8 * register.bytes) & 0xA1A2_A3A4_A5A6_A7A8;
                assert!(register.set(&mut context, value));
                assert_eq!(register.value(&context), Some(value));
                assert!(register.set(&mut context, u128::from_le_bytes([0x55; 16])));
                assert!(
                    context.iter().all(|byte| *byte == 0x55),
                    "{}",
                    register.name
                );
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_short_contexts_have_no_registers() {
        assert_eq!(
            register(Architecture::Amd64, "RIP").map(|found| found.offset),
            Some(0xF8)
        );
        assert_eq!(register(Architecture::X86, "rip"), None);
        assert_eq!(get(Architecture::Amd64, &[0; 0xF8], "rip"), None);
        assert!(!set(Architecture::Amd64, &mut [0; 0xFF], "rip", 1));
        for architecture in ALL {
            let context = vec![1; architecture.context_bytes()];
            for name in [
                program_counter(architecture),
                stack_pointer(architecture),
                flags_register(architecture),
            ] {
                assert!(get(architecture, &context, name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn flags_are_read_and_set_by_themselves() {
        let find = |name| {
            flags(Architecture::Amd64)
                .iter()
                .find(|flag| flag.name == name)
                .unwrap()
        };
        assert_eq!(find("iopl").value(0x3246), 3);
        assert_eq!(find("zf").value(0x3246), 1);
        assert_eq!(find("zf").with(0x3246, 0), 0x3206);
        assert_eq!(find("iopl").with(0x3246, 1), 0x1246);
        assert_eq!(find("tf").with(0, 1), TRACE_FLAG);
    }
}
