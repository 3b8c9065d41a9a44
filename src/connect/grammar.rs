//! The grammar all connection strings share: a kind, a colon, options with commas between them.
//!
//! Splits and checks against the table of a kind ([`Kind`]); what the values mean is for the callers. Every error
//! knows its bytes.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

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
    fn spec(&self, name: &str) -> Option<&'static Spec> {
        self.options
            .iter()
            .flat_map(|specs| specs.iter())
            .find(|spec| spec.name.eq_ignore_ascii_case(name))
    }

    fn option_names(&self) -> Vec<&'static str> {
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
    raw: &'a str,
    shown: String,
    example: &'static str,
    family: Family,
}

impl<'a> Source<'a> {
    pub fn new(raw: &'a str, family: Family) -> Result<Self, Error> {
        let source = Self {
            raw,
            shown: conceal(raw),
            example: family.example(),
            family,
        };
        if raw.len() > STRING_BYTES_MAX {
            let end = (STRING_BYTES_MAX..raw.len())
                .find(|at| raw.is_char_boundary(*at))
                .unwrap_or(raw.len());
            return Err(source.error(end..raw.len(), Fault::TooLong { bytes: raw.len() }));
        }
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

    /// The string with its secrets hidden.
    pub fn shown(&self) -> &str {
        self.shown.trim()
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

/// The value of one option.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    option: &'static str,
    pub text: &'a str,
    start: usize,
}

impl Value<'_> {
    /// The `index`-th part of a value with `separator`, an ASCII character, between its parts.
    pub fn part(self, separator: char, index: usize) -> Self {
        let mut start = self.start;
        for (at, text) in self.text.split(separator).enumerate() {
            if at == index {
                return Self {
                    text,
                    start,
                    ..self
                };
            }
            start += text.len() + 1;
        }
        self
    }

    /// The value without its first `bytes`.
    pub fn after(self, bytes: usize) -> Self {
        Self {
            text: self.text.get(bytes..).unwrap_or_default(),
            start: self.start + bytes,
            ..self
        }
    }

    fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// The options of a string, each known to its kind and given once.
pub(super) struct Options<'s, 'a> {
    source: &'s Source<'a>,
    kind: &'static Kind,
    given: Vec<Given<'a>>,
}

struct Given<'a> {
    option: &'static str,
    whole: Spanned<'a>,
    value: Option<Spanned<'a>>,
}

impl<'s, 'a> Options<'s, 'a> {
    /// Splits `rest` at its commas and checks each piece against the table of `kind`.
    pub fn read(
        source: &'s Source<'a>,
        rest: Spanned<'a>,
        kind: &'static Kind,
    ) -> Result<Self, Error> {
        let mut pieces = Vec::new();
        let mut rest = Some(rest).filter(|rest| !rest.text.is_empty());
        while let Some(text) = rest {
            let (piece, after) = text
                .split_once(',')
                .map_or((text, None), |(piece, after)| (piece, Some(after)));
            pieces.push(piece);
            rest = after;
        }
        Self::from_pieces(source, &pieces, kind)
    }

