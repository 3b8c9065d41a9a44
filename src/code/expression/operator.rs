//! Operators between two values: how they are written, which binds tighter, what they give.

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Times,
    Over,
    Modulo,
    Plus,
    Minus,
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    And,
    Xor,
    Or,
}

use Operator::{
    And, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Minus, Modulo, NotEqual, Or, Over,
    Plus, ShiftLeft, ShiftRight, ShiftRightSigned, Times, Xor,
};

/// Longer ones before those they begin with.
const SIGNS: [(&str, Operator); 18] = [
    (">>>", ShiftRightSigned),
    ("<<", ShiftLeft),
    (">>", ShiftRight),
    ("<=", LessOrEqual),
    (">=", GreaterOrEqual),
    ("==", Equal),
    ("!=", NotEqual),
    ("<", Less),
    (">", Greater),
    ("=", Equal),
    ("*", Times),
    ("/", Over),
    ("%", Modulo),
    ("+", Plus),
    ("-", Minus),
    ("&", And),
    ("^", Xor),
    ("|", Or),
];

const WORDS: [(&str, Operator); 4] = [("mod", Modulo), ("and", And), ("xor", Xor), ("or", Or)];

impl Operator {
    /// The operator a text begins with, and its length.
    pub fn at(text: &str) -> Option<(Self, usize)> {
        let sign = SIGNS.iter().find(|(sign, _)| text.starts_with(sign));
        let word = || {
            let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let word = text.get(..end.unwrap_or(text.len()))?;
            WORDS
                .iter()
                .find(|(operator, _)| operator.eq_ignore_ascii_case(word))
        };
        let (written, operator) = sign.or_else(word)?;
        Some((*operator, written.len()))
    }

    /// How tight it binds; higher is tighter.
    pub const fn level(self) -> u8 {
        match self {
            Times | Over | Modulo => 7,
            Plus | Minus => 6,
            ShiftLeft | ShiftRight | ShiftRightSigned => 5,
            Equal | NotEqual | Less | Greater | LessOrEqual | GreaterOrEqual => 4,
            And => 3,
            Xor => 2,
            Or => 1,
        }
    }

    /// What it gives; `None` for a division by zero.
    pub fn apply(self, left: u64, right: u64) -> Option<u64> {
        let shift = u32::try_from(right).unwrap_or(u32::MAX);
        Some(match self {
            Times => left.wrapping_mul(right),
            Over => left.checked_div(right)?,
            Modulo => left.checked_rem(right)?,
            Plus => left.wrapping_add(right),
            Minus => left.wrapping_sub(right),
            ShiftLeft => left.checked_shl(shift).unwrap_or_default(),
            ShiftRight => left.checked_shr(shift).unwrap_or_default(),
            ShiftRightSigned => (left.cast_signed() >> shift.min(63)).cast_unsigned(),
            Equal => u64::from(left == right),
            NotEqual => u64::from(left != right),
            Less => u64::from(left < right),
            Greater => u64::from(left > right),
            LessOrEqual => u64::from(left <= right),
            GreaterOrEqual => u64::from(left >= right),
            And => left & right,
            Xor => left ^ right,
            Or => left | right,
        })
    }
}
