//! What a person searches for in history, and where a line shows it.
//!
//! Matches are found in the *visible* text of a line: what [`super::safe`] makes of its bytes, so that colours and
//! erased text neither hide a match nor make one. Walking over a transcript is up to the caller.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

use super::safe::{self, glyph};

/// Longest search pattern obeyed. Characters; longer ones are cut, people do not type them.
pub const PATTERN_CHARS_MAX: usize = 1_000;

/// Memory a compiled pattern and its cache may take, each. Bytes; `(a{1000}){1000}` is refused instead of built.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Matches reported in one line; a screen shows no more, and `.` would match everywhere.
pub const MATCHES_MAX: usize = 1_000;

/// A compiled search: a regular expression, or plain text where it is not one.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    regex: Option<Regex>,
    problem: Option<String>,
}

/// One match, in the visible text of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Place in the visible text. Bytes, at character boundaries.
    pub bytes: Range<usize>,
    /// Place on the screen, for [`safe::Line::restyle`]. Display columns from the start of the line.
    pub columns: Range<usize>,
}

impl Pattern {
    /// Compiles what was typed. Upper and lower case are told apart only if the pattern has an upper-case letter. What
    /// is no regular expression is searched for as it stands, and [`Pattern::problem`] says why.
    pub fn new(typed: &str) -> Self {
        let source: String = typed.chars().take(PATTERN_CHARS_MAX).collect();
        let fold = !has_upper_case(&source);
        match build(&source, fold) {
            Ok(regex) => Self {
                source,
                regex: Some(regex),
                problem: None,
            },
            Err(error) => {
                let problem = format!("searching for the text as it stands: {}", reason(&error));
                let regex = build(
                    &regex::escape(&source),
                    !source.chars().any(char::is_uppercase),
                )
                .ok();
                Self {
                    source,
                    regex,
                    problem: Some(problem),
                }
            }
        }
    }

    /// What is searched for, as typed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Why the pattern is not taken as a regular expression, in one line; `None` if it is.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Whether the line of these raw bytes shows a match. An empty pattern matches nothing.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let text = safe::plain(bytes);
        self.regex().is_some_and(|regex| {
            regex
                .find_iter(text.as_bytes())
                .any(|found| !found.is_empty())
        })
    }

    /// The matches in the line of these raw bytes, left to right, at most [`MATCHES_MAX`]. Empty ones do not count.
    pub fn matches(&self, bytes: &[u8]) -> Vec<Match> {
        self.matches_in_text(&safe::plain(bytes))
    }

    /// The matches in text that is visible already, such as [`safe::Line::text`].
    pub fn matches_in_text(&self, text: &str) -> Vec<Match> {
        let Some(regex) = self.regex() else {
            return Vec::new();
        };
        let mut place = Place {
            text,
            byte: 0,
            column: 0,
        };
        regex
            .find_iter(text.as_bytes())
            .filter(|found| !found.is_empty())
            .filter_map(|found| {
                // A pattern may ask for single bytes; what is lit up are whole characters, each once.
                let start = boundary_before(text, found.start()).max(place.byte);
                let bytes = start..boundary_after(text, found.end());
                (!bytes.is_empty()).then(|| place.advance(bytes))
            })
            .take(MATCHES_MAX)
            .collect()
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.as_ref().filter(|_| !self.source.is_empty())
    }
}

/// How far a line has been measured.
struct Place<'a> {
    text: &'a str,
    byte: usize,
    column: usize,
}

impl Place<'_> {
    /// Measures on to the end of a match.
    fn advance(&mut self, bytes: Range<usize>) -> Match {
        let start = self.column_at(bytes.start);
        let end = self.column_at(bytes.end);
        Match {
            bytes,
            columns: start..end,
        }
    }

    fn column_at(&mut self, byte: usize) -> usize {
        let between = self.text.get(self.byte..byte).unwrap_or_default();
        self.column += between.chars().map(glyph::columns).sum::<usize>();
        self.byte = byte;
        self.column
    }
}

