//! Whether a function is leaving already: its epilogue, known by its instructions.
//!
//! An epilogue releases the fixed part of the stack, pops registers and returns or jumps away, and consists of
//! nothing else.

use super::super::Stop;
use super::information::primary;
use crate::code::memory::Memory;
use crate::code::pe::{Function, Image};

/// What is left of an epilogue; after it the return address is on top of the stack.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// How the stack is released.
    pub(super) release: Release,
    /// The registers that are popped, in this order.
    pub(super) pops: Vec<u8>,
}

/// How an epilogue releases the stack.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// It has done so.
    None,
    /// By so many bytes.
    Add(u64),
    /// Up to so many bytes above a register.
    Frame(u8, u64),
}

/// The rest of an epilogue at `offset` of the image, `None` if there is none.
pub(super) fn find(
    memory: &dyn Memory,
    image: &Image,
    function: Function,
    offset: u32,
    frame: Option<(u8, u64)>,
) -> Result<Option<Ending>, Stop> {
    let left = function.end.saturating_sub(offset).min(EPILOGUE_BYTES_MAX);
    let code = memory.read_readable(image.base.wrapping_add(offset.into()), left as usize)?;
    let code: Vec<u8> = code.into_iter().map_while(|byte| byte).collect();
    let Some((ending, length, way)) = decode(&code, frame.map(|(register, _)| register)) else {
        return Ok(None);
    };
    let leaves = match way {
        Way::Out => true,
        Way::Jump(distance) => {
            let after = i64::from(offset) + i64::from(length);
            let target = u32::try_from(after + i64::from(distance)).ok();
            leads_out(memory, image, function, target)?
        }
    };
    Ok(leaves.then_some(ending))
}

/// Whether a jump leaves the function. Other parts of the same function do not count as outside.
fn leads_out(
    memory: &dyn Memory,
    image: &Image,
    function: Function,
    target: Option<u32>,
) -> Result<bool, Stop> {
    let Some(target) = target else {
        return Ok(true);
    };
    let own = primary(memory, image, function)?;
    if target == own {
        return Ok(true);
    }
    if (function.start..function.end).contains(&target) {
        return Ok(false);
    }
    match image.function(memory, target)? {
        Some(other) => Ok(primary(memory, image, other)? != own),
        None => Ok(true),
    }
}

/// Where the last instruction of an epilogue leads.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// Out of the function.
    Out,
    /// So far from its end.
    Jump(i32),
}

/// Decodes an epilogue at the beginning of `code`: what it does, its length, how it ends.
fn decode(code: &[u8], frame: Option<u8>) -> Option<(Ending, u32, Way)> {
    let mut rest = code;
    let release = match release(rest, frame) {
        Some((release, after)) => {
            rest = after;
            release
        }
        None => Release::None,
    };
    let mut pops = Vec::new();
    loop {
        (rest, _) = match rest {
            [first @ (0x58..=0x5b | 0x5d..=0x5f), after @ ..] => (after, pops.push(first & 7)),
            [0x41, second @ 0x58..=0x5f, after @ ..] => (after, pops.push(8 | second & 7)),
            _ => break,
        };
    }
    let (way, after) = match rest {
        [0xc3, after @ ..] | [0xf2 | 0xf3, 0xc3, after @ ..] => (Way::Out, after),
        [0xeb, distance, after @ ..] => (Way::Jump(distance.cast_signed().into()), after),
        [0xe9, a, b, c, d, after @ ..] => (Way::Jump(i32::from_le_bytes([*a, *b, *c, *d])), after),
        // Jumps through memory without an index; those through registers are part of an epilogue if marked by REX.W.
        [0xff, operand, after @ ..] if operand & 0xf8 == 0x20 && operand & 7 != 4 => {
            (Way::Out, after)
        }
        [0x48..=0x4f, 0xff, operand, after @ ..] if operand & 0x38 == 0x20 => (Way::Out, after),
        _ => return None,
    };
    let length = u32::try_from(code.len() - after.len()).ok()?;
    Some((Ending { release, pops }, length, way))
}

/// The instruction that releases the stack, and what follows it.
fn release(code: &[u8], frame: Option<u8>) -> Option<(Release, &[u8])> {
    let byte = |byte: u8| i64::from(byte.cast_signed()).cast_unsigned();
    let word = |bytes: [u8; 4]| i64::from(i32::from_le_bytes(bytes)).cast_unsigned();
    match code {
        [0x48, 0x83, 0xc4, bytes, rest @ ..] => Some((Release::Add(byte(*bytes)), rest)),
        [0x48, 0x81, 0xc4, a, b, c, d, rest @ ..] => {
            Some((Release::Add(word([*a, *b, *c, *d])), rest))
        }
        [prefix @ 0x48..=0x49, 0x8d, operand, rest @ ..] => {
            let register = (prefix & 1) << 3 | operand & 7;
            if operand & 0x38 != 0x20 || frame != Some(register) {
                return None;
            }
            let rest = if operand & 7 == 4 {
                rest.strip_prefix(&[0x24])?
            } else {
                rest
            };
            match (operand >> 6, rest) {
                (0, rest) if operand & 7 != 5 => Some((Release::Frame(register, 0), rest)),
                (1, [offset, rest @ ..]) => Some((Release::Frame(register, byte(*offset)), rest)),
                (2, [a, b, c, d, rest @ ..]) => {
                    Some((Release::Frame(register, word([*a, *b, *c, *d])), rest))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The longest epilogue: seven bytes that release the stack, fifteen registers, and a jump.
const EPILOGUE_BYTES_MAX: u32 = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epilogue_is_known_from_each_of_its_instructions() {
        let code = [0x48, 0x83, 0xc4, 0x28, 0x41, 0x5c, 0x5b, 0xc3];
        let (ending, length, way) = decode(&code, None).unwrap();
        assert_eq!(
            ending,
            Ending {
                release: Release::Add(0x28),
                pops: vec![12, 3]
            }
        );
        assert_eq!((length, way), (8, Way::Out));
        assert_eq!(decode(&code[4..], None).unwrap().0.pops, [12, 3]);
        assert_eq!(decode(&code[6..], None).unwrap().0.pops, [3]);
        assert!(decode(&code[..7], None).is_none());
    }

    #[test]
    fn the_stack_is_released_from_the_frame_register_only() {
        let code = [0x48, 0x8d, 0x65, 0x10, 0x5d, 0xc3];
        assert_eq!(
            decode(&code, Some(5)).unwrap().0.release,
            Release::Frame(5, 0x10)
        );
        assert!(decode(&code, Some(3)).is_none());
        assert!(decode(&code, None).is_none());
        let far = [0x49, 0x8d, 0xa4, 0x24, 0xf0, 0xff, 0xff, 0xff, 0xc3];
        assert_eq!(
            decode(&far, Some(12)).unwrap().0.release,
            Release::Frame(12, 16_u64.wrapping_neg())
        );
    }

    #[test]
    fn jumps_end_an_epilogue_but_those_of_switches_do_not() {
        assert_eq!(
            decode(&[0x5b, 0xe9, 1, 0, 0, 0], None).unwrap().2,
            Way::Jump(1)
        );
        assert_eq!(decode(&[0xff, 0x25, 0, 0, 0, 0], None).unwrap().2, Way::Out);
        assert_eq!(decode(&[0x48, 0xff, 0xe0], None).unwrap().2, Way::Out);
        assert!(decode(&[0xff, 0xe0], None).is_none());
        assert!(decode(&[0xff, 0x24, 0xc5, 0, 0, 0, 0], None).is_none());
    }
}
