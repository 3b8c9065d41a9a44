//! What is wrong with a connection string, where, and what a right one looks like.
//!
//! An error is safe to show and to log: the values of keys and passwords are hidden in it from the start, and
//! characters that would disturb a terminal are replaced when it is rendered.

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::family::Family;
use super::grammar::{STRING_BYTES_MAX, is_legible};

/// A connection string that was refused.
///
/// Its `Display` is [`Error::render`]: several lines. [`Error::message`] is the first of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Report>);

/// What is wrong. The text in it is legible and holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but blanks.
    #[error("the connection string is empty")]
    Empty,
    /// Longer than [`STRING_BYTES_MAX`].
    #[error("the connection string has {bytes} bytes; the limit is {STRING_BYTES_MAX}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A control character, a line end, or one that turns the direction of text.
    #[error("the character U+{:04X} does not belong in a connection string", u32::from(*.0))]
    Illegible(char),
    /// No colon.
    #[error("no kind: {} starts with a kind and a colon", .0.noun())]
    NoKind(Family),
    /// A kind nobody knows.
    #[error("unknown kind `{found}`{}", suggestion(*.nearest, "the kinds are", .known))]
    UnknownKind {
        /// As it was written.
        found: String,
        /// The kind it resembles.
        nearest: Option<&'static str>,
        /// All kinds of the family.
        known: &'static [&'static str],
    },
    /// A string of another family.
    #[error("`{found}` makes this {}, for {}; wanted here is {}, as for {}", .given.noun(), .given.switch(), .wanted.noun(), .wanted.switch())]
    WrongFamily {
        /// The kind or option that gives it away.
        found: String,
        /// What it is.
        given: Family,
        /// What is wanted.
        wanted: Family,
    },
    /// Understood, and not possible here; the sentence says what to do instead.
    #[error("{0}")]
    Refused(&'static str),
    /// Nothing between two commas, or after the last one.
    #[error("nothing between the commas: each one is followed by an option")]
    EmptyOption,
    /// A blank beside a comma, a colon or an equals sign.
    #[error("no blanks around `:`, `,` and `=`")]
    Blank,
    /// An option this kind does not have.
    #[error("`{kind}` has no option `{found}`{}", suggestion(*.nearest, "it takes", .known))]
    UnknownOption {
        /// As it was written.
        found: String,
        /// The kind it was given to.
        kind: &'static str,
        /// The option it resembles.
        nearest: Option<&'static str>,
        /// All options of the kind.
        known: Vec<&'static str>,
    },
    /// One option twice.
    #[error("`{0}` is given twice")]
    Repeated(&'static str),
    /// A name without its value.
    #[error("`{option}` needs a value: {option}={shape}")]
    NeedsValue {
        /// The option.
        option: &'static str,
        /// What the value looks like.
        shape: &'static str,
    },
    /// A flag with a value.
    #[error("`{0}` stands alone, without a value")]
    NeedsNoValue(&'static str),
    /// An option that has to be there.
    #[error("`{kind}` needs {what}")]
    Missing {
        /// The kind of the string.
        kind: &'static str,
        /// The option, with the shape of its value.
        what: &'static str,
    },
    /// Two options of which one is too many.
    #[error("`{option}` does not go with `{with}`")]
    Excluded {
        /// The one too many.
        option: &'static str,
        /// What is there already.
        with: &'static str,
    },
    /// A value out of range or out of shape.
    #[error("`{option}`: {reason}")]
    Value {
        /// The option.
        option: &'static str,
        /// What is wrong with the value and what is allowed.
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Report {
    /// The whole string, secrets hidden byte for byte, so that spans hold.
    shown: String,
    span: Range<usize>,
    fault: Fault,
    example: &'static str,
    notes: Vec<String>,
}

impl Error {
    /// `shown` is the string with its secrets hidden, `span` lies within it on character boundaries.
    pub(super) fn new(
        shown: String,
        span: Range<usize>,
        fault: Fault,
        example: &'static str,
    ) -> Self {
        Self(Box::new(Report {
            shown,
            span,
            fault,
            example,
            notes: Vec::new(),
        }))
    }

    /// Adds a line of advice, which takes the place of the example.
    #[must_use]
    pub(super) fn with_note(mut self, note: String) -> Self {
        self.0.notes.push(note);
        self
    }

    /// What is wrong, to match on.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0.fault
    }

    /// Where: bytes of the string as it was given. Empty, where it would stand, if something is missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.0.span.clone()
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> String {
        self.0.fault.to_string()
    }

    /// A valid string of the kind that was tried.
    #[must_use]
    pub fn example(&self) -> &'static str {
        self.0.example
    }

    /// What to do instead, a line each; often none, and the example has to do.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The message, the string with carets under the part at fault, and a corrected line or a valid example. Lines
    /// without a newline after the last; a long string is cut around the fault.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.0.fault.to_string();
        if !self.0.shown.trim().is_empty() {
            let (line, carets) = excerpt(&self.0.shown, &self.0.span);
            text.push_str(&format!("\n  {line}\n  {carets}"));
        }
        if self.0.notes.is_empty() {
            text.push_str("\n  example: ");
            text.push_str(self.0.example);
        }
        for note in &self.0.notes {
            text.push_str("\n  ");
            text.push_str(note);
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}

/// The line to show and the line of carets below it.
fn excerpt(shown: &str, span: &Range<usize>) -> (String, String) {
    let marks = |at: usize| span.contains(&at) || (span.is_empty() && span.start == at);
    let mut cells: Vec<Cell> = shown
        .char_indices()
        .map(|(at, c)| Cell::new(c, marks(at)))
        .collect();
    if span.start >= shown.len() {
        cells.push(Cell::new(' ', true));
    }
    let first_marked = cells.iter().position(|cell| cell.marked).unwrap_or(0);
    let fits = cells.iter().map(|cell| cell.columns).sum::<usize>() <= EXCERPT_COLUMNS_MAX;
    let start = if fits {
        0
    } else {
        first_marked.saturating_sub(EXCERPT_COLUMNS_MAX / 3)
    };

    let (mut line, mut carets) = (String::new(), String::new());
    if start > 0 {
        line.push('…');
        carets.push(' ');
    }
    let mut used = 0;
    for cell in cells.into_iter().skip(start) {
        used += cell.columns;
        if used > EXCERPT_COLUMNS_MAX {
            line.push('…');
            break;
        }
        line.push(cell.shown);
        carets.extend(std::iter::repeat_n(
            if cell.marked { '^' } else { ' ' },
            cell.columns,
        ));
    }
    (line.trim_end().to_owned(), carets.trim_end().to_owned())
}

/// One character of the excerpt.
struct Cell {
    shown: char,
    columns: usize,
    marked: bool,
}

impl Cell {
    fn new(c: char, marked: bool) -> Self {
        let shown = if is_legible(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        };
        Self {
            shown,
            columns: shown.width().unwrap_or(0),
            marked,
        }
    }
}

fn suggestion(nearest: Option<&str>, otherwise: &str, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => format!("; {otherwise} {}", known.join(", ")),
    }
}

/// Columns of a string that an error shows: with its indent it fits a window of 80, and the fault is in sight.
const EXCERPT_COLUMNS_MAX: usize = 76;
