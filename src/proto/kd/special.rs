//! Special registers, as control space carries them: control registers, descriptor tables, debug registers, and on
//! amd64 the model-specific registers of system calls.
//!
//! Read and written like those of a [`super::context`]. amd64 from the packets of real targets, x86 from those of a
//! real 32-bit kernel, ARM64 from public descriptions (its breakpoint registers only).

use super::architecture::Architecture;
use super::context::{Group, Register};

/// Where control space has them: the address of the request.
pub fn address(architecture: Architecture) -> u64 {
    match architecture {
        Architecture::Amd64 | Architecture::Arm64 => 2,
        // There control space is the processor's state, in which they follow the CONTEXT.
        Architecture::X86 => 0x2CC,
    }
}

/// How many bytes to ask for. Targets answer with fewer if they have fewer.
pub fn bytes(architecture: Architecture) -> usize {
    match architecture {
        Architecture::Amd64 => 0xE0,
        Architecture::X86 => 0x54,
        Architecture::Arm64 => 0xA8,
    }
}

/// The special registers, in the order KD shows them.
pub fn registers(architecture: Architecture) -> &'static [Register] {
    match architecture {
        Architecture::Amd64 => AMD64,
        Architecture::X86 => X86,
        Architecture::Arm64 => ARM64,
    }
}

/// The special register of that name, whatever the case.
pub fn register(architecture: Architecture, name: &str) -> Option<&'static Register> {
    registers(architecture)
        .iter()
        .find(|register| register.name.eq_ignore_ascii_case(name))
}

/// The value of the special register of that name, if `special` reaches as far.
pub fn get(architecture: Architecture, special: &[u8], name: &str) -> Option<u64> {
    u64::try_from(register(architecture, name)?.value(special)?).ok()
}

/// Sets the special register of that name. `false` if there is none, or `special` ends before it.
pub fn set(architecture: Architecture, special: &mut [u8], name: &str, value: u64) -> bool {
    register(architecture, name).is_some_and(|register| register.set(special, u128::from(value)))
}

const fn at(bytes: usize, offset: usize, name: &'static str) -> Register {
    Register {
        name,
        offset,
        bytes,
        group: Group::Control,
    }
}

const fn debug(bytes: usize, offset: usize, name: &'static str) -> Register {
    Register {
        name,
        offset,
        bytes,
        group: Group::Debug,
    }
}

const AMD64: &[Register] = &[
    at(8, 0x00, "cr0"),
    at(8, 0x08, "cr2"),
    at(8, 0x10, "cr3"),
    at(8, 0x18, "cr4"),
    at(8, 0xA0, "cr8"),
    debug(8, 0x20, "kdr0"),
    debug(8, 0x28, "kdr1"),
    debug(8, 0x30, "kdr2"),
    debug(8, 0x38, "kdr3"),
    debug(8, 0x40, "kdr6"),
    debug(8, 0x48, "kdr7"),
    at(8, 0x58, "gdtr"),
    at(2, 0x56, "gdtl"),
    at(8, 0x68, "idtr"),
    at(2, 0x66, "idtl"),
    at(2, 0x70, "tr"),
    at(2, 0x72, "ldtr"),
    at(4, 0x74, "kmxcsr"),
    at(8, 0x78, "debugcontrol"),
    at(8, 0x80, "lastbranchto"),
    at(8, 0x88, "lastbranchfrom"),
    at(8, 0x90, "lastexceptionto"),
    at(8, 0x98, "lastexceptionfrom"),
    at(8, 0xA8, "gsbase"),
    at(8, 0xB0, "gsswap"),
    at(8, 0xB8, "star"),
    at(8, 0xC0, "lstar"),
    at(8, 0xC8, "cstar"),
    at(8, 0xD0, "fmask"),
    at(8, 0xD8, "xcr0"),
];

const X86: &[Register] = &[
    at(4, 0x00, "cr0"),
    at(4, 0x04, "cr2"),
    at(4, 0x08, "cr3"),
    at(4, 0x0C, "cr4"),
    debug(4, 0x10, "kdr0"),
    debug(4, 0x14, "kdr1"),
    debug(4, 0x18, "kdr2"),
    debug(4, 0x1C, "kdr3"),
    debug(4, 0x20, "kdr6"),
    debug(4, 0x24, "kdr7"),
    at(4, 0x2C, "gdtr"),
    at(2, 0x2A, "gdtl"),
    at(4, 0x34, "idtr"),
    at(2, 0x32, "idtl"),
    at(2, 0x38, "tr"),
    at(2, 0x3A, "ldtr"),
];

const ARM64: &[Register] = &[
    debug(8, 0x28, "kbvr0"),
    debug(8, 0x30, "kbvr1"),
    debug(8, 0x38, "kbvr2"),
    debug(8, 0x40, "kbvr3"),
    debug(8, 0x48, "kbvr4"),
    debug(8, 0x50, "kbvr5"),
    debug(8, 0x58, "kbvr6"),
    debug(8, 0x60, "kbvr7"),
    debug(4, 0x68, "kbcr0"),
    debug(4, 0x6C, "kbcr1"),
    debug(4, 0x70, "kbcr2"),
    debug(4, 0x74, "kbcr3"),
    debug(4, 0x78, "kbcr4"),
    debug(4, 0x7C, "kbcr5"),
    debug(4, 0x80, "kbcr6"),
    debug(4, 0x84, "kbcr7"),
    debug(8, 0x88, "kwvr0"),
    debug(8, 0x90, "kwvr1"),
    debug(4, 0x98, "kwcr0"),
    debug(4, 0x9C, "kwcr1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_registers_lie_in_what_is_asked_for_and_share_no_byte() {
        for architecture in [Architecture::X86, Architecture::Amd64, Architecture::Arm64] {
            let mut owner = vec![None; bytes(architecture)];
            for register in registers(architecture) {
                let range = register.offset..register.offset + register.bytes;
                for owner in &mut owner[range] {
                    assert_eq!(owner.replace(register.name), None, "{}", register.name);
                }
            }
        }
    }

    #[test]
    fn a_target_with_fewer_of_them_lacks_only_those() {
        let mut special = vec![0; 0xD8];
        assert!(set(Architecture::Amd64, &mut special, "KDR7", 0x401));
        assert_eq!(get(Architecture::Amd64, &special, "kdr7"), Some(0x401));
        assert_eq!(get(Architecture::Amd64, &special, "xcr0"), None);
        assert!(!set(Architecture::Amd64, &mut special, "xcr0", 1));
    }
}
