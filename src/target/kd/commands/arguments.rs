//! What stands behind a command's name, taken one after the other: values, addresses, ranges, words.

use std::borrow::Cow;

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use crate::code::expression::{self, ExpressionError, Range};
use crate::code::values::{self, Kind};

/// The value that begins the text, and what is behind it.
///
/// # Errors
/// Why it is none; those of fetching what it reads.
pub async fn value<'t>(
    debugger: &mut Debugger<'_>,
    text: &'t str,
) -> Result<(u64, &'t str), Fault> {
    debugger
        .look(|view| expression::leading(text, &view.surroundings()))
        .await
}

/// The address that begins the text, and what is behind it.
///
/// # Errors
/// Those of [`value`].
pub async fn address<'t>(
    debugger: &mut Debugger<'_>,
    text: &'t str,
) -> Result<(u64, &'t str), Fault> {
    let (value, rest) = value(debugger, text).await?;
    Ok((debugger.known.machine().canonical(value), rest))
}

/// The range that begins the text, and what is behind it.
///
/// # Errors
/// Those of [`value`].
pub async fn range<'t>(
    debugger: &mut Debugger<'_>,
    text: &'t str,
    item_bytes: u64,
    default_count: u64,
) -> Result<(Range, &'t str), Fault> {
    debugger
        .look(|view| expression::range(text, item_bytes, default_count, &view.surroundings()))
        .await
}

/// The range that begins the text, which has to say where it ends, and what is behind it.
///
/// # Errors
/// Those of [`value`].
pub async fn whole_range<'t>(
    debugger: &mut Debugger<'_>,
    text: &'t str,
    item_bytes: u64,
) -> Result<(Range, &'t str), Fault> {
    let (range, rest) = range(debugger, text, item_bytes, 1).await?;
    if range.given {
        Ok((range, rest))
    } else {
        Err(syntax(rest))
    }
}

/// A range that says only how long it is, `L20`, begins at `start`: where the last display ended.
pub fn beginning_at(start: u64, text: &str) -> Cow<'_, str> {
    let length = text.strip_prefix(['L', 'l']).unwrap_or_default();
    if length.starts_with(|c: char| c.is_ascii_digit() || c == '?' || c == '-') {
        Cow::Owned(format!("{start:#x} {text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The bytes that the whole text stands for.
///
/// # Errors
/// Those of [`value`].
pub async fn bytes(debugger: &mut Debugger<'_>, kind: Kind, text: &str) -> Result<Vec<u8>, Fault> {
    debugger
        .look(|view| values::bytes(kind, text, &view.surroundings()))
        .await
}

/// Nothing more may follow.
///
/// # Errors
/// A syntax error at what does.
pub fn end(rest: &str) -> Result<(), Fault> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(syntax(rest))
    }
}

/// What cannot be understood, from there on.
pub fn syntax(rest: &str) -> Fault {
    ExpressionError::Syntax(rest.to_owned()).into()
}

/// The first word, or the text in quotes that begins it, and what is behind.
pub fn word(text: &str) -> (&str, &str) {
    let (word, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => text.split_once([' ', '\t']).unwrap_or((text, "")),
    };
    (word, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_lack_its_beginning() {
        assert_eq!(beginning_at(0x10, "L20"), "0x10 L20");
        assert_eq!(beginning_at(0x10, "l?8"), "0x10 l?8");
        for whole in ["nt L20", "lookaside", "", "Lf"] {
            assert_eq!(beginning_at(0x10, whole), whole);
        }
    }

    #[test]
    fn a_word_may_stand_in_quotes() {
        assert_eq!(word("a.bin nt L10"), ("a.bin", "nt L10"));
        assert_eq!(word("\"my file\"  nt"), ("my file", "nt"));
        assert_eq!(word("\"open"), ("open", ""));
        assert_eq!(word(""), ("", ""));
    }
}
