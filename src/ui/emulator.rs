//! The screen of a target in raw mode: a terminal inside a pane, from which nothing escapes.
//!
//! The `vt100` crate keeps the grid. In front of it stands a filter with a parser of its own: it passes on what draws,
//! moves and erases, with counts no larger than the screen and characters of certain width only, and drops all else.
//! So titles, the clipboard, mouse modes and queries reach neither the grid nor the terminal outside. Three queries are
//! answered, for programs that wait for it, see [`Emulator::replies`].
//!
//! Sequences: ECMA-48 and the xterm control sequence list. Keys are encoded in [`encode`].

pub mod encode;
mod filter;
#[cfg(test)]
mod tests;

use std::num::NonZeroU16;

use memchr::memchr;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

pub use encode::{encode_key, encode_paste};
use filter::Filter;

use super::pen;
use crate::transcript::safe::glyph::{Glyph, REPLACEMENT};
use crate::transcript::safe::{Colour, MARKS_MAX, Pen};

/// Widest screen kept. Columns; more than the widest displays show, and a bound on memory (32 bytes a cell, twice).
pub const COLUMNS_MAX: u16 = 1_000;

/// Tallest screen kept. Rows.
pub const ROWS_MAX: u16 = 500;

/// Answers kept until somebody takes them. Bytes; a target that asks more without waiting gets no more.
pub const REPLIES_BYTES_MAX: usize = 1_024;

/// A target's screen.
pub struct Emulator {
    parser: vte::Parser,
    filter: Filter,
    command: Command,
    /// The start of a character whose rest has not come yet. Kept from the parser, which loses text that follows a
    /// character it had to wait for.
    partial: Vec<u8>,
}

/// How far the bytes are in an operating system command (`ESC ]`). Its text is kept from the parser, which would
/// store it without limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Outside,
    /// After an escape character.
    Escaped,
    Inside,
}

impl Emulator {
    /// An empty screen. Sizes beyond [`COLUMNS_MAX`] and [`ROWS_MAX`], or below one, are brought within.
    pub fn new(columns: u16, rows: u16) -> Self {
        let (columns, rows) = bounded(columns, rows);
        Self {
            parser: vte::Parser::new(),
            filter: Filter::new(vt100::Parser::new(rows, columns, 0)),
            command: Command::Outside,
            partial: Vec::new(),
        }
    }

    /// Draws what the target sent. Sequences may be cut anywhere between calls. A few bytes can ask for a whole screen
    /// to be erased, so the cost is bounded by bytes times cells: a caller that must stay responsive gives some
    /// kilobytes at a time.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = self.complete(bytes);
        while let Some(&first) = rest.first() {
            let taken = match self.command {
                Command::Outside => {
                    let end = memchr(ESCAPE, rest).map_or(rest.len(), |at| {
                        self.command = Command::Escaped;
                        at + 1
                    });
                    self.text(&rest[..end]);
                    end
                }
                Command::Escaped => {
                    self.command = match first {
                        b']' => Command::Inside,
                        // The parser acts on controls inside a sequence, or skips them, and waits on.
                        0x18 | 0x1a | b' '..=b'~' => Command::Outside,
                        _ => Command::Escaped,
                    };
                    self.parser.advance(&mut self.filter, &[first]);
                    1
                }
                Command::Inside => {
                    let ends = |byte: &u8| matches!(*byte, BELL | 0x18 | 0x1a | ESCAPE);
                    rest.iter().position(ends).map_or(rest.len(), |end| {
                        self.command = Command::Outside;
                        end
                    })
                }
            };
            rest = &rest[taken..];
        }
        self.filter.flush();
    }

    /// Gives the parser bytes outside commands, flaws replaced. A character unfinished at the end is held back.
    fn text(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.parser
                .advance(&mut self.filter, chunk.valid().as_bytes());
            let flaw = chunk.invalid();
            let waits =
                || std::str::from_utf8(flaw).is_err_and(|error| error.error_len().is_none());
            if chunks.peek().is_none() && waits() {
                self.partial.extend_from_slice(flaw);
            } else if !flaw.is_empty() {
                self.replace();
            }
        }
    }

    fn replace(&mut self) {
        self.parser.advance(
            &mut self.filter,
            REPLACEMENT.encode_utf8(&mut [0; 4]).as_bytes(),
        );
    }

    /// Finishes the character that the last bytes left unfinished, and returns what follows it.
    fn complete<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while !self.partial.is_empty()
            && let Some((first, later)) = rest.split_first()
        {
            self.partial.push(*first);
            let whole = match std::str::from_utf8(&self.partial) {
                Ok(_) => std::mem::take(&mut self.partial),
                Err(error) if error.error_len().is_none() => Vec::new(),
                Err(_) => {
                    // The byte begins something else. What it cut off is one flaw.
                    self.partial.clear();
                    self.replace();
                    return rest;
                }
            };
            self.parser.advance(&mut self.filter, &whole);
            rest = later;
        }
        rest
    }

    /// Changes the size, within the same bounds as [`Emulator::new`].
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let (columns, rows) = bounded(columns, rows);
        self.filter.screen.set_size(rows, columns);
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        let (rows, columns) = self.screen().size();
        (columns.get(), rows.get())
    }

    /// Where the cursor is, from the top left corner at (0, 0); `None` while the target hides it.
    pub fn cursor(&self) -> Option<Position> {
        let (row, column) = self.screen().cursor_position();
        let (columns, _) = self.size();
        (!self.screen().hide_cursor()).then(|| Position::new(column.min(columns - 1), row))
    }

    /// Whether the target asked for application cursor keys, for [`encode_key`].
    pub fn application_cursor(&self) -> bool {
        self.screen().application_cursor()
    }

    /// Whether the target asked for pastes to be bracketed, for [`encode_paste`].
    pub fn bracketed_paste(&self) -> bool {
        self.screen().bracketed_paste()
    }

    /// Takes the answers to what the target has asked since the last call: where the cursor is, what terminal this is,
    /// whether it works. Send them only for a pane somebody types into; take and drop them otherwise, or a stale answer
    /// is typed into a shell later.
    pub fn replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.filter.replies)
    }

    fn screen(&self) -> &vt100::Screen {
        self.filter.screen.screen()
    }
}

