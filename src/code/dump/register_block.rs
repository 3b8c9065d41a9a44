//! The block of registers `r` shows.
//!
//! Layout: KD's public documentation for x86 and amd64. That of ARM64 is our own, in the same spirit.

use super::{Machine, Registers};

/// The block `r` shows, without the instruction below it.
pub fn registers(registers: &Registers) -> Vec<String> {
    let (rows, segments): (&[&[&str]], _) = match registers.machine() {
        Machine::Amd64 => (&AMD64, "cs ss ds es fs gs"),
        Machine::X86 => (&X86, "cs ss ds es fs gs"),
        Machine::Arm64 => (&ARM64, ""),
    };
    let digits = registers.machine().pointer_bytes() * 2;
    let value = |name: &str| registers.get(name).unwrap_or_default();
    // The names of a column are as wide as its widest: ` r8`, but `eax`.
    let cell = |name: &&str| format!("{name:>3}={:0digits$x}", value(name));
    let mut lines: Vec<String> = rows.iter().map(|row| join(row.iter().map(cell))).collect();
    let flags = flags_line(registers);
    if registers.machine() == Machine::X86 {
        // The flags share the line of the instruction pointer.
        if let Some(last) = lines.last_mut() {
            last.push(' ');
            last.push_str(&flags);
        }
    } else {
        lines.push(flags);
    }
    if !segments.is_empty() {
        let cell = |name| format!("{name}={:04x}", value(name));
        let cells: Vec<String> = segments.split(' ').map(cell).collect();
        let flags = value("efl");
        lines.push(format!("{}             efl={flags:08x}", cells.join("  ")));
    }
    lines
}

/// The flags in words: `iopl=0         nv up ei pl nz na po nc`. Those of ARM64: `cpsr=600000c5 -ZC-`.
pub fn flags_line(registers: &Registers) -> String {
    let is_set = |name: &str| registers.get(name).is_some_and(|value| value != 0);
    if registers.machine() == Machine::Arm64 {
        let letters = ["n", "z", "c", "v"].map(|name| {
            if is_set(name) {
                name.to_ascii_uppercase()
            } else {
                "-".to_owned()
            }
        });
        let cpsr = registers.get("cpsr").unwrap_or_default();
        return format!("cpsr={cpsr:08x} {}", letters.concat());
    }
    let words = FLAGS.iter().map(|(name, clear, set)| {
        let word = if is_set(name) { set } else { clear };
        (*word).to_owned()
    });
    let level = registers.get("iopl").unwrap_or_default();
    format!("iopl={level:x}         {}", join(words))
}

fn join(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(" ")
}

/// Flags in the order they are shown, with their words for clear and set.
const FLAGS: [(&str, &str, &str); 8] = [
    ("of", "nv", "ov"),
    ("df", "up", "dn"),
    ("if", "di", "ei"),
    ("sf", "pl", "ng"),
    ("zf", "nz", "zr"),
    ("af", "na", "ac"),
    ("pf", "po", "pe"),
    ("cf", "nc", "cy"),
];

const AMD64: [&[&str]; 6] = [
    &["rax", "rbx", "rcx"],
    &["rdx", "rsi", "rdi"],
    &["rip", "rsp", "rbp"],
    &["r8", "r9", "r10"],
    &["r11", "r12", "r13"],
    &["r14", "r15"],
];

const X86: [&[&str]; 2] = [
    &["eax", "ebx", "ecx", "edx", "esi", "edi"],
    &["eip", "esp", "ebp"],
];

const ARM64: [&[&str]; 9] = [
    &["x0", "x1", "x2", "x3"],
    &["x4", "x5", "x6", "x7"],
    &["x8", "x9", "x10", "x11"],
    &["x12", "x13", "x14", "x15"],
    &["x16", "x17", "x18", "x19"],
    &["x20", "x21", "x22", "x23"],
    &["x24", "x25", "x26", "x27"],
    &["x28", "fp", "lr", "sp"],
    &["pc"],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn with(machine: Machine, values: &[(&str, u64)]) -> Registers {
        let mut registers = Registers::new(machine);
        for (name, value) in values {
            assert!(registers.set(name, *value), "{name}");
        }
        registers
    }

    #[test]
    fn amd64_registers_stand_three_in_a_line() {
        let values = [
            ("rax", 1),
            ("rbx", 0xffff_d28f_4e0a_1080),
            ("rcx", 3),
            ("rip", 0xffff_f801_2a3e_f930),
            ("r8", 0x3e),
            ("cs", 0x10),
            ("ss", 0x18),
            ("ds", 0x2b),
            ("es", 0x2b),
            ("fs", 0x53),
            ("gs", 0x2b),
            ("efl", 0x206),
        ];
        assert_eq!(
            registers(&with(Machine::Amd64, &values)),
            [
                "rax=0000000000000001 rbx=ffffd28f4e0a1080 rcx=0000000000000003",
                "rdx=0000000000000000 rsi=0000000000000000 rdi=0000000000000000",
                "rip=fffff8012a3ef930 rsp=0000000000000000 rbp=0000000000000000",
                " r8=000000000000003e  r9=0000000000000000 r10=0000000000000000",
                "r11=0000000000000000 r12=0000000000000000 r13=0000000000000000",
                "r14=0000000000000000 r15=0000000000000000",
                "iopl=0         nv up ei pl nz na pe nc",
                "cs=0010  ss=0018  ds=002b  es=002b  fs=0053  gs=002b             efl=00000206",
            ]
        );
    }

    #[test]
    fn x86_registers_stand_six_in_a_line_and_the_flags_beside_them() {
        let values = [
            ("eax", 1),
            ("eip", 0xffff_ffff_8054_a6f0),
            ("cs", 8),
            ("efl", 0xa95),
        ];
        assert_eq!(
            registers(&with(Machine::X86, &values)),
            [
                "eax=00000001 ebx=00000000 ecx=00000000 edx=00000000 esi=00000000 edi=00000000",
                "eip=8054a6f0 esp=00000000 ebp=00000000 iopl=0         ov up ei ng nz ac pe cy",
                "cs=0008  ss=0000  ds=0000  es=0000  fs=0000  gs=0000             efl=00000a95",
            ]
        );
    }

    #[test]
    fn arm64_registers_stand_four_in_a_line() {
        let lines = registers(&with(Machine::Arm64, &[("x0", 7), ("cpsr", 0x6000_00c5)]));
        assert_eq!(lines.len(), 10);
        assert_eq!(
            lines.first().map(String::as_str),
            Some(
                " x0=0000000000000007  x1=0000000000000000  x2=0000000000000000  x3=0000000000000000"
            )
        );
        assert_eq!(lines.last().map(String::as_str), Some("cpsr=600000c5 -ZC-"));
    }
}
