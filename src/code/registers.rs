//! The registers of one processor, by name.
//!
//! Values only: where they lie in a record of the target is the caller's matter. Parts of registers (`eax`, `r8w`,
//! `al`) and flags (`zf`, `iopl`) are names of their own here.

use super::machine::Machine;

/// The registers of one processor. All are zero until set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    machine: Machine,
    /// In the order of [`Registers::names`].
    values: Vec<u64>,
}

/// Some bits of a whole register.
struct Part {
    whole: usize,
    shift: u32,
    bits: u32,
    /// Whether writing it clears the upper half, as 32-bit writes do on 64-bit processors.
    clears: bool,
}

impl Registers {
    /// Registers of a machine, all zero.
    pub fn new(machine: Machine) -> Self {
        Self {
            machine,
            values: vec![0; Self::names(machine).len()],
        }
    }

    /// Which machine they belong to.
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// The value of a register, a part of one, or a flag. Names in any case, without `@`.
    pub fn get(&self, name: &str) -> Option<u64> {
        let part = self.part(name)?;
        let whole = self.values.get(part.whole)?;
        Some(whole >> part.shift & mask(part.bits))
    }

    /// Sets a register, a part of one or a flag; false if there is no such name or the value does not fit.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        let Some(part) = self.part(name) else {
            return false;
        };
        let Some(whole) = self.values.get_mut(part.whole) else {
            return false;
        };
        // KD carries 32-bit addresses sign-extended: those fit.
        let extended = part.bits == 32 && value >> 31 == mask(33);
        if value & !mask(part.bits) != 0 && !extended {
            return false;
        }
        let value = value & mask(part.bits);
        *whole = if part.clears {
            value
        } else {
            *whole & !(mask(part.bits) << part.shift) | value << part.shift
        };
        true
    }

    /// The whole registers in the order they are shown, without parts and flags.
    pub const fn names(machine: Machine) -> &'static [&'static str] {
        match machine {
            Machine::X86 => &X86,
            Machine::Amd64 => &AMD64,
            Machine::Arm64 => &ARM64,
        }
    }

    /// Whether a name is that of a flag, on any machine.
    pub fn is_flag(name: &str) -> bool {
        let arm = ["n", "z", "c", "v"];
        let mut flags = FLAGS.iter().map(|(flag, ..)| *flag).chain(arm);
        flags.any(|flag| flag.eq_ignore_ascii_case(name))
    }

    /// `rip`, `eip` or `pc`.
    pub fn instruction(&self) -> u64 {
        self.role(["eip", "rip", "pc"])
    }

    /// `rsp`, `esp` or `sp`.
    pub fn stack(&self) -> u64 {
        self.role(["esp", "rsp", "sp"])
    }

    /// `rbp`, `ebp` or `fp`.
    pub fn frame(&self) -> u64 {
        self.role(["ebp", "rbp", "fp"])
    }

    /// What functions return: `rax`, `eax` or `x0`.
    pub fn result(&self) -> u64 {
        self.role(["eax", "rax", "x0"])
    }

    /// A register by its role: its name on x86, on amd64 and on arm64. As an address, so sign-extended on x86.
    fn role(&self, [x86, amd64, arm64]: [&str; 3]) -> u64 {
        let name = match self.machine {
            Machine::X86 => x86,
            Machine::Amd64 => amd64,
            Machine::Arm64 => arm64,
        };
        self.machine.canonical(self.get(name).unwrap_or_default())
    }

    fn part(&self, name: &str) -> Option<Part> {
        let lower = name.to_ascii_lowercase();
        let position = |wanted: &str| {
            Self::names(self.machine)
                .iter()
                .position(|name| *name == wanted)
        };
        let part = |whole: &str, shift, bits, clears| {
            let whole = position(whole)?;
            Some(Part {
                whole,
                shift,
                bits,
                clears,
            })
        };
        if let Some(whole) = position(&lower) {
            let (shift, bits, clears) = (0, width(self.machine, &lower), true);
            return Some(Part {
                whole,
                shift,
                bits,
                clears,
            });
        }
        if self.machine == Machine::Arm64 {
            return match lower.as_str() {
                "x29" => part("fp", 0, 64, true),
                "x30" => part("lr", 0, 64, true),
                "n" => part("cpsr", 31, 1, false),
                "z" => part("cpsr", 30, 1, false),
                "c" => part("cpsr", 29, 1, false),
                "v" => part("cpsr", 28, 1, false),
                "w29" => part("fp", 0, 32, true),
                "w30" => part("lr", 0, 32, true),
                _ => part(&format!("x{}", lower.strip_prefix('w')?), 0, 32, true),
            };
        }
        if let Some((_, shift, bits)) = FLAGS.iter().find(|(flag, ..)| *flag == lower) {
            return part("efl", *shift, *bits, false);
        }
        match lower.as_str() {
            "eflags" | "rflags" | "fl" => return part("efl", 0, 32, true),
            _ => {}
        }
        let amd64 = self.machine == Machine::Amd64;
        if amd64 && let Some(numbered) = lower.strip_prefix('r') {
            let digits = numbered.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            let (bits, clears) = match numbered.strip_prefix(digits)? {
                "d" => (32, true),
                "w" => (16, false),
                "b" => (8, false),
                _ => return None,
            };
            return part(&format!("r{digits}"), 0, bits, clears);
        }
        let wide = if amd64 { "r" } else { "e" };
        if amd64 && let Some(rest) = lower.strip_prefix('e').filter(|rest| rest.len() == 2) {
            return part(&format!("r{rest}"), 0, 32, true);
        }
        let letters = lower.as_bytes();
        match letters {
            [b'a' | b'b' | b'c' | b'd', b'x']
            | [b's' | b'd', b'i']
            | [b's' | b'b' | b'i', b'p'] => part(&format!("{wide}{lower}"), 0, 16, false),
            [letter @ (b'a' | b'b' | b'c' | b'd'), half @ (b'l' | b'h')] => {
                let shift = if *half == b'h' { 8 } else { 0 };
                part(&format!("{wide}{}x", char::from(*letter)), shift, 8, false)
            }
            [b's' | b'd', b'i', b'l'] | [b's' | b'b', b'p', b'l'] if amd64 => {
                part(&format!("r{}", lower.get(..2)?), 0, 8, false)
            }
            _ => None,
        }
    }
}

