//! Ranges: one text that stands for many, `t{000..099}` or `{web,db}-console`.
//!
//! A [`Template`] is a text with any number of ranges that run in step. Other braces mean themselves, so that command
//! lines keep theirs: `{}`, `${HOME}`, `@{..}`, `{print $1}`; a `{{` is a single brace where it would start a range.

use std::ops::Range;

/// What is wrong with a range, and where in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RangeError {
    /// The bytes of the text that are at fault.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// A text with ranges in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    /// Number of texts it stands for and where the first range is; `None` if there is no range.
    steps: Option<(usize, Range<usize>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    /// Where it stands in the template's text.
    span: Range<usize>,
    kind: PieceKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PieceKind {
    Text(String),
    /// `first`, counted up; at least `width` digits.
    Numbers {
        first: u64,
        width: usize,
    },
    Words(Vec<String>),
}

/// One of the texts a template stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The text.
    pub text: String,
    /// For each piece: its bytes in `text`, its bytes in the template, whether they are the same byte for byte.
    pieces: Vec<(Range<usize>, Range<usize>, bool)>,
}

impl Template {
    /// Reads `text`.
    ///
    /// # Errors
    /// [`RangeError`] for a range with ends that are no numbers, run backwards or are padded differently, an empty
    /// word, more steps than there can be targets, or ranges of different lengths.
    pub fn parse(text: &str) -> Result<Template, RangeError> {
        let mut pieces = Vec::new();
        let mut steps: Option<(usize, Range<usize>)> = None;
        // What stands before `done` is in `pieces`.
        let mut done = 0;
        let mut at = 0;
        while let Some(found) = text[at..].find('{') {
            let open = at + found;
            at = open + 1;
            if text[at..].starts_with('{') {
                pieces.push(Piece::text(text, done..at));
                at += 1;
                done = at;
                continue;
            }
            let belongs_to_a_command = text[..open].ends_with(['$', '@']);
            let Some(length) = text[at..].find('}').filter(|_| !belongs_to_a_command) else {
                continue;
            };
            let inside = &text[at..at + length];
            if !looks_like_a_range(inside) {
                continue;
            }
            let span = open..at + length + 1;
            let (kind, count) = range(inside, span.clone())?;
            match &steps {
                Some((first, first_span)) if *first != count => {
                    return Err(RangeError {
                        span: span.clone(),
                        message: format!(
                            "this range has {count} steps, {} has {first}",
                            &text[first_span.clone()]
                        ),
                        help: "ranges run in step: give them the same length".to_owned(),
                    });
                }
                Some(_) => {}
                None => steps = Some((count, span.clone())),
            }
            pieces.push(Piece::text(text, done..open));
            at = span.end;
            done = at;
            pieces.push(Piece { span, kind });
        }
        pieces.push(Piece::text(text, done..text.len()));
        pieces.retain(|piece| !piece.span.is_empty());
        Ok(Template { pieces, steps })
    }

    /// How many texts it stands for and where its first range is; `None` if it has no range and is the same each time.
    pub fn steps(&self) -> Option<(usize, Range<usize>)> {
        self.steps.clone()
    }

    /// The text of step `step`, counted from 0; past the last step, words repeat the last one.
    pub fn expand(&self, step: usize) -> Expansion {
        let mut text = String::new();
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let start = text.len();
            match &piece.kind {
                PieceKind::Text(verbatim) => text.push_str(verbatim),
                PieceKind::Numbers { first, width } => {
                    let number = first.saturating_add(u64::try_from(step).unwrap_or(u64::MAX));
                    text.push_str(&format!("{number:0width$}"));
                }
                PieceKind::Words(words) => {
                    if let Some(word) = words.get(step).or(words.last()) {
                        text.push_str(word);
                    }
                }
            }
            let verbatim = matches!(piece.kind, PieceKind::Text(_));
            pieces.push((start..text.len(), piece.span.clone(), verbatim));
        }
        Expansion { text, pieces }
    }
}

