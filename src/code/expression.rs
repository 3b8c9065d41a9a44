//! MASM expressions as KD reads them: hexadecimal by default, with registers, memory and names.

use super::machine::Machine;
use super::memory::{Fault, Memory};
use super::names::Names;
use super::registers::Registers;

mod operator;
mod parser;
mod range;
mod surroundings;
#[cfg(test)]
pub mod tests;

pub use range::{COUNT_MAX, RANGE_BYTES_MAX, Range, range};
pub use surroundings::{Pseudo, Surroundings};

/// What an expression is evaluated against.
pub trait Scope {
    /// Whose pointers and addresses.
    fn machine(&self) -> Machine;
    /// The radix of numbers without a prefix: 8, 10 or 16.
    fn radix(&self) -> u32;
    /// What `poi` and its like read.
    fn memory(&self) -> &dyn Memory;
    /// A register by name, without `@`.
    fn register(&self, name: &str) -> Option<u64>;
    /// A pseudo register by name, without `$`; `None` if there is none of that name, or nobody knows its value.
    ///
    /// # Errors
    /// [`Fault::Missing`] only: some follow from memory.
    fn pseudo(&self, name: &str) -> Result<Option<u64>, Fault>;
    /// The address of a name, in a module or anywhere.
    fn symbol(&self, module: Option<&str>, name: &str) -> Option<u64>;
}

/// Why an expression has no value. Displays as KD says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Not a number, register or name. The rest of the text from there on.
    #[error("Couldn't resolve error at '{0}'")]
    Unresolved(String),
    /// Not an expression. The rest of the text from there on.
    #[error("Syntax error at '{0}'")]
    Syntax(String),
    /// Memory it reads cannot be read. The rest of the text after it.
    #[error("Memory access error at '{0}'")]
    Memory(String),
    /// A number that does not fit into 64 bits.
    #[error("Numeric expression overflow at '{0}'")]
    Overflow(String),
    /// A division by zero.
    #[error("Divide by zero at '{0}'")]
    DivideByZero(String),
    /// More than [`DEPTH_MAX`] levels, or longer than [`TEXT_BYTES_MAX`].
    #[error("Expression too complex at '{0}'")]
    TooComplex(String),
    /// A range that is longer than allowed, or ends before it starts.
    #[error("Range error at '{0}'")]
    Range(String),
    /// Memory it reads is not known yet: fetch it and evaluate again.
    #[error(transparent)]
    Missing(Fault),
}

/// How deep parentheses and prefix operators may nest.
pub const DEPTH_MAX: usize = 64;

/// The longest text that is evaluated: KD's longest line.
pub const TEXT_BYTES_MAX: usize = 4096;

/// The value of the whole text.
///
/// # Errors
/// [`ExpressionError`].
pub fn evaluate(text: &str, scope: &dyn Scope) -> Result<u64, ExpressionError> {
    match leading(text, scope)? {
        (value, "") => Ok(value),
        (_, rest) => Err(ExpressionError::Syntax(rest.to_owned())),
    }
}

/// The value of the expression that begins the text, and what is left after it and the blanks that follow. An
/// expression ends where no operator goes on: `1000 20` is two.
///
/// # Errors
/// [`ExpressionError`].
pub fn leading<'t>(text: &'t str, scope: &dyn Scope) -> Result<(u64, &'t str), ExpressionError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ExpressionError::TooComplex(String::new()));
    }
    let mut parser = parser::Parser::new(text, scope);
    let value = parser.expression()?;
    Ok((value, parser.rest()))
}