const fn mask(bits: u32) -> u64 {
    if bits >= 64 {
        u64::MAX
    } else {
        (1 << bits) - 1
    }
}

/// How many bits a whole register has.
fn width(machine: Machine, name: &str) -> u32 {
    match name {
        "cs" | "ss" | "ds" | "es" | "fs" | "gs" | "tr" | "ldtr" | "gdtl" | "idtl" => 16,
        "efl" | "mxcsr" | "cpsr" | "fpcr" | "fpsr" => 32,
        _ if machine == Machine::X86 => 32,
        _ => 64,
    }
}

/// Flags of `efl`: name, position, width.
const FLAGS: [(&str, u32, u32); 13] = [
    ("cf", 0, 1),
    ("pf", 2, 1),
    ("af", 4, 1),
    ("zf", 6, 1),
    ("sf", 7, 1),
    ("tf", 8, 1),
    ("if", 9, 1),
    ("df", 10, 1),
    ("of", 11, 1),
    ("iopl", 12, 2),
    ("nt", 14, 1),
    ("vip", 20, 1),
    ("vif", 19, 1),
];

const AMD64: [&str; 44] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rip", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12",
    "r13", "r14", "r15", "efl", "cs", "ss", "ds", "es", "fs", "gs", "dr0", "dr1", "dr2", "dr3",
    "dr6", "dr7", "mxcsr", "cr0", "cr2", "cr3", "cr4", "cr8", "gdtr", "gdtl", "idtr", "idtl", "tr",
    "ldtr", "fsbase", "gsbase",
];

const X86: [&str; 32] = [
    "eax", "ebx", "ecx", "edx", "esi", "edi", "eip", "esp", "ebp", "efl", "cs", "ss", "ds", "es",
    "fs", "gs", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7", "cr0", "cr2", "cr3", "cr4", "gdtr",
    "gdtl", "idtr", "idtl", "tr", "ldtr",
];

const ARM64: [&str; 36] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
    "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
    "x28", "fp", "lr", "sp", "pc", "cpsr", "fpcr", "fpsr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_registers_have_names() {
        let mut registers = Registers::new(Machine::Amd64);
        assert!(registers.set("RAX", 0x1122_3344_5566_7788));
        let parts = [
            ("eax", 0x5566_7788),
            ("ax", 0x7788),
            ("al", 0x88),
            ("ah", 0x77),
        ];
        for (name, value) in parts {
            assert_eq!(registers.get(name), Some(value), "{name}");
        }
        assert!(registers.set("r10", 0xffff_ffff_0000_0001));
        assert_eq!(registers.get("r10d"), Some(1));
        assert_eq!(registers.get("r10b"), Some(1));
        assert_eq!(registers.get("sil"), Some(0));
        for name in ["r16d", "r8q", "exx", "", "x0", "rxd", "spl_"] {
            assert_eq!(registers.get(name), None, "{name}");
        }
    }

    #[test]
    fn setting_a_half_clears_the_other_as_processors_do() {
        let mut registers = Registers::new(Machine::Amd64);
        registers.set("rbx", u64::MAX);
        assert!(registers.set("bh", 0));
        assert_eq!(registers.get("rbx"), Some(0xffff_ffff_ffff_00ff));
        assert!(registers.set("ebx", 5));
        assert_eq!(registers.get("rbx"), Some(5));
    }

    #[test]
    fn flags_are_set_one_by_one() {
        let mut registers = Registers::new(Machine::X86);
        registers.set("efl", 0x202);
        assert!(registers.set("zf", 1));
        assert_eq!(registers.get("efl"), Some(0x242));
        assert_eq!(registers.get("if"), Some(1));
        assert!(!registers.set("zf", 2));
    }

    #[test]
    fn a_sign_extended_address_fits_a_32_bit_register() {
        let mut registers = Registers::new(Machine::X86);
        assert!(registers.set("eip", 0xffff_ffff_8054_a6f0));
        assert_eq!(registers.get("eip"), Some(0x8054_a6f0));
        assert_eq!(registers.instruction(), 0xffff_ffff_8054_a6f0);
        assert!(!registers.set("eip", 0x1_8054_a6f0));
    }

    #[test]
    fn arm_registers_have_their_second_names() {
        let mut registers = Registers::new(Machine::Arm64);
        registers.set("x30", 0x1_0000_0002);
        assert_eq!(registers.get("lr"), Some(0x1_0000_0002));
        assert_eq!(registers.get("w30"), Some(2));
        registers.set("cpsr", 1 << 30);
        assert_eq!(registers.get("z"), Some(1));
    }
}