impl Widget for &Emulator {
    /// Draws the top left part of the screen that fits; what the screen does not fill is blank.
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        for (row, y) in (area.top()..area.bottom()).enumerate() {
            let mut columns = (area.left()..area.right()).enumerate().peekable();
            while let Some((column, x)) = columns.next() {
                let Some(target) = buffer.cell_mut((x, y)) else {
                    continue;
                };
                target.reset();
                let cell = u16::try_from(row).ok().zip(u16::try_from(column).ok());
                let Some(cell) = cell.and_then(|(row, column)| self.screen().cell(row, column))
                else {
                    continue;
                };
                let style = pen::style(pen_of(cell));
                target.set_style(style);
                let wide = draw(cell, columns.peek().is_some(), target);
                if wide
                    && let Some((_, x)) = columns.next()
                    && let Some(target) = buffer.cell_mut((x, y))
                {
                    target.reset();
                    target.set_style(style);
                }
            }
        }
    }
}

/// Draws the text of a cell, by the same rules as lines of history. Returns whether it takes the next column too.
fn draw(cell: &vt100::Cell, room: bool, target: &mut ratatui::buffer::Cell) -> bool {
    let mut characters = cell.contents().chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let (base, wide) = match Glyph::of(first) {
        Glyph::Narrow(base) => (base, false),
        Glyph::Wide(base) if cell.is_wide() && room => (base, true),
        Glyph::Wide(_) | Glyph::Mark(_) | Glyph::Nothing => return false,
    };
    let mut symbol = String::from(base);
    let marks = characters.filter_map(|next| match Glyph::of(next) {
        Glyph::Mark(mark) => Some(mark),
        _ => None,
    });
    symbol.extend(marks.take(MARKS_MAX));
    target.set_symbol(&symbol);
    wide
}

fn pen_of(cell: &vt100::Cell) -> Pen {
    Pen {
        fg: colour(cell.fgcolor()),
        bg: colour(cell.bgcolor()),
        bold: cell.bold(),
        dim: cell.dim(),
        italic: cell.italic(),
        underline: cell.underline(),
        reverse: cell.inverse(),
        strike: false,
    }
}

fn colour(colour: vt100::Color) -> Colour {
    match colour {
        vt100::Color::Default => Colour::Default,
        vt100::Color::Idx(index) => Colour::Indexed(index),
        vt100::Color::Rgb(red, green, blue) => Colour::Rgb(red, green, blue),
    }
}

fn bounded(columns: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    let within = |size: u16, most| NonZeroU16::new(size.min(most)).unwrap_or(NonZeroU16::MIN);
    (within(columns, COLUMNS_MAX), within(rows, ROWS_MAX))
}

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
