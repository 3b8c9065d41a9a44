//! The grammar all connection strings share: a kind, a colon, options with commas between them.
//!
//! The tables of a kind, and the string before its options are read ([`super::options`]). Every error knows its bytes.

use std::ops::Range;

use super::conceal::conceal;
use super::error::{Error, Fault};
use super::family::Family;
use super::nearest::nearest;

/// Longest connection string. Bytes; a long command line of a program to run, and little enough to show in an error.
pub const STRING_BYTES_MAX: usize = 4096;

/// One kind of string: its name, an example, other examples for strings with a certain option, and all its options.
pub(super) struct Kind {
    pub name: &'static str,
    pub example: &'static str,
    pub forms: &'static [(&'static str, &'static str)],
    pub options: &'static [&'static [Spec]],
}

/// One option of a kind. `shape` is what its value looks like; a flag has none.
pub(super) struct Spec {
    pub name: &'static str,
    pub shape: Option<&'static str>,
}

/// An option with a value.
pub(super) const fn value(name: &'static str, shape: &'static str) -> Spec {
    Spec {
        name,
        shape: Some(shape),
    }
}

/// An option that stands alone.
pub(super) const fn flag(name: &'static str) -> Spec {
    Spec { name, shape: None }
}

impl Kind {
    pub fn spec(&self, name: &str) -> Option<&'static Spec> {
        self.options
            .iter()
            .flat_map(|specs| specs.iter())
            .find(|spec| spec.name.eq_ignore_ascii_case(name))
    }

    pub fn option_names(&self) -> Vec<&'static str> {
        self.options
            .iter()
            .flat_map(|specs| specs.iter())
            .map(|spec| spec.name)
            .collect()
    }
}

/// A piece of the string and where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spanned<'a> {
    pub text: &'a str,
    pub start: usize,
}

impl<'a> Spanned<'a> {
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The piece without blanks at its ends.
    pub fn trimmed(self) -> Self {
        let text = self.text.trim_start();
        Self {
            text: text.trim_end(),
            start: self.start + (self.text.len() - text.len()),
        }
    }

    /// The first `at` bytes, and what follows the separator of one byte there.
    pub fn split_around(self, at: usize) -> (Self, Self) {
        let (before, after) = (self.text.get(..at), self.text.get(at + 1..));
        (
            Self {
                text: before.unwrap_or(self.text),
                start: self.start,
            },
            Self {
                text: after.unwrap_or_default(),
                start: self.start + at + 1,
            },
        )
    }

    /// Both sides of the first `separator`, an ASCII character.
    pub fn split_once(self, separator: char) -> Option<(Self, Self)> {
        self.text.find(separator).map(|at| self.split_around(at))
    }
}

/// A whole string that is short enough and legible.
pub(super) struct Source<'a> {
    pub raw: &'a str,
    /// The string with its secrets hidden, byte for byte.
    pub shown: String,
    example: &'static str,
    family: Family,
}

impl<'a> Source<'a> {
    pub fn new(raw: &'a str, family: Family) -> Result<Self, Error> {
        let source = |shown| Self {
            raw,
            shown,
            example: family.example(),
            family,
        };
        if raw.len() > STRING_BYTES_MAX {
            // as far as the first character too many: an endless string is not looked through
            let boundary = |from: usize| (from..raw.len()).find(|at| raw.is_char_boundary(*at));
            let end = boundary(STRING_BYTES_MAX).unwrap_or(raw.len());
            let seen = boundary(end + 1)
                .and_then(|seen| raw.get(..seen))
                .unwrap_or(raw);
            let fault = Fault::TooLong { bytes: raw.len() };
            return Err(source(conceal(seen)).error(end..raw.len(), fault));
        }
        let source = source(conceal(raw));
        if let Some((at, c)) = raw.char_indices().find(|(_, c)| !is_legible(*c)) {
            return Err(source.error(at..at + c.len_utf8(), Fault::Illegible(c)));
        }
        if raw.trim().is_empty() {
            return Err(source.error(raw.len()..raw.len(), Fault::Empty));
        }
        Ok(source)
    }

    /// The string without blanks around it.
    pub fn text(&self) -> &'a str {
        self.raw.trim()
    }

    /// A part of the string with its secrets hidden.
    pub fn shown_at(&self, span: &Range<usize>) -> &str {
        self.shown.get(span.clone()).unwrap_or_default()
    }

    /// The kind and everything after its colon.
    pub fn split(&self) -> Result<(Spanned<'a>, Spanned<'a>), Error> {
        let whole = Spanned {
            text: self.raw,
            start: 0,
        }
        .trimmed();
        let (kind, rest) = whole
            .split_once(':')
            .ok_or_else(|| self.error(whole.span(), Fault::NoKind(self.family)))?;
        if kind.text.is_empty() {
            return Err(self.error(whole.start..whole.start + 1, Fault::NoKind(self.family)));
        }
        Ok((kind, rest))
    }

    pub fn unknown_kind(&self, kind: Spanned<'_>, known: &'static [&'static str]) -> Error {
        let found = self.shown_at(&kind.span()).to_owned();
        let nearest = nearest(&found, known);
        self.error(
            kind.span(),
            Fault::UnknownKind {
                found,
                nearest,
                known,
            },
        )
    }

    pub fn error(&self, span: Range<usize>, fault: Fault) -> Error {
        Error::new(self.shown.clone(), span, fault, self.example)
    }
}

/// Looks for an option of the string whose name is one of `names`, before it is known to which kind it belongs.
pub(super) fn find_option<'a>(rest: Spanned<'a>, names: &[&str]) -> Option<Spanned<'a>> {
    let mut start = rest.start;
    for piece in rest.text.split(',') {
        let name = piece.split('=').next().unwrap_or_default();
        if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Some(Spanned { text: name, start });
        }
        start += piece.len() + 1;
    }
    None
}

/// Whether a character can be shown in a line without disturbing it.
pub(super) fn is_legible(c: char) -> bool {
    let turns_text = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !turns_text
}