impl Piece {
    fn text(text: &str, span: Range<usize>) -> Piece {
        Piece {
            kind: PieceKind::Text(text[span.clone()].to_owned()),
            span,
        }
    }
}

impl Expansion {
    /// The bytes of the template that `span` of the expanded text comes from; of a range, all of it.
    pub fn origin(&self, span: Range<usize>) -> Range<usize> {
        let offset = |at: usize, is_end: bool| {
            for (text, template, verbatim) in &self.pieces {
                // An end belongs to the piece before it, a start to the piece after it.
                let inside = if is_end {
                    at > text.start && at <= text.end
                } else {
                    text.contains(&at)
                };
                if inside {
                    return match (verbatim, is_end) {
                        (true, _) => template.start + (at - text.start),
                        (false, true) => template.end,
                        (false, false) => template.start,
                    };
                }
            }
            if at == 0 {
                0
            } else {
                self.pieces
                    .last()
                    .map_or(0, |(_, template, _)| template.end)
            }
        };
        let start = offset(span.start, false);
        let end = if span.is_empty() {
            start
        } else {
            offset(span.end, true)
        };
        start..end.max(start)
    }
}

/// The most steps a range can have: as many as there can be targets.
const STEPS_MAX: usize = super::TARGETS_MAX;

/// Whether what stands in braces is meant as a range: `..` or a comma, between characters that names, addresses and
/// paths are made of.
fn looks_like_a_range(inside: &str) -> bool {
    let usual =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '_' | '-' | '/' | ':' | '+' | '%');
    (inside.contains("..") || inside.contains(',')) && inside.chars().all(usual)
}

