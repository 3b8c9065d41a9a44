//! The values that `e*`, `f` and `s` are given: numbers, texts, characters.

use super::expression::{ExpressionError, Scope};

/// How values are written into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `eb`: bytes; characters and texts too.
    Bytes,
    /// `ew`: 16-bit words.
    Words,
    /// `ed`: 32-bit words.
    Dwords,
    /// `eq`: 64-bit words.
    Qwords,
    /// `ep`: pointers.
    Pointers,
    /// `ef`: 32-bit floating point.
    Floats,
    /// `eD`: 64-bit floating point.
    Doubles,
    /// `ea`: a text without a NUL.
    Ascii,
    /// `eza`: a text and a NUL.
    AsciiNul,
    /// `eu`: a wide text without a NUL.
    Wide,
    /// `ezu`: a wide text and a NUL.
    WideNul,
}

/// The most bytes one list of values makes: more than a line can hold.
pub const VALUE_BYTES_MAX: usize = 65_536;

impl Kind {
    /// The kind of a command (`eb`, `eza`) or of a search type (`b`, `u`).
    pub fn of(letters: &str) -> Option<Self> {
        unimplemented!("{letters}")
    }
}

/// The bytes a list of values stands for.
///
/// # Errors
/// [`ExpressionError`]; an empty list and a value that does not fit are syntax errors.
pub fn bytes(kind: Kind, text: &str, scope: &dyn Scope) -> Result<Vec<u8>, ExpressionError> {
    let _ = (kind, text, scope);
    unimplemented!()
}
