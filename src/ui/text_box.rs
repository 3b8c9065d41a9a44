//! A box with text to read, such as the long answer to a command.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

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
/// Rows a page key moves by.
const PAGE_ROWS: usize = 10;

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

    /// Takes a key.
    pub fn key(&mut self, key: Key, keys: &KeyMap) -> Outcome {
        let last = self.lines.len().saturating_sub(1);
        self.top = match (keys.action(Context::Overlay, key), key.typed()) {
            (Some(Action::CloseOverlay | Action::Accept), _) | (None, Some('q')) => {
                return Outcome::Close;
            }
            (Some(Action::Up), _) | (None, Some('k')) => self.top.saturating_sub(1),
            (Some(Action::Down), _) | (None, Some('j')) => self.top + 1,
            (Some(Action::PageUp), _) => self.top.saturating_sub(PAGE_ROWS),
            (Some(Action::PageDown), _) | (None, Some(' ')) => self.top + PAGE_ROWS,
            (Some(Action::First), _) => 0,
            (Some(Action::Last), _) => last,
            _ => return Outcome::Ignored,
        }
        .min(last);
        Outcome::Taken
    }

    /// Draws it.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let columns = COLUMNS_MAX.min(area.width.saturating_sub(2));
        let shown = |line: &String| broken(line, columns.into());
        let lines: Vec<String> = self
            .lines
            .iter()
            .skip(self.top)
            .flat_map(shown)
            .take(area.height.into())
            .collect();
        let wanted = self
            .lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0);
        let frame = Frame {
            title: &self.title,
            hint: "Esc closes",
            columns: columns.min(u16::try_from(wanted).unwrap_or(u16::MAX).max(30)),
            rows: u16::try_from(self.lines.len()).unwrap_or(u16::MAX),
        };
        let room = frame.open(area, buf, look);
        for (place, line) in (0..room.height).zip(&lines) {
            if let Some(place) = row(room, place) {
                write(line, Role::Text, place, buf, look);
            }
        }
    }
}

/// A line in pieces of at most `columns` characters, broken at blanks where there are some. Blanks inside are kept:
/// columns of tables stay columns.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut rest: Vec<char> = line.chars().collect();
    let mut pieces = Vec::new();
    while rest.len() > columns {
        let blank = rest.iter().take(columns + 1).rposition(|c| *c == ' ');
        let end = blank.filter(|at| *at > columns / 2).unwrap_or(columns);
        let tail = rest.split_off(end);
        pieces.push(rest.into_iter().collect());
        rest = tail.into_iter().skip_while(|c| *c == ' ').collect();
    }
    pieces.push(rest.into_iter().collect());
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
    }
}
