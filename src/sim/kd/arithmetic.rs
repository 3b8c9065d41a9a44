//! What arithmetic makes of numbers and flags.

use super::registers::{Registers, flag};

impl Registers {
    /// Operation `kind` of the eight of the encoding; `None` for a comparison, which changes the flags only.
    pub(super) fn arithmetic(
        &mut self,
        kind: u8,
        left: u64,
        right: u64,
        bytes: u64,
    ) -> Option<u64> {
        let mask = mask(bytes);
        let (left, right) = (left & mask, right & mask);
        let sign = 1 << (8 * bytes - 1);
        let (result, carry, overflow) = match kind & 7 {
            0 => {
                let result = left.wrapping_add(right) & mask;
                (
                    result,
                    result < left,
                    (left ^ result) & (right ^ result) & sign != 0,
                )
            }
            1 => (left | right, false, false),
            4 => (left & right, false, false),
            6 => (left ^ right, false, false),
            // With carry and borrow: no image uses them, and without one they are the plain kind.
            2 => {
                return self.arithmetic(0, left, right.wrapping_add(self.flags & 1), bytes);
            }
            3 => {
                return self.arithmetic(5, left, right.wrapping_add(self.flags & 1), bytes);
            }
            _ => {
                let result = left.wrapping_sub(right) & mask;
                (
                    result,
                    left < right,
                    (left ^ right) & (left ^ result) & sign != 0,
                )
            }
        };
        self.logic(result, bytes);
        let flags = &mut self.flags;
        for (bit, on) in [(flag::CARRY, carry), (flag::OVERFLOW, overflow)] {
            *flags = if on { *flags | bit } else { *flags & !bit };
        }
        let half = kind & 7 == 0 || kind & 7 == 5 || kind & 7 == 7;
        if half && (left ^ right ^ result) & 0x10 != 0 {
            *flags |= flag::AUXILIARY;
        }
        (kind & 7 != 7).then_some(result)
    }

    /// Flags of a result: zero, sign and parity; none of the others.
    pub(super) fn logic(&mut self, result: u64, bytes: u64) {
        let result = result & mask(bytes);
        let flags = &mut self.flags;
        *flags &= !(flag::CARRY
            | flag::OVERFLOW
            | flag::AUXILIARY
            | flag::ZERO
            | flag::SIGN
            | flag::PARITY);
        if result == 0 {
            *flags |= flag::ZERO;
        }
        if result >> (8 * bytes - 1) & 1 != 0 {
            *flags |= flag::SIGN;
        }
        if (result & 0xFF).count_ones().is_multiple_of(2) {
            *flags |= flag::PARITY;
        }
    }

    /// The condition in the low four bits of an opcode.
    pub(super) fn condition(&self, opcode: u8) -> bool {
        let on = |mask| self.flags & mask != 0;
        let less = on(flag::SIGN) != on(flag::OVERFLOW);
        let met = match opcode >> 1 & 7 {
            0 => on(flag::OVERFLOW),
            1 => on(flag::CARRY),
            2 => on(flag::ZERO),
            3 => on(flag::CARRY) || on(flag::ZERO),
            4 => on(flag::SIGN),
            5 => on(flag::PARITY),
            6 => less,
            _ => less || on(flag::ZERO),
        };
        met != (opcode & 1 != 0)
    }
}

/// The bits of a number of so many bytes.
pub(super) fn mask(bytes: u64) -> u64 {
    if bytes >= 8 {
        u64::MAX
    } else {
        (1 << (8 * bytes)) - 1
    }
}
