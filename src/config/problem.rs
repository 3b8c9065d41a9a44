//! Problems: what is wrong in a configuration, where, and what to do about it.
//!
//! A [`Problem`] carries the line it is about, so it can be shown long after the file's text is gone. It is not an
//! error that stops anything: reading goes on, and all problems are reported together.

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::secrets::secrets;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but not everything in it does what it seems to say.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// A place in a file, with the line that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// The line (of a long one, the part around the column), safe to print.
    pub excerpt: String,
    /// Screen columns of the excerpt before the caret.
    pub caret: usize,
    /// Screen columns the carets cover, at least one.
    pub carets: usize,
}

/// One thing that is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether the configuration can be used all the same.
    pub severity: Severity,
    /// The file as the user named it, or "command line".
    pub file: String,
    /// Where in the file; `None` if it concerns no line of it.
    pub position: Option<Position>,
    /// What is wrong: one line, no full stop.
    pub message: String,
    /// What to do, if that can be said: one line.
    pub help: Option<String>,
}

impl Problem {
    /// A problem of no line in particular.
    pub fn new(severity: Severity, file: &str, message: impl Into<String>) -> Problem {
        Problem {
            severity,
            file: file.to_owned(),
            position: None,
            message: message.into(),
            help: None,
        }
    }

    /// The same problem, with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    /// The same problem, at `position`.
    #[must_use]
    pub fn at(mut self, position: Option<Position>) -> Problem {
        self.position = position;
        self
    }

    /// Line counted from 1, or 0 if the problem is about no line.
    pub fn line(&self) -> usize {
        self.position.as_ref().map_or(0, |position| position.line)
    }

    /// Column in characters counted from 1, or 0 if the problem is about no line.
    pub fn column(&self) -> usize {
        self.position.as_ref().map_or(0, |position| position.column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            severity,
            file,
            position,
            message,
            help,
        } = self;
        let Some(Position {
            line,
            column,
            excerpt,
            caret,
            carets,
        }) = position
        else {
            write!(f, "{file}: {severity}: {message}")?;
            return help
                .as_ref()
                .map_or(Ok(()), |help| write!(f, "\n  = {help}"));
        };
        let number = line.to_string();
        let gutter = number.len();
        writeln!(f, "{file}:{line}:{column}: {severity}: {message}")?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{number} | {excerpt}")?;
        write!(f, "{:gutter$} | {:caret$}{}", "", "", "^".repeat(*carets))?;
        help.as_ref()
            .map_or(Ok(()), |help| write!(f, "\n{:gutter$} = {help}", ""))
    }
}

/// All problems of a configuration, in the order of their lines. As an error: at least one of them is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Whether the configuration cannot be used.
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// How many there are: "2 errors, 1 warning", or "no problems".
    pub fn summary(&self) -> String {
        let count = |severity| {
            self.0
                .iter()
                .filter(|problem| problem.severity == severity)
                .count()
        };
        let counted = |count: usize, noun: &str| {
            format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
        };
        match (count(Severity::Error), count(Severity::Warning)) {
            (0, 0) => "no problems".to_owned(),
            (errors, 0) => counted(errors, "error"),
            (0, warnings) => counted(warnings, "warning"),
            (errors, warnings) => format!(
                "{}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            ),
        }
    }

    /// Puts them in the order a reader of the file meets them; those of no line come last.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|problem| {
            let line = problem
                .position
                .as_ref()
                .map_or(usize::MAX, |position| position.line);
            (line, problem.column(), problem.severity)
        });
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        f.write_str(&self.summary())
    }
}

impl std::error::Error for Problems {}

