//! The ends of x64 functions: a frame half undone has to be undone the rest of the way, instruction by instruction.
//!
//! Source: Microsoft's description of x64 prologues and epilogues, which allows few forms.

use crate::code::memory::{Fault, Memory};

/// What the rest of an epilogue does before it returns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The stack pointer is made from this register and displacement.
    pub stack_from: Option<(u8, u64)>,
    /// Then so many bytes are released.
    pub released: u64,
    /// Then these registers are popped.
    pub popped: Vec<u8>,
}

/// The epilogue that goes on at `rip`, if there is one. `part` is where the function begins and ends.
pub fn find(
    memory: &dyn Memory,
    rip: u64,
    part: (u64, u64),
    frame_register: Option<u8>,
) -> Result<Option<Tail>, Fault> {
    // Epilogues do not reach beyond their function.
    let left = usize::try_from(part.1.saturating_sub(rip))
        .map_or(CODE_BYTES_MAX, |left| left.min(CODE_BYTES_MAX));
    let code: Vec<u8> = memory
        .read_readable(rip, left)?
        .into_iter()
        .map_while(|byte| byte)
        .collect();
    Ok(parse(&code, rip, part, frame_register))
}

fn parse(
    code: &[u8],
    rip: u64,
    (start, end): (u64, u64),
    frame_register: Option<u8>,
) -> Option<Tail> {
    let mut tail = Tail::default();
    let mut rest = match code {
        [0x48, 0x83, 0xc4, small, rest @ ..] => {
            tail.released = signed8(*small);
            rest
        }
        [0x48, 0x81, 0xc4, a, b, c, d, rest @ ..] => {
            tail.released = signed32([*a, *b, *c, *d]);
            rest
        }
        // lea rsp, [frame register + displacement]
        [rex @ (0x48 | 0x49), 0x8d, form, rest @ ..] if form & 0x38 == 0x20 && form & 7 != 4 => {
            let register = (form & 7) | (rex & 1) << 3;
            if frame_register != Some(register) {
                return None;
            }
            let (displacement, rest) = match (form >> 6, rest) {
                (0, rest) if form & 7 != 5 => (0, rest),
                (1, [small, rest @ ..]) => (signed8(*small), rest),
                (2, [a, b, c, d, rest @ ..]) => (signed32([*a, *b, *c, *d]), rest),
                _ => return None,
            };
            tail.stack_from = Some((register, displacement));
            rest
        }
        _ => code,
    };
    loop {
        rest = match rest {
            [pop @ 0x58..=0x5f, rest @ ..] => {
                tail.popped.push(pop & 7);
                rest
            }
            [0x41, pop @ 0x58..=0x5f, rest @ ..] => {
                tail.popped.push(pop & 7 | 8);
                rest
            }
            _ => break,
        };
    }
    let position = rip.wrapping_add((code.len() - rest.len()) as u64);
    let leaves = |target: u64| target < start || target >= end;
    let returns = match rest {
        [0xc3 | 0xc2, ..] | [0xf3, 0xc3, ..] => true,
        [0xeb, small, ..] => leaves(position.wrapping_add(2).wrapping_add(signed8(*small))),
        [0xe9, a, b, c, d, ..] => leaves(
            position
                .wrapping_add(5)
                .wrapping_add(signed32([*a, *b, *c, *d])),
        ),
        // jmp through memory or a register, out of the function
        [0xff, 0x25, ..] | [0x48, 0xff, 0x25, ..] => true,
        [0x48 | 0x49, 0xff, form, ..] => form & 0x38 == 0x20,
        _ => false,
    };
    returns.then_some(tail)
}

fn signed8(byte: u8) -> u64 {
    i64::from(byte.cast_signed()).cast_unsigned()
}

fn signed32(bytes: [u8; 4]) -> u64 {
    i64::from(i32::from_le_bytes(bytes)).cast_unsigned()
}

/// The longest epilogue: a release, eight pops, a jump. Bytes.
const CODE_BYTES_MAX: usize = 40;
