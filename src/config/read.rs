//! Reading values out of a parsed file, with a problem for each that is not what its key takes.
//!
//! Knows TOML and problems, not what any table means: that is in [`super::tables`] and [`super::targets`].

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Position, Problem, Severity, Source};
use super::quantity::{parse_duration, parse_size, show_duration, show_size};
use crate::connect::{self, nearest};

/// A key as it stands in the file.
pub(super) type Key<'i> = Spanned<DeString<'i>>;
/// A value as it stands in the file.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A string of the file, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it says.
    pub text: String,
    /// Its bytes in the file, quotes included.
    pub span: Range<usize>,
    /// Where the text starts in the file, if it stands there without escapes.
    start: Option<usize>,
}

impl Word {
    /// A key as a word.
    pub(super) fn of_key(key: &Key) -> Word {
        Word {
            text: key.get_ref().to_string(),
            span: key.span(),
            start: None,
        }
    }

    /// The bytes in the file of `part` of the text; all of the string if an escape in it shifts them.
    pub(super) fn part(&self, part: Range<usize>) -> Range<usize> {
        self.start.map_or(self.span.clone(), |start| {
            start + part.start..start + part.end
        })
    }
}

/// A file being read, and the problems found so far.
pub(super) struct Reader<'a> {
    source: &'a Source<'a>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Reader<'a> {
        Reader {
            source,
            problems: Vec::new(),
        }
    }

    pub(super) fn position(&self, span: Range<usize>) -> Position {
        self.source.position(span)
    }

    pub(super) fn error(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problem(Severity::Error, span, message, help);
    }

    pub(super) fn warning(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problem(Severity::Warning, span, message, help);
    }

    /// Notes a problem; an empty `help` is none.
    pub(super) fn problem(
        &mut self,
        severity: Severity,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let position = Some(self.source.position(span));
        let mut problem = Problem::new(severity, self.source.file, message).at(position);
        problem.help = Some(help.into()).filter(|help| !help.is_empty());
        self.problems.push(problem);
    }

    /// Notes what is wrong with the connection string `word`; `origin` finds a place of the string that was parsed in
    /// that of the file.
    pub(super) fn connect_error(
        &mut self,
        word: &Word,
        error: &connect::Error,
        origin: impl FnOnce(Range<usize>) -> Range<usize>,
    ) {
        let help = match error.notes() {
            [] => format!("example: {}", error.example()),
            notes => notes.join("; "),
        };
        self.error(word.part(origin(error.span())), error.message(), help);
    }

    /// Answers a key that `place` (`[screen]`) does not have.
    pub(super) fn unknown_key(&mut self, key: &Key, place: &str, known: &[&str]) {
        let help = nearest(key.get_ref(), known).map_or_else(
            || format!("{place} has {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.error(
            key.span(),
            format!("there is no key `{}` in {place}", show(key.get_ref())),
            help,
        );
    }

    /// Says that `value` is not of the type its key takes: "expected a string, found an integer".
    pub(super) fn wrong_type(&mut self, value: &Value, expected: &str, example: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.error(
            value.span(),
            format!("expected {expected}, found {found}"),
            format!("for example {example}"),
        );
    }

    pub(super) fn flag(&mut self, value: &Value) -> Option<bool> {
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.wrong_type(value, "true or false", "true, without quotes");
        None
    }

    pub(super) fn word(&mut self, value: &Value, example: &str) -> Option<Word> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(value, "a string", example);
            return None;
        };
        let span = value.span();
        // Without escapes, the text stands between the quotes (and the newline some start with) as it is.
        let raw = self.source.text.get(span.clone()).unwrap_or_default();
        let start = raw.find(text.as_ref()).filter(|start| {
            *start > 0
                && raw.len() <= start + text.len() + 3
                && raw[..*start]
                    .trim_matches(['"', '\'', '\r', '\n'])
                    .is_empty()
        });
        let start = start.map(|start| span.start + start);
        Some(Word {
            text: text.to_string(),
            span,
            start,
        })
    }

    /// One string, or an array of them.
    pub(super) fn words(&mut self, value: &Value, example: &str) -> Option<Vec<Word>> {
        match value.get_ref() {
            DeValue::String(_) => self.word(value, example).map(|word| vec![word]),
            DeValue::Array(values) => Some(
                values
                    .iter()
                    .filter_map(|value| self.word(value, example))
                    .collect(),
            ),
            _ => {
                self.wrong_type(value, "a string or an array of strings", example);
                None
            }
        }
    }

    pub(super) fn integer(&mut self, value: &Value, range: RangeInclusive<u32>) -> Option<u32> {
        let (low, high) = (range.start(), range.end());
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(
                value,
                &format!("an integer from {low} to {high}"),
                &low.max(&10).min(high).to_string(),
            );
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number));
        if number.is_none() {
            self.error(
                value.span(),
                format!("{integer} is out of range"),
                format!("from {low} to {high}"),
            );
        }
        number
    }

    /// One of some words, with what each means.
    pub(super) fn choice<T: Clone>(&mut self, value: &Value, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        let word = self.word(value, &quoted.join(" or "))?;
        let chosen = choices.iter().find(|(name, _)| *name == word.text);
        if chosen.is_none() {
            let help = nearest(&word.text, &names).map_or_else(
                || format!("one of {}", quoted.join(", ")),
                |near| format!("did you mean {near:?}?"),
            );
            self.error(
                word.span,
                format!("{} is not known here", quote(&word.text)),
                help,
            );
        }
        chosen.map(|(_, choice)| choice.clone())
    }

    /// A byte size: a string with a unit, or an integer of bytes.
    pub(super) fn size(&mut self, value: &Value, range: RangeInclusive<u64>) -> Option<u64> {
        let bytes = match value.get_ref() {
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()).map(u64::try_from) {
                    Ok(Ok(bytes)) => bytes,
                    _ => {
                        self.error(
                            value.span(),
                            format!("{integer} is no size"),
                            "for example \"16MiB\"",
                        );
                        return None;
                    }
                }
            }
            DeValue::String(text) => match parse_size(text) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.error(
                        value.span(),
                        format!("{} is no size: {error}", quote(text)),
                        "for example \"64KiB\", \"16MiB\" or \"1.5GiB\"",
                    );
                    return None;
                }
            },
            _ => {
                self.wrong_type(value, "a size", "\"16MiB\"");
                return None;
            }
        };
        if !range.contains(&bytes) {
            let help = format!(
                "from {} to {}",
                show_size(*range.start()),
                show_size(*range.end())
            );
            self.error(
                value.span(),
                format!("{} is out of range", show_size(bytes)),
                help,
            );
            return None;
        }
        Some(bytes)
    }

    pub(super) fn duration(
        &mut self,
        value: &Value,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let word = self.word(value, "\"500ms\", \"2s\" or \"5m\"")?;
        let duration = match parse_duration(&word.text) {
            Ok(duration) => duration,
            Err(error) => {
                let message = format!("{} is no duration: {error}", quote(&word.text));
                self.error(
                    word.span,
                    message,
                    "for example \"500ms\", \"2s\" or \"5m\"",
                );
                return None;
            }
        };
        if !range.contains(&duration) {
            let help = format!(
                "from {} to {}",
                show_duration(*range.start()),
                show_duration(*range.end())
            );
            self.error(
                word.span,
                format!("{} is out of range", show_duration(duration)),
                help,
            );
            return None;
        }
        Some(duration)
    }

    /// The table `[name]`.
    pub(super) fn table<'v, 'i>(
        &mut self,
        value: &'v Value<'i>,
        name: &str,
    ) -> Option<&'v DeTable<'i>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            DeValue::Array(_) => {
                self.error(
                    value.span(),
                    format!("there is only one [{name}]"),
                    format!("write [{name}], with one bracket"),
                );
                None
            }
            _ => {
                self.wrong_type(value, "a table", &format!("[{name}]"));
                None
            }
        }
    }
}

/// Puts a value that could be read where it belongs; one that could not leaves the default.
pub(super) fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

/// `text` as it can be printed in a message: no control characters, not endless.
pub(super) fn show(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push_str("..");
    }
    shown
}

/// [`show`] in quotes.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", show(text))
}

/// The most characters of a name or value that a message repeats: the line itself stands below it.
const SHOWN_CHARS: usize = 60;