/// The text of a file, to turn byte offsets into positions.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// Where each line starts, the first at 0.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Source<'a> {
        let starts = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Source {
            file,
            text,
            lines: std::iter::once(0).chain(starts).collect(),
        }
    }

    /// Where the bytes `span` are. Offsets past the end mean the end; a span over several lines ends with its first.
    pub(super) fn position(&self, span: Range<usize>) -> Position {
        let start = floor_boundary(self.text, span.start);
        let end = floor_boundary(self.text, span.end.max(start));
        // The first line starts at 0, so there is always one at or before `start`.
        let line = self
            .lines
            .partition_point(|line_start| *line_start <= start);
        let line_start = line
            .checked_sub(1)
            .and_then(|index| self.lines.get(index))
            .copied()
            .unwrap_or(0);
        let rest = &self.text[line_start..];
        let text = rest
            .find('\n')
            .map_or(rest, |newline| &rest[..newline])
            .trim_end_matches('\r');
        let column = self.text[line_start..start].chars().count();
        let length = self.text[start..end]
            .chars()
            .take_while(|&c| c != '\n')
            .count();
        let secrets = secrets(text);

        // A long line is shown from a little before the place on.
        let skipped = if text.chars().count() > EXCERPT_CHARS {
            column.saturating_sub(EXCERPT_CHARS / 4)
        } else {
            0
        };
        let mut excerpt = String::new();
        let (mut caret, mut carets) = (0, 0);
        for (index, (at, c)) in text
            .char_indices()
            .enumerate()
            .skip(skipped)
            .take(EXCERPT_CHARS)
        {
            let shown = match c {
                _ if secrets.iter().any(|secret| secret.contains(&at)) => '*',
                '\t' => ' ',
                c if c.width().is_none_or(|width| width == 0) => char::REPLACEMENT_CHARACTER,
                // Marks that turn the reading direction would move the caret away from what it points at.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
                c => c,
            };
            let width = shown.width().unwrap_or(1);
            if index < column {
                caret += width;
            } else if index < column + length {
                carets += width;
            }
            excerpt.push(shown);
        }
        Position {
            line,
            column: column + 1,
            excerpt: excerpt.trim_end().to_owned(),
            caret,
            carets: carets.max(1),
        }
    }
}

/// The closest character boundary at or before `offset`.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The most characters of a line that are shown with a problem: about a terminal's width.
const EXCERPT_CHARS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn position(text: &str, span: Range<usize>) -> Position {
        Source::new("f", text).position(span)
    }

    #[test]
    fn carets_stand_under_wide_characters_and_tabs() {
        let text = "a = 1\n\tname = \"東京\" x\n";
        let at = text.find('x').unwrap();
        let Position {
            line,
            column,
            excerpt,
            caret,
            carets,
        } = position(text, at..at + 1);
        assert_eq!((line, column, caret, carets), (2, 14, 15, 1));
        assert_eq!(excerpt, " name = \"東京\" x");
        let at = text.find('東').unwrap();
        assert_eq!(position(text, at..at + 6).carets, 4);
    }

    #[test]
    fn what_the_terminal_would_obey_is_not_shown() {
        let shown = position("a = \"\x1b[2J\u{202e}\u{7f}\"", 0..1).excerpt;
        assert!(
            !shown.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{shown:?}"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = position("connect = \"net:port=50000,key=a.b.c.d\"", 0..1).excerpt;
        assert_eq!(shown, "connect = \"net:port=50000,key=*******\"");
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("{}HERE{}", "a".repeat(5000), "b".repeat(5000));
        let position = position(&text, 5000..5004);
        assert_eq!(position.column, 5001);
        assert_eq!(
            position
                .excerpt
                .chars()
                .skip(position.caret)
                .take(position.carets)
                .collect::<String>(),
            "HERE"
        );
        assert!(position.excerpt.len() <= EXCERPT_CHARS);
    }

    #[test]
    fn the_end_of_the_file_is_a_place_too() {
        let position = position("a = ", 4..4);
        assert_eq!(
            (
                position.line,
                position.column,
                position.caret,
                position.carets
            ),
            (1, 5, 4, 1)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_span_is_too_wild(text in "(?s).{0,40}", start in 0usize..200, length in 0usize..200) {
            let position = position(&text, start..start + length);
            prop_assert!(position.line >= 1 && position.column >= 1 && position.carets >= 1);
        }
    }
}
