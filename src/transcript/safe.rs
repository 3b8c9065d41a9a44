//! Bytes of a target made safe to show: what the raw bytes of a line look like, and nothing of what they would do.
//!
//! Printable text, tabs, and colours and attributes are kept; carriage returns, backspaces and erasing act within
//! their line as a person would have seen it; every other control character and sequence is dropped, in its 7-bit,
//! 8-bit and UTF-8 forms. What comes out holds no control character and is exactly as wide as [`Line::width`] says,
//! see [`glyph`]. This is for lines of history; the screen of a target in raw mode has an emulator.
//!
//! Sequences: ECMA-48, by the parser `vte`. Work and memory are bounded by the bytes given and by the limit of
//! columns asked for.

pub mod glyph;
mod line;
mod pen;
#[cfg(test)]
mod properties;
mod row;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::memchr;

use glyph::Glyph;
pub(crate) use line::clusters;
pub use line::{Line, Span};
pub use pen::{Colour, Pen};
use row::{Row, printable_prefix};

/// Distance of tab stops. Columns.
pub const TAB_COLUMNS: usize = 8;

/// Combining marks kept on one character: enough for every living language, too few to smear over rows above.
pub const MARKS_MAX: usize = 3;

/// Bytes looked at in one line. Transcripts fold lines long before; this keeps a mistake from costing seconds.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// Columns within which cursor movements and editing sequences are obeyed. Wider than any terminal; without it a few
/// bytes could ask for megabytes of blanks.
pub const EDIT_COLUMNS_MAX: usize = 1_000;

/// Makes lines of one target safe, in order. It carries the pen from one line to the next, and nothing else: a
/// sequence cut off at the end of a line does not reach into the next.
#[derive(Default)]
pub struct Safe {
    parser: vte::Parser,
    pen: Pen,
    controls: bool,
}

impl Safe {
    /// Starts with the plain pen, controls hidden.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows every control and invisible character in words (`^[`, `<9b>`, `<U+202E>`) and obeys none of them, colours
    /// included.
    #[must_use]
    pub fn showing_controls(mut self, on: bool) -> Self {
        self.controls = on;
        self
    }

    /// Goes back to the plain pen: another target follows, or a gap.
    pub fn reset(&mut self) {
        self.pen = Pen::default();
    }

    /// The pen the next line starts with.
    pub fn pen(&self) -> Pen {
        self.pen
    }

    /// One line, with or without its line end, as far as it fits into `columns`. Use [`Safe::lines`] for several: a
    /// line feed inside is dropped.
    pub fn line(&mut self, bytes: &[u8], columns: usize) -> Line {
        let (bytes, shortened) = bounded(bytes);
        let mut line = if self.controls {
            spelled_out(bytes, columns)
        } else {
            self.interpreted(trim_returns(bytes), columns)
        };
        if shortened {
            line.mark_cut();
        }
        line
    }

    /// All lines of `bytes`, which are separated by line feeds.
    pub fn lines<'a>(
        &'a mut self,
        bytes: &'a [u8],
        columns: usize,
    ) -> impl Iterator<Item = Line> + 'a {
        let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        whole
            .split(|byte| *byte == b'\n')
            .map(move |line| self.line(line, columns))
    }

    fn interpreted(&mut self, bytes: &[u8], columns: usize) -> Line {
        let mut row = Row::new(self.pen, columns);
        self.parse(&mut row, bytes);
        let (line, pen) = row.finish();
        self.pen = pen;
        line
    }

    /// Text goes straight to the row; only escape sequences go through the parser, a byte at a time since it does not
    /// say where one ends.
    fn parse(&mut self, row: &mut Row, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = if row.ground {
                let text = memchr(ESCAPE, rest).unwrap_or(rest.len());
                row.text(rest.get(..text).unwrap_or_default());
                row.ground = text == rest.len();
                text
            } else {
                let (first, _) = rest.split_at(1);
                self.parser.advance(row, first);
                1
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        if !row.ground {
            self.parser.advance(row, &[CANCEL]);
        }
    }
}

/// The text of a line as it would be shown, without its styles and in full (of [`LINE_BYTES_MAX`]).
/// Borrowed where nothing had to change.
pub fn plain(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = trim_returns(bytes.strip_suffix(b"\n").unwrap_or(bytes));
    if printable_prefix(bytes) == bytes.len()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let (bytes, _) = bounded(bytes);
    let mut row = Row::unstyled(usize::MAX);
    Safe::new().parse(&mut row, trim_returns(bytes));
    let (line, _) = row.finish();
    // All of it is one span.
    Cow::Owned(line.into_spans().pop().unwrap_or_default().text)
}

/// The same for a text of several lines, such as what a command brought: its lines stay lines.
pub fn plain_lines(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if !bytes.contains(&b'\n') {
        return plain(bytes);
    }
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(plain).collect();
    Cow::Owned(lines.join("\n"))
}

const ESCAPE: u8 = 0x1b;
const CANCEL: u8 = 0x18;

/// Control characters and the like spelled out, dim, between the text as it is.
fn spelled_out(bytes: &[u8], columns: usize) -> Line {
    let notation = Pen {
        dim: true,
        ..Pen::default()
    };
    let mut row = Row::new(Pen::default(), columns);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match spelling(character) {
                Some(words) => row.note(&words, notation),
                None => row.text(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            row.note(&format!("<{byte:02x}>"), notation);
        }
    }
    row.finish().0
}

/// How a character that is not drawn as itself is written in words.
fn spelling(character: char) -> Option<String> {
    match character {
        '\0'..='\u{1f}' => Some(format!("^{}", char::from(character as u8 + b'@'))),
        '\u{7f}' => Some("^?".to_owned()),
        _ => match Glyph::of(character) {
            Glyph::Narrow(drawn) | Glyph::Wide(drawn) | Glyph::Mark(drawn)
                if drawn == character =>
            {
                None
            }
            _ => Some(format!("<U+{:04X}>", u32::from(character))),
        },
    }
}

/// A line without its line feed, and whether it had to be shortened.
fn bounded(bytes: &[u8]) -> (&[u8], bool) {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.get(..LINE_BYTES_MAX).map_or((bytes, false), |start| {
        (start, bytes.len() > LINE_BYTES_MAX)
    })
}

/// A line without the carriage returns at its end.
fn trim_returns(bytes: &[u8]) -> &[u8] {
    let text = bytes
        .iter()
        .rposition(|byte| *byte != b'\r')
        .map_or(0, |last| last + 1);
    bytes.get(..text).unwrap_or_default()
}