fn boundary_before(text: &str, byte: usize) -> usize {
    (0..=byte)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn boundary_after(text: &str, byte: usize) -> usize {
    (byte..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

fn build(source: &str, fold: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source)
        .case_insensitive(fold)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build()
}

/// The last line of a syntax error says what is wrong; the lines above draw where.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("this regular expression needs more than {limit} bytes")
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!(
                "no regular expression ({})",
                last.strip_prefix("error: ").unwrap_or(last)
            )
        }
    }
}

/// Whether a pattern has an upper-case letter of its own: that of `\S` or `\p{Greek}` is none.
fn has_upper_case(pattern: &str) -> bool {
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            if character.is_uppercase() {
                return true;
            }
        } else if matches!(characters.next(), Some('p' | 'P' | 'x' | 'u' | 'U'))
            && characters.next_if_eq(&'{').is_some()
        {
            characters.by_ref().find(|next| *next == '}');
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(pattern: &str, line: &[u8]) -> Vec<(usize, usize)> {
        Pattern::new(pattern)
            .matches(line)
            .into_iter()
            .map(|found| (found.columns.start, found.columns.end))
            .collect()
    }

    #[test]
    fn lower_case_patterns_match_either_case_and_upper_case_ones_do_not() {
        assert_eq!(
            columns("panic", b"Kernel PANIC - panic"),
            [(7, 12), (15, 20)]
        );
        assert_eq!(columns("PANIC", b"Kernel PANIC - panic"), [(7, 12)]);
        assert_eq!(
            columns(r"\Soo\p{Greek}*", b"FOO"),
            [(0, 3)],
            "the letter of a class is no letter of the pattern"
        );
    }

    #[test]
    fn a_match_is_found_across_colour_changes_and_not_in_erased_text() {
        assert_eq!(
            columns("error", b"an \x1b[31mer\x1b[1mror\x1b[0m"),
            [(3, 8)]
        );
        assert!(columns("50%", b"50%\r100%").is_empty());
        assert!(columns("31m", b"an \x1b[31merror").is_empty());
    }

    #[test]
    fn columns_count_wide_characters_twice_and_marks_not_at_all() {
        assert_eq!(columns("x", "漢字x e\u{301}x".as_bytes()), [(4, 5), (7, 8)]);
        assert_eq!(columns("字", "漢字".as_bytes()), [(2, 4)]);
        assert_eq!(columns("x", b"\tx"), [(8, 9)]);
    }

    #[test]
    fn what_is_no_regular_expression_is_searched_as_text_and_explained() {
        let pattern = Pattern::new("irq[12");
        assert_eq!(
            pattern
                .matches(b"on IRQ[12]")
                .first()
                .map(|found| (found.columns.start, found.columns.end)),
            Some((3, 9))
        );
        assert!(
            pattern
                .problem()
                .is_some_and(|problem| problem.contains("unclosed character class")),
            "{pattern:?}"
        );
        assert_eq!(Pattern::new("irq.12").problem(), None);
    }

    #[test]
    fn an_explosive_pattern_is_refused_instead_of_built() {
        let pattern = Pattern::new("(a{1000}){1000}");
        assert!(
            pattern
                .problem()
                .is_some_and(|problem| problem.contains("needs more than")),
            "{pattern:?}"
        );
        assert!(pattern.is_in(b"literally (a{1000}){1000}"));
    }

    #[test]
    fn empty_matches_and_empty_patterns_find_nothing() {
        assert!(columns("x*", b"abc").is_empty());
        assert!(columns("", b"abc").is_empty());
        assert!(!Pattern::new("x*").is_in(b"abc"));
        assert!(Pattern::new("x*").is_in(b"abcx"));
    }

    #[test]
    fn a_pattern_of_single_bytes_lights_up_whole_characters() {
        assert_eq!(
            columns(r"(?-u)\xc3|\xa9", "aéé".as_bytes()),
            [(1, 2), (2, 3)]
        );
    }

    #[test]
    fn a_line_of_nothing_but_matches_reports_a_bounded_number() {
        assert_eq!(columns(".", &[b'x'; 10_000]).len(), MATCHES_MAX);
    }
}
