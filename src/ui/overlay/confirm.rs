//! A question with Yes and No, and No chosen: what would happen is listed before it does.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::Outcome;
use super::cursor::Cursor;
use super::frame::{Frame, row, write};
use crate::ui::action::{Action, Context};
use crate::ui::fit::{columns, wrap};
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::theme::Role;

/// Columns that a sentence is still read at ease in.
const COLUMNS_MAX: u16 = 64;

/// Columns of the narrowest box it is meant to be read in.
const COLUMNS_MIN: usize = 16;

/// A question. What a yes leads to is remembered by who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    title: String,
    lines: Vec<String>,
    yes: String,
    yes_chosen: bool,
    cursor: Cursor,
}

impl Confirm {
    /// Asks `title`, lists what will happen, and calls the yes by what it does (`Yes, send`).
    #[must_use]
    pub fn new(title: &str, lines: Vec<String>, yes: &str) -> Self {
        Self {
            title: title.to_owned(),
            lines,
            yes: yes.to_owned(),
            yes_chosen: false,
            cursor: Cursor::default(),
        }
    }

    /// Takes a key: [`Outcome::Accept`] is a yes, [`Outcome::Close`] a no.
    pub fn key(&mut self, key: Key, keys: &KeyMap) -> Outcome {
        match (keys.action(Context::Overlay, key), key.typed()) {
            (Some(Action::CloseOverlay), _) | (None, Some('n' | 'N')) => Outcome::Close,
            (None, Some('y' | 'Y')) => Outcome::Accept,
            (Some(Action::Accept), _) => {
                if self.yes_chosen {
                    Outcome::Accept
                } else {
                    Outcome::Close
                }
            }
            (Some(Action::Left | Action::Right), _) => {
                self.yes_chosen = !self.yes_chosen;
                Outcome::Taken
            }
            (Some(action), _) if self.cursor.act(action, self.rows_max()) => Outcome::Taken,
            (None, _) if key == Key::new(KeyCode::Tab, KeyModifiers::NONE) => {
                self.yes_chosen = !self.yes_chosen;
                Outcome::Taken
            }
            _ => Outcome::Ignored,
        }
    }

    /// Draws it. Returns where the terminal's cursor belongs: on the chosen answer.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Option<Position> {
        let inner = usize::from(COLUMNS_MAX.min(area.width.saturating_sub(2)));
        let wrapped: Vec<String> = self
            .lines
            .iter()
            .flat_map(|line| wrap(line, inner, look.glyphs))
            .collect();
        let rows = u16::try_from(wrapped.len() + 2).unwrap_or(u16::MAX);
        let room = Frame {
            title: &self.title,
            hint: "y or n",
            columns: COLUMNS_MAX,
            rows,
        }
        .open(area, buf, look);
        // The answers and, if there is room, an empty row before them.
        let text_rows = room
            .height
            .saturating_sub(if room.height > 3 { 2 } else { 1 });
        let hidden = wrapped.len().saturating_sub(text_rows.into());
        let top = self.cursor.row(self.rows_max()).unwrap_or(0).min(hidden);
        for (place, line) in (0..text_rows).zip(wrapped.iter().skip(top)) {
            write(line, Role::Text, row(room, place)?, buf, look);
        }
        if let Some(last) = text_rows
            .checked_sub(1)
            .filter(|_| top < hidden)
            .and_then(|last| row(room, last))
        {
            let more = format!(" {} {} more", look.glyphs.down, hidden - top);
            let width = u16::try_from(columns(&more, look.glyphs))
                .unwrap_or(u16::MAX)
                .min(last.width);
            write(
                &more,
                Role::NewLines,
                Rect {
                    x: last.right() - width,
                    width,
                    ..last
                },
                buf,
                look,
            );
        }
        Some(self.draw_answers(row(room, room.height.checked_sub(1)?)?, buf, look))
    }

    /// At least as many rows as the lines take in the narrowest box, since a key is taken without knowing the screen.
    fn rows_max(&self) -> usize {
        self.lines
            .iter()
            .map(|line| 1 + line.width() / COLUMNS_MIN)
            .sum()
    }

    fn answers(&self) -> [String; 2] {
        ["[ No ]".to_owned(), format!("[ {} ]", self.yes)]
    }

    fn draw_answers(&self, place: Rect, buf: &mut Buffer, look: Look<'_>) -> Position {
        let mut x = place.x;
        let mut cursor = Position { x, y: place.y };
        for (answer, chosen) in self
            .answers()
            .iter()
            .zip([!self.yes_chosen, self.yes_chosen])
        {
            let rest = Rect {
                x,
                width: place.right().saturating_sub(x),
                ..place
            };
            write(
                answer,
                if chosen { Role::Selection } else { Role::Text },
                rest,
                buf,
                look,
            );
            if chosen {
                cursor.x = (x + 2).min(place.right().saturating_sub(1));
            }
            let width = u16::try_from(columns(answer, look.glyphs)).unwrap_or(u16::MAX);
            x = x.saturating_add(width).saturating_add(1).min(place.right());
        }
        cursor
    }
}