    /// The same for pieces that are already split.
    pub fn from_pieces(
        source: &'s Source<'a>,
        pieces: &[Spanned<'a>],
        kind: &'static Kind,
    ) -> Result<Self, Error> {
        let mut options = Self {
            source,
            kind,
            given: Vec::with_capacity(pieces.len()),
        };
        for piece in pieces {
            let given = options.check(*piece)?;
            if options
                .given
                .iter()
                .any(|other| other.option == given.option)
            {
                return Err(options.error(piece.span(), Fault::Repeated(given.option)));
            }
            options.given.push(given);
        }
        Ok(options)
    }

    fn check(&self, piece: Spanned<'a>) -> Result<Given<'a>, Error> {
        if piece.text.trim().is_empty() {
            return Err(self.error(piece.span(), Fault::EmptyOption));
        }
        let (name, value) = piece
            .split_once('=')
            .map_or((piece, None), |(name, value)| (name, Some(value)));
        for part in std::iter::once(name).chain(value) {
            if part.trimmed() != part {
                return Err(self.error(part.span(), Fault::Blank));
            }
        }
        let Some(spec) = self.kind.spec(name.text) else {
            return Err(self.unknown_option(name));
        };
        match (spec.shape, value) {
            (Some(shape), None) => Err(self.error(
                piece.span(),
                Fault::NeedsValue {
                    option: spec.name,
                    shape,
                },
            )),
            (Some(shape), Some(value)) if value.text.is_empty() => Err(self.error(
                piece.span(),
                Fault::NeedsValue {
                    option: spec.name,
                    shape,
                },
            )),
            (None, Some(_)) => Err(self.error(piece.span(), Fault::NeedsNoValue(spec.name))),
            (_, value) => Ok(Given {
                option: spec.name,
                whole: piece,
                value,
            }),
        }
    }

    fn unknown_option(&self, name: Spanned<'_>) -> Error {
        let found = self.source.shown_at(&name.span()).to_owned();
        if found != name.text {
            let reason = "a password has no comma".to_owned();
            return self.error(
                name.span(),
                Fault::Value {
                    option: "password",
                    reason,
                },
            );
        }
        let known = self.kind.option_names();
        let nearest = nearest(&found, &known);
        let error = self.error(
            name.span(),
            Fault::UnknownOption {
                found: found.clone(),
                kind: self.kind.name,
                nearest,
                known,
            },
        );
        match found.rsplit_once(':') {
            // people write the usual HOST:PORT
            Some((host, port))
                if self.kind.spec("server").is_some() && port.parse::<u16>().is_ok() =>
            {
                error.with_note(format!(
                    "corrected: {}:server={host},port={port}",
                    self.kind.name
                ))
            }
            _ => error,
        }
    }

    /// Whether an option is there, as a flag or with a value.
    pub fn has(&self, option: &str) -> bool {
        self.find(option).is_some()
    }

    /// The value of an option, if it is there.
    pub fn value(&self, option: &str) -> Option<Value<'a>> {
        let given = self.find(option)?;
        let value = given.value?;
        Some(Value {
            option: given.option,
            text: value.text,
            start: value.start,
        })
    }

    /// The value of an option that has to be there; `what` names it for the error.
    pub fn need(&self, option: &str, what: &'static str) -> Result<Value<'a>, Error> {
        self.value(option).ok_or_else(|| self.missing(what))
    }

    /// Refuses each of `options`, because `with` is there.
    pub fn refuse(&self, options: &[&str], with: &'static str) -> Result<(), Error> {
        let given = self
            .given
            .iter()
            .find(|given| options.contains(&given.option));
        given.map_or(Ok(()), |given| {
            Err(self.error(
                given.whole.span(),
                Fault::Excluded {
                    option: given.option,
                    with,
                },
            ))
        })
    }

    /// A decimal number within `range`; `unit` says what it counts, for the error.
    pub fn number(
        &self,
        value: Value<'_>,
        range: RangeInclusive<u32>,
        unit: &str,
    ) -> Result<u32, Error> {
        let digits = value.text.bytes().all(|byte| byte.is_ascii_digit());
        match value.text.parse() {
            Ok(number) if digits && range.contains(&number) => Ok(number),
            _ => Err(self.bad(
                value,
                format!(
                    "{unit} is a number from {} to {}",
                    range.start(),
                    range.end()
                ),
            )),
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &self,
        value: Value<'_>,
        choices: &[(&'static str, T)],
    ) -> Result<T, Error> {
        let found = choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(value.text));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            match words.as_slice() {
                [word] => self.bad(value, format!("only `{word}` is possible")),
                _ => self.bad(value, format!("the choice is {}", words.join(", "))),
            }
        })
    }

    pub fn missing(&self, what: &'static str) -> Error {
        let end = self.source.raw.trim_end().len();
        self.error(
            end..end,
            Fault::Missing {
                kind: self.kind.name,
                what,
            },
        )
    }

    pub fn bad(&self, value: Value<'_>, reason: impl Into<Cow<'static, str>>) -> Error {
        self.error(
            value.span(),
            Fault::Value {
                option: value.option,
                reason: reason.into().into_owned(),
            },
        )
    }

    /// The error for an option that is understood and cannot be served.
    pub fn refused(&self, option: &str, reason: &'static str) -> Error {
        let span = self.find(option).map_or(0..0, |given| given.whole.span());
        self.error(span, Fault::Refused(reason))
    }

    pub fn error(&self, span: Range<usize>, fault: Fault) -> Error {
        let form = self.kind.forms.iter().find(|(option, _)| self.has(option));
        let example = form.map_or(self.kind.example, |(_, example)| example);
        Error::new(self.source.shown.clone(), span, fault, example)
    }

    fn find(&self, option: &str) -> Option<&Given<'a>> {
        self.given.iter().find(|given| given.option == option)
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

/// Hides the values of keys and passwords, misspelt ones too, byte for byte, so that spans still hold. The dots of a
/// key stay: they show where a part is missing. What follows a password's comma is taken for the rest of the password.
fn conceal(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len());
    let (kind, options) = raw.split_at(raw.find(':').map_or(0, |colon| colon + 1));
    shown.push_str(kind);
    let mut after_password = false;
    for (index, piece) in options.split(',').enumerate() {
        if index > 0 {
            shown.push(',');
        }
        let Some((secret, at)) = find_secret(piece) else {
            let rest = after_password
                && !piece.contains('=')
                && !FLAGS
                    .iter()
                    .any(|flag| flag.eq_ignore_ascii_case(piece.trim()));
            after_password = rest;
            if rest {
                shown.extend(piece.bytes().map(|_| '*'));
            } else {
                shown.push_str(piece);
            }
            continue;
        };
        after_password = secret == "password";
        let (open, hidden) = piece.split_at(at);
        shown.push_str(open);
        let keeps_dots = secret == "key";
        shown.extend(
            hidden
                .bytes()
                .map(|byte| if keeps_dots && byte == b'.' { '.' } else { '*' }),
        );
    }
    shown
}

/// Which secret a piece of a string holds, and where its value starts: behind the first name that resembles one's.
/// Strings nest, so a name also starts behind a brace, a colon or an equals sign.
fn find_secret(piece: &str) -> Option<(&'static str, usize)> {
    let mut start = 0;
    for (at, c) in piece.char_indices() {
        match c {
            '=' => {
                let name = piece.get(start..at).unwrap_or_default();
                if let Some(secret) = nearest(name.trim(), &["key", "password"]) {
                    return Some((secret, at + 1));
                }
                start = at + 1;
            }
            ':' | '{' => start = at + 1,
            _ => {}
        }
    }
    None
}

/// The flags that may follow a password.
const FLAGS: &[&str] = &["hidden", "IcfEnable"];
