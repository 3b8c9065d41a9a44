//! Memory and numbers as text, in KD's columns.

use super::machine::Machine;
use super::memory::{Fault, Memory};
use super::names::Names;
use super::registers::Registers;

mod formats;
mod memory_lines;
mod register_block;

pub use formats::{evaluated, formats};
pub use memory_lines::{Format, hit, lines, listed};
pub use register_block::{flags_line, registers};
