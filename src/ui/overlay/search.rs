//! The search prompt: one line at the bottom of a pane, with what is wrong with the pattern beside it.
//!
//! It only holds the text; what is searched and found is told to it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::Outcome;
use super::frame::write;
use crate::ui::action::{Action, Context};
use crate::ui::entry::Entry;
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::theme::Role;

/// Columns the pattern keeps, whatever there is to be said about it.
const PATTERN_COLUMNS_MIN: u16 = 12;

/// A pattern being typed, and what is known about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    prompt: String,
    entry: Entry,
    remark: Option<Remark>,
}

/// What is said about a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// It was found, or how often, or where.
    Found(String),
    /// It cannot be searched for, and why; or it was not found.
    Wrong(String),
}

impl Search {
    /// A prompt such as `search` that starts with `text`.
    #[must_use]
    pub fn new(prompt: &str, text: &str) -> Self {
        Self {
            prompt: format!("{prompt}: "),
            entry: Entry::new(text),
            remark: None,
        }
    }

    /// The pattern typed so far.
    #[must_use]
    pub fn text(&self) -> String {
        self.entry.text()
    }

    /// Says something about the pattern, until it changes.
    pub fn remark(&mut self, remark: Remark) {
        self.remark = Some(remark);
    }

    /// Takes a key. After [`Outcome::Taken`] the pattern may have changed; [`Outcome::Accept`] keeps it.
    pub fn key(&mut self, key: Key, keys: &KeyMap) -> Outcome {
        match keys.action(Context::Overlay, key) {
            Some(Action::CloseOverlay) => Outcome::Close,
            Some(Action::Accept) => Outcome::Accept,
            _ if self.entry.key(key) => {
                self.remark = None;
                Outcome::Taken
            }
            _ => Outcome::Ignored,
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        self.entry.insert(text);
        self.remark = None;
    }

    /// Draws it in one row. Returns where the terminal's cursor belongs.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Option<Position> {
        let area = Rect {
            height: area.height.min(1),
            ..area
        }
        .intersection(buf.area);
        if area.is_empty() {
            return None;
        }
        buf.set_style(area, look.style(Role::Text));
        write(
            &" ".repeat(usize::from(area.width)),
            Role::Text,
            area,
            buf,
            look,
        );
        // Few columns are for the pattern and its remark; the word before it is the first to go.
        let prompt = if area.width < 40 { "/" } else { &self.prompt };
        write(prompt, Role::Prompt, area, buf, look);
        let used = u16::try_from(prompt.width())
            .unwrap_or(u16::MAX)
            .min(area.width);
        let rest = Rect {
            x: area.x + used,
            width: area.width - used,
            ..area
        };
        let (remark, role) = match &self.remark {
            Some(Remark::Found(text)) => (text.as_str(), Role::Dim),
            Some(Remark::Wrong(text)) => (text.as_str(), Role::Error),
            None => ("", Role::Dim),
        };
        let remark = look.fit(
            remark,
            rest.width
                .saturating_sub(PATTERN_COLUMNS_MIN.min(rest.width / 2) + 1),
        );
        let remark_columns = u16::try_from(remark.width()).unwrap_or(rest.width);
        let gap = u16::from(remark_columns > 0);
        let (text, cursor) = self
            .entry
            .view(rest.width - remark_columns - gap, look.glyphs);
        write(&text, Role::CommandLine, rest, buf, look);
        let place = Rect {
            x: rest.right() - remark_columns,
            width: remark_columns,
            ..rest
        };
        write(&remark, role, place, buf, look);
        Some(Position {
            x: (rest.x + cursor).min(area.right() - 1),
            y: area.y,
        })
    }
}
