//! A box with text to read, such as the long answer to a command.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::action::{Action, Context};
use super::keys::{Key, KeyMap};
use super::look::Look;
use super::overlay::Outcome;
use super::overlay::frame::{Frame, row, write};
use super::theme::Role;

/// Lines kept of one text; answers are bounded elsewhere, this bounds what is wrapped for each frame.
const LINES_MAX: usize = 5_000;
/// Columns that a text is still read at ease in.
const COLUMNS_MAX: u16 = 120;
/// Columns that the words in the frame take.
const COLUMNS_MIN: usize = 30;

/// A text and where it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextBox {
    title: String,
    lines: Vec<String>,
    top: usize,
}

impl TextBox {
    /// A text with its title.
    pub fn new(title: &str, text: &str) -> Self {
        let lines = text.lines().take(LINES_MAX).map(str::to_owned).collect();
        Self {
            title: title.to_owned(),
            lines,
            top: 0,
        }
    }

    /// Takes a key, on a screen of that size.
    pub fn key(&mut self, key: Key, keys: &KeyMap, screen: Size) -> Outcome {
        let room = Room::of(screen);
        let last = self.last_top(room);
        let page = room.rows.saturating_sub(1).max(1);
        self.top = match (keys.action(Context::Overlay, key), key.typed()) {
            (Some(Action::CloseOverlay | Action::Accept), _) | (None, Some('q')) => {
                return Outcome::Close;
            }
            (Some(Action::Up), _) | (None, Some('k')) => self.top.saturating_sub(1),
            (Some(Action::Down), _) | (None, Some('j')) => self.top + 1,
            (Some(Action::PageUp), _) => self.top.saturating_sub(page),
            (Some(Action::PageDown), _) | (None, Some(' ')) => self.top + page,
            (Some(Action::First), _) => 0,
            (Some(Action::Last), _) => last,
            _ => return Outcome::Ignored,
        }
        .min(last);
        Outcome::Taken
    }

    /// The line at the top when the last one is at the bottom.
    fn last_top(&self, room: Room) -> usize {
        let mut rows = 0;
        let fit = self.lines.iter().rev().take_while(|line| {
            rows += broken(line, room.columns).len();
            rows <= room.rows
        });
        self.lines.len() - fit.count().max(1).min(self.lines.len())
    }

    /// Draws it.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let room = Room::of(area.as_size());
        let rows = |top: usize| {
            let lines = self.lines.iter().enumerate().skip(top);
            lines.flat_map(|(place, line)| {
                let rows = broken(line, room.columns).into_iter();
                rows.map(move |row| (place, row))
            })
        };
        // The box keeps its size while the text moves.
        let height = rows(0).take(room.rows).count();
        let top = self.top.min(self.last_top(room));
        let visible: Vec<_> = rows(top).take(height).collect();
        let wanted = self
            .lines
            .iter()
            .map(|line| line.width())
            .max()
            .unwrap_or(0);
        let bottom = visible.last().map_or(0, |(place, _)| place + 1);
        let hint = if top > 0 || bottom < self.lines.len() {
            format!(
                "{} to {bottom} of {}, Esc closes",
                top + 1,
                self.lines.len()
            )
        } else {
            "Esc closes".to_owned()
        };
        let frame = Frame {
            title: &self.title,
            hint: &hint,
            columns: u16::try_from(wanted.clamp(COLUMNS_MIN, room.columns.max(COLUMNS_MIN)))
                .unwrap_or(u16::MAX),
            rows: u16::try_from(height).unwrap_or(u16::MAX),
        };
        let inside = frame.open(area, buf, look);
        for (place, (_, line)) in (0..inside.height).zip(&visible) {
            if let Some(place) = row(inside, place) {
                write(line, Role::Text, place, buf, look);
            }
        }
    }
}

/// What a box has inside, on a screen of some size.
#[derive(Debug, Clone, Copy)]
struct Room {
    columns: usize,
    rows: usize,
}

impl Room {
    fn of(screen: Size) -> Self {
        Self {
            columns: COLUMNS_MAX.min(screen.width.saturating_sub(2)).into(),
            rows: screen.height.saturating_sub(2).into(),
        }
    }
}

/// A line in pieces of at most `columns` columns, broken at blanks where there are some. Blanks inside are kept:
/// columns of tables stay columns.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let (mut pieces, mut rest) = (Vec::new(), line);
    while rest.width() > columns {
        // As many characters as there is room for, one at least.
        let mut used = 0;
        let full = rest
            .char_indices()
            .find(|(at, c)| {
                used += c.width().unwrap_or(0);
                *at > 0 && used > columns
            })
            .map_or(rest.len(), |(at, _)| at);
        let blank = rest
            .char_indices()
            .take_while(|(at, _)| *at <= full)
            .filter(|(_, c)| *c == ' ')
            .last();
        let end = blank.map_or(full, |(at, _)| if at > full / 2 { at } else { full });
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece.to_owned());
        rest = tail.trim_start_matches(' ');
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_break_at_blanks_and_tables_keep_their_columns() {
        assert_eq!(broken("a    b", 6), ["a    b"]);
        assert_eq!(broken("name    some words", 13), ["name    some", "words"]);
        assert_eq!(broken("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(broken("", 3), [""]);
        assert_eq!(broken("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(broken("漢字", 1), ["漢", "字"]);
    }

    #[test]
    fn a_long_text_says_where_one_is_and_ends_with_a_full_page() {
        let text = (1..=50).map(|n| format!("line {n} {}", "x".repeat(n)));
        let mut text = TextBox::new("Answer", &text.collect::<Vec<_>>().join("\n"));
        let (area, keys) = (Rect::new(0, 0, 40, 12), KeyMap::default());
        let look = crate::ui::look::Look {
            theme: &crate::ui::theme::Theme::load("default", None, crate::ui::theme::Depth::Mono)
                .unwrap(),
            glyphs: &crate::ui::glyphs::ASCII,
        };
        let mut after = |name: &str| {
            let key = name.parse().unwrap();
            assert_ne!(text.key(key, &keys, area.as_size()), Outcome::Ignored);
            let mut buf = Buffer::empty(area);
            text.draw(area, &mut buf, look);
            let rows = buf.content.chunks(40);
            rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>())
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert!(after("home").contains("1 to 10 of 50"));
        assert!(after("pagedown").contains("10 to 19 of 50"));
        let end = after("end");
        // The last lines are wrapped: two rows each.
        assert!(end.contains("46 to 50 of 50"), "{end}");
        assert_eq!(after("pagedown"), end);
    }
}