fn range(inside: &str, span: Range<usize>) -> Result<(PieceKind, usize), RangeError> {
    let error = |message: String, help: String| RangeError {
        span: span.clone(),
        message,
        help,
    };
    let too_long = || {
        let help = format!("one table makes at most {STEPS_MAX} targets");
        error(format!("the range {{{inside}}} is too long"), help)
    };
    if inside.contains(',') {
        let words: Vec<String> = inside.split(',').map(str::to_owned).collect();
        if words.iter().any(String::is_empty) {
            let help = "write each word between commas: {web,db,lab}".to_owned();
            return Err(error(format!("{{{inside}}} has an empty word"), help));
        }
        let count = words.len();
        return if count > STEPS_MAX {
            Err(too_long())
        } else {
            Ok((PieceKind::Words(words), count))
        };
    }
    let (first_text, last_text) = inside.split_once("..").unwrap_or((inside, ""));
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    let (Some(first), Some(last)) = (number(first_text), number(last_text)) else {
        let help = "a range is two numbers, {000..099}, or words, {web,db}; a brace that means itself is {{".to_owned();
        return Err(error(
            format!("the ends of {{{inside}}} are not both numbers"),
            help,
        ));
    };
    if last < first {
        let help = format!("write {{{last_text}..{first_text}}}");
        return Err(error(
            format!("the range {{{inside}}} runs backwards"),
            help,
        ));
    }
    let padded = |text: &str| text.len() > 1 && text.starts_with('0');
    let is_padded = padded(first_text) || padded(last_text);
    if is_padded && first_text.len() != last_text.len() {
        let width = first_text.len().max(last_text.len());
        let help =
            format!("write {{{first:0width$}..{last:0width$}}}, or both without leading zeros");
        return Err(error(
            format!("the ends of {{{inside}}} are padded to different widths"),
            help,
        ));
    }
    let count = usize::try_from(last - first)
        .ok()
        .and_then(|steps| steps.checked_add(1));
    let count = count
        .filter(|count| *count <= STEPS_MAX)
        .ok_or_else(too_long)?;
    let width = if is_padded { first_text.len() } else { 0 };
    Ok((PieceKind::Numbers { first, width }, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<String> {
        let template = Template::parse(text).unwrap();
        let count = template.steps().map_or(1, |(count, _)| count);
        (0..count).map(|step| template.expand(step).text).collect()
    }

    #[test]
    fn ranges_keep_their_zeros_and_run_in_step() {
        assert_eq!(all("t{08..11}"), ["t08", "t09", "t10", "t11"]);
        assert_eq!(all("{0..2}:{7..9}"), ["0:7", "1:8", "2:9"]);
        assert_eq!(all("{web,db}-{1..2}.lab"), ["web-1.lab", "db-2.lab"]);
        assert_eq!(all("plain"), ["plain"]);
        assert_eq!(all(""), [""]);
    }

    #[test]
    fn braces_of_a_command_line_are_left_alone() {
        for text in [
            "exec:find . -exec ls {} +",
            "exec:echo ${HOME,,} @{a,b}",
            "exec:awk '{print $1, $2}'",
            "exec:curl -d '{\"a\":1,\"b\":2}'",
            "{name}",
            "{1..2",
            "a}b",
        ] {
            assert_eq!(all(text), [text]);
        }
        assert_eq!(all("exec:echo {{1..3}"), ["exec:echo {1..3}"]);
    }

    #[test]
    fn a_bad_range_says_where_and_what_to_write() {
        for (text, span, message) in [
            ("t{9..0}", 1..7, "the range {9..0} runs backwards"),
            (
                "t{00..099}",
                1..10,
                "the ends of {00..099} are padded to different widths",
            ),
            ("{a..c}", 0..6, "the ends of {a..c} are not both numbers"),
            ("{1..}", 0..5, "the ends of {1..} are not both numbers"),
            (
                "{1..99999999999999999999}",
                0..25,
                "the ends of {1..99999999999999999999} are not both numbers",
            ),
            ("{1...3}", 0..7, "the ends of {1...3} are not both numbers"),
            ("x{a,,b}", 1..7, "{a,,b} has an empty word"),
            ("{0..10000}", 0..10, "the range {0..10000} is too long"),
            (
                "{0..18446744073709551615}",
                0..25,
                "the range {0..18446744073709551615} is too long",
            ),
            (
                "{0..1}{0..2}",
                6..12,
                "this range has 3 steps, {0..1} has 2",
            ),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert_eq!(
                (error.span, error.message.as_str()),
                (span, message),
                "{text}"
            );
            assert!(!error.help.is_empty());
        }
    }

    #[test]
    fn a_place_in_an_expansion_is_found_in_the_template() {
        let text = "raw:server=h{1..2},port={50000..50001}";
        let expansion = Template::parse(text).unwrap().expand(1);
        assert_eq!(expansion.text, "raw:server=h2,port=50001");
        let origin = |part: &str| {
            let start = expansion.text.find(part).unwrap();
            &text[expansion.origin(start..start + part.len())]
        };
        assert_eq!(origin("server"), "server");
        assert_eq!(origin("port"), "port");
        assert_eq!(origin("h2"), "h{1..2}");
        assert_eq!(origin("50001"), "{50000..50001}");
        assert_eq!(origin("0"), "{50000..50001}");
        assert_eq!(expansion.origin(24..24), text.len()..text.len());
        assert_eq!(expansion.origin(0..0), 0..0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn numbers_count_up_at_their_width(first in 0u64..100_000, steps in 1u64..200, width in 0usize..8) {
            let last = first + steps - 1;
            let width = if width == 0 { 0 } else { width.max(last.to_string().len()) };
            let texts = all(&format!("a{{{first:0width$}..{last:0width$}}}b"));
            prop_assert_eq!(texts.len() as u64, steps);
            for (text, number) in texts.iter().zip(first..) {
                prop_assert_eq!(text, &format!("a{number:0width$}b"));
            }
        }

        #[test]
        fn any_text_is_a_template_or_an_error(text in "[{}.,0-9a-c$é ]{0,24}", start in 0usize..30, length in 0usize..9) {
            if let Ok(template) = Template::parse(&text) {
                let expansion = template.expand(0);
                let origin = expansion.origin(start..start + length);
                prop_assert!(origin.start <= origin.end && origin.end <= text.len());
            }
        }

        #[test]
        fn text_without_braces_is_itself(text in "[^{]{0,40}") {
            prop_assert_eq!(all(&text), [text]);
        }
    }
}
