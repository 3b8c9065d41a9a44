//! Words of ARM64 code. They are not disassembled: they are shown as `.inst`, and only where they go is understood.
//!
//! Source: the Arm Architecture Reference Manual, the encodings of branches and exceptions.

use super::{Disassembler, Flow, Instruction};
use crate::code::memory::Fault;
use crate::code::registers::Registers;

/// The word at an address.
///
/// # Errors
/// [`Fault`].
pub fn decode(
    code: &Disassembler<'_>,
    address: u64,
    registers: Option<&Registers>,
) -> Result<Instruction, Fault> {
    let mut bytes = [0; WORD_BYTES];
    code.memory.read(address, &mut bytes)?;
    let word = u32::from_le_bytes(bytes);
    let flow = flow(address, word);
    Ok(Instruction {
        address,
        bytes: bytes.to_vec(),
        flow,
        text: match flow {
            Flow::Call(Some(target)) | Flow::Jump(Some(target)) | Flow::Branch(target) => {
                format!(".inst   {word:#010x} -> {}", code.operand(target))
            }
            _ => format!(".inst   {word:#010x}"),
        },
        effective: registers.and_then(|registers| {
            let taken = taken(word, registers)?;
            Some(format!("[br={}]", u8::from(taken)))
        }),
    })
}

fn flow(address: u64, word: u32) -> Flow {
    let to = |offset: i64| address.wrapping_add_signed(offset);
    if word & 0x7c00_0000 == 0x1400_0000 {
        let target = Some(to(words(word, 0, 26)));
        return if word >> 31 == 1 {
            Flow::Call(target)
        } else {
            Flow::Jump(target)
        };
    }
    if is_compare(word) || is_condition(word) {
        return Flow::Branch(to(words(word, 5, 19)));
    }
    if is_test(word) {
        return Flow::Branch(to(words(word, 5, 14)));
    }
    // Branches to registers, with and without pointer authentication.
    if word & 0xfe00_0000 == 0xd600_0000 {
        return match word >> 21 & 0x7 {
            0 => Flow::Jump(None),
            1 => Flow::Call(None),
            2 | 4 => Flow::Return,
            _ => Flow::Invalid,
        };
    }
    match word {
        _ if word & 0xff00_0000 == 0xd400_0000 => Flow::Interrupt,
        // UDF: sixteen zero bits above the number.
        _ if word >> 16 == 0 => Flow::Invalid,
        _ => Flow::Next,
    }
}

const fn is_compare(word: u32) -> bool {
    word & 0x7e00_0000 == 0x3400_0000
}

const fn is_test(word: u32) -> bool {
    word & 0x7e00_0000 == 0x3600_0000
}

const fn is_condition(word: u32) -> bool {
    word & 0xff00_0000 == 0x5400_0000
}

/// Whether a conditional branch is taken; `None` for anything else.
fn taken(word: u32, registers: &Registers) -> Option<bool> {
    let other = word >> 24 & 1 == 1;
    if is_compare(word) || is_test(word) {
        let number = word & 0x1f;
        // The register 31 reads as zero here.
        let value = if number == 31 {
            0
        } else {
            registers.get(&format!("x{number}"))?
        };
        let zero = if is_test(word) {
            let bit = word >> 26 & 0x20 | word >> 19 & 0x1f;
            value >> bit & 1 == 0
        } else if word >> 31 == 0 {
            value & 0xffff_ffff == 0
        } else {
            value == 0
        };
        return Some(zero != other);
    }
    if !is_condition(word) {
        return None;
    }
    let flag = |name| registers.get(name).map(|value| value != 0);
    let (n, z, c, v) = (flag("n")?, flag("z")?, flag("c")?, flag("v")?);
    let condition = match word >> 1 & 0x7 {
        0 => z,
        1 => c,
        2 => n,
        3 => v,
        4 => c && !z,
        5 => n == v,
        6 => n == v && !z,
        _ => return Some(true),
    };
    Some(condition != (word & 1 == 1))
}

/// A signed field of a word as a distance: `bits` bits from bit `from` on, in words.
fn words(word: u32, from: u32, bits: u32) -> i64 {
    let field = i64::from(word >> from) << (64 - bits) >> (64 - bits);
    field * WORD_BYTES as i64
}

/// The size of an instruction.
pub const WORD_BYTES: usize = 4;
