//! The bytes of an instruction: its operands and numbers.

use super::interpreter::{Access, Trap, Work};
use super::memory::entry;

/// The operand that a ModRM byte describes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operand {
    Register(u8),
    Memory(u64),
}

/// The register field of a ModRM byte and its operand.
pub(super) struct ModRm {
    pub field: u8,
    pub operand: Operand,
}

impl Work<'_> {
    /// Decodes a ModRM byte; `behind` bytes of a number follow the operand.
    pub(super) fn modrm(&mut self, rex: u8, behind: u64) -> Result<ModRm, Trap> {
        let byte = self.code_byte()?;
        let field = byte >> 3 & 7 | (rex & 4) << 1;
        let (mode, low) = (byte >> 6, byte & 7);
        if mode == 3 {
            return Ok(ModRm {
                field,
                operand: Operand::Register(low | (rex & 1) << 3),
            });
        }
        let mut relative = false;
        let mut address = 0_u64;
        let mut long = mode == 2;
        if low == 4 {
            let sib = self.code_byte()?;
            let index = sib >> 3 & 7 | (rex & 2) << 2;
            if sib & 7 == 5 && mode == 0 {
                long = true;
            } else {
                address = self.general(sib & 7 | (rex & 1) << 3, 8);
            }
            if index != 4 {
                address = address.wrapping_add(self.general(index, 8) << (sib >> 6));
            }
        } else if low == 5 && mode == 0 {
            (relative, long) = (true, true);
        } else {
            address = self.general(low | (rex & 1) << 3, 8);
        }
        if long {
            address = address.wrapping_add(self.number(4)?);
        } else if mode == 1 {
            address = address.wrapping_add(self.number(1)?);
        }
        if relative {
            address = address
                .wrapping_add(self.registers.rip)
                .wrapping_add(behind);
        }
        Ok(ModRm {
            field,
            operand: Operand::Memory(address),
        })
    }

    /// The next byte of the instruction.
    pub(super) fn code_byte(&mut self) -> Result<u8, Trap> {
        let address = self.registers.rip;
        let fault = Trap::Fault {
            address,
            access: Access::Execute,
        };
        let translation = self.memory.translate(address).ok_or(fault)?;
        if translation.entry & entry::NO_EXECUTE != 0 {
            return Err(fault);
        }
        let mut byte = [0];
        self.memory
            .read_physical(translation.physical, &mut byte)
            .map_err(|_| fault)?;
        self.registers.rip = address.wrapping_add(1);
        Ok(byte[0])
    }

    /// A number in the instruction, its sign extended.
    pub(super) fn number(&mut self, bytes: u64) -> Result<u64, Trap> {
        let mut value = [0; 8];
        for byte in value.iter_mut().take(bytes as usize) {
            *byte = self.code_byte()?;
        }
        let unused = 64 - 8 * bytes;
        Ok((i64::from_le_bytes(value) << unused >> unused).cast_unsigned())
    }
}
