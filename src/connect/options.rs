//! The options of a connection string, checked against the table of its kind.
//!
//! What the values mean is for the callers; here are the shapes they share. Every error knows its bytes.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use super::error::{Error, Fault};
use super::grammar::{Kind, Source, Spanned};
use super::nearest::nearest;

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
