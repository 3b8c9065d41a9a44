//! The block of registers `r` shows.

use super::Registers;

/// The block `r` shows, without the instruction below it.
pub fn registers(registers: &Registers) -> Vec<String> {
    unimplemented!("{registers:?}")
}

/// The flags in words: `iopl=0         nv up ei pl nz na po nc`. Empty for machines without them.
pub fn flags_line(registers: &Registers) -> String {
    unimplemented!("{registers:?}")
}
