//! The values that `e*`, `f` and `s` are given: numbers, texts, characters.

use super::expression::{ExpressionError, Scope, leading};
use super::machine::Machine;

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
    /// The kind after the `e` of a command (`b`, `D`, `za`) or after the `-` of a search (`b`, `u`).
    pub fn of(letters: &str) -> Option<Self> {
        let kind = match letters {
            "D" => Self::Doubles,
            _ => match letters.to_ascii_lowercase().as_str() {
                "b" => Self::Bytes,
                "w" => Self::Words,
                "d" => Self::Dwords,
                "q" => Self::Qwords,
                "p" => Self::Pointers,
                "f" => Self::Floats,
                "a" => Self::Ascii,
                "za" => Self::AsciiNul,
                "u" => Self::Wide,
                "zu" => Self::WideNul,
                _ => return None,
            },
        };
        Some(kind)
    }

    /// Bytes of one item; of one character for texts.
    pub const fn item_bytes(self, machine: Machine) -> usize {
        match self {
            Self::Bytes | Self::Ascii | Self::AsciiNul => 1,
            Self::Words | Self::Wide | Self::WideNul => 2,
            Self::Dwords | Self::Floats => 4,
            Self::Qwords | Self::Doubles => 8,
            Self::Pointers => machine.pointer_bytes(),
        }
    }
}

/// The bytes a list of values stands for. Characters in quotes are written one after the other; among words they are
/// filled up with zeros to whole items.
///
/// # Errors
/// [`ExpressionError`]; an empty list and a value that does not fit are syntax errors.
pub fn bytes(kind: Kind, text: &str, scope: &dyn Scope) -> Result<Vec<u8>, ExpressionError> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(ExpressionError::Syntax(String::new()));
    }
    let item = kind.item_bytes(scope.machine());
    let mut bytes = Vec::new();
    match kind {
        Kind::Ascii | Kind::AsciiNul => bytes.extend(unquoted(text).bytes()),
        Kind::Wide | Kind::WideNul => {
            bytes.extend(unquoted(text).encode_utf16().flat_map(u16::to_le_bytes))
        }
        Kind::Floats | Kind::Doubles => {
            for word in text.split_ascii_whitespace() {
                let number: f64 = word
                    .parse()
                    .map_err(|_| ExpressionError::Syntax(word.to_owned()))?;
                if kind == Kind::Doubles {
                    bytes.extend(number.to_le_bytes());
                } else {
                    // Rounding is what a 32-bit number is about.
                    bytes.extend((number as f32).to_le_bytes());
                }
            }
        }
        Kind::Bytes | Kind::Words | Kind::Dwords | Kind::Qwords | Kind::Pointers => {
            let mut rest = text;
            while !rest.is_empty() && bytes.len() <= VALUE_BYTES_MAX {
                if let Some((characters, after)) = quoted(rest)? {
                    bytes.extend(characters.bytes());
                    bytes.resize(bytes.len().next_multiple_of(item), 0);
                    rest = after;
                    continue;
                }
                let (value, after) = leading(rest, scope)?;
                let number = value.to_le_bytes();
                let (kept, cut) = number.split_at(item);
                let sign = if kept.last().is_some_and(|byte| *byte >= 0x80) {
                    0xff
                } else {
                    0
                };
                if !cut.iter().all(|byte| *byte == 0) && !cut.iter().all(|byte| *byte == sign) {
                    return Err(ExpressionError::Overflow(rest.to_owned()));
                }
                bytes.extend_from_slice(kept);
                rest = after.strip_prefix(',').unwrap_or(after).trim_ascii_start();
            }
        }
    }
    if matches!(kind, Kind::AsciiNul | Kind::WideNul) {
        bytes.resize(bytes.len() + item, 0);
    }
    if bytes.is_empty() || bytes.len() > VALUE_BYTES_MAX {
        return Err(ExpressionError::Syntax(text.to_owned()));
    }
    Ok(bytes)
}

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    let inner = text
        .strip_prefix('"')
        .map(|inner| inner.strip_suffix('"').unwrap_or(inner));
    inner.unwrap_or(text)
}

/// The characters in quotes a text begins with, and what follows them.
fn quoted(text: &str) -> Result<Option<(&str, &str)>, ExpressionError> {
    let Some(quote) = text
        .chars()
        .next()
        .filter(|letter| matches!(letter, '\'' | '"'))
    else {
        return Ok(None);
    };
    let inner = text.get(1..).unwrap_or_default();
    let (characters, after) = inner
        .split_once(quote)
        .ok_or_else(|| ExpressionError::Syntax(text.to_owned()))?;
    Ok(Some((characters, after.trim_ascii_start())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::expression::{Pseudo, Surroundings};
    use crate::code::memory::Image;
    use crate::code::modules::Modules;
    use crate::code::names::Names;

    fn parse(letters: &str, text: &str) -> Result<Vec<u8>, ExpressionError> {
        let modules = Modules::default();
        let scope = Surroundings {
            machine: Machine::Amd64,
            radix: 16,
            memory: &Image::default(),
            registers: None,
            pseudo: &Pseudo::default(),
            names: &Names::new(&modules),
        };
        bytes(Kind::of(letters).unwrap(), text, &scope)
    }

    #[test]
    fn numbers_become_items() {
        assert_eq!(parse("b", "1 2+3 0n10"), Ok(vec![1, 5, 10]));
        assert_eq!(parse("w", "1234, ffff"), Ok(vec![0x34, 0x12, 0xff, 0xff]));
        assert_eq!(parse("d", "-1"), Ok(vec![0xff; 4]));
        assert_eq!(parse("q", "1`00000002"), Ok(vec![2, 0, 0, 0, 1, 0, 0, 0]));
        assert_eq!(parse("f", "1.5"), Ok(vec![0, 0, 0xc0, 0x3f]));
        assert_eq!(parse("D", "-2").unwrap().len(), 8);
    }

    #[test]
    fn texts_become_characters() {
        assert_eq!(parse("b", "'MZ' 90 \"x\""), Ok(b"MZ\x90x".to_vec()));
        assert_eq!(parse("d", "'Tag1'"), Ok(b"Tag1".to_vec()));
        assert_eq!(parse("d", "'ab'"), Ok(b"ab\0\0".to_vec()));
        assert_eq!(parse("a", "\"two words\""), Ok(b"two words".to_vec()));
        assert_eq!(parse("za", "\"a\""), Ok(b"a\0".to_vec()));
        assert_eq!(parse("zu", "\"a\""), Ok(vec![97, 0, 0, 0]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(parse("b", "1 100"), Err(ExpressionError::Overflow(at)) if at == "100"));
        assert!(matches!(parse("b", ""), Err(ExpressionError::Syntax(_))));
        assert!(matches!(
            parse("b", "'abc"),
            Err(ExpressionError::Syntax(_))
        ));
        assert!(matches!(parse("f", "one"), Err(ExpressionError::Syntax(_))));
    }
}
