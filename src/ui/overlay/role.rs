//! The role switcher: what this console is, and what else it could be.
//!
//! This version is always a host. Server and client are shown with the reason why they cannot be chosen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use super::cursor::Cursor;
use super::frame::{Frame, row, write};
use crate::ui::action::{Action, Context};
use crate::ui::fit::wrap;
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::theme::Role;

const ROWS: [Choice; 3] = [
    Choice {
        name: "host",
        now: true,
        brief: "nobody else can join",
        detail: "This console holds the targets. Nobody else can join.",
    },
    Choice {
        name: "server",
        now: false,
        brief: "not available in this version",
        detail: "Not available in this version: others would join this rack.",
    },
    Choice {
        name: "client",
        now: false,
        brief: "not available in this version",
        detail: "Not available in this version: this console would join somebody else's session. A console is never client \
                 and server at once.",
    },
];

/// Rows that hold the three roles, an empty row and the first row of what is said about the chosen one. Where there are
/// fewer, the roles are shown one at a time.
const ROWS_WHOLE: u16 = 5;

#[derive(Debug)]
struct Choice {
    name: &'static str,
    now: bool,
    brief: &'static str,
    detail: &'static str,
}

/// The role switcher's state: the role that is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoleSwitcher {
    cursor: Cursor,
}

impl RoleSwitcher {
    /// Takes a key. Choosing the role in force closes the box; the others cannot be chosen.
    pub fn key(&mut self, key: Key, keys: &KeyMap) -> Outcome {
        match keys.action(Context::Overlay, key) {
            Some(Action::CloseOverlay) => Outcome::Close,
            Some(Action::Accept) if self.choice().now => Outcome::Close,
            Some(Action::Accept) => Outcome::Taken,
            Some(action) if self.cursor.act(action, ROWS.len()) => Outcome::Taken,
            _ => Outcome::Ignored,
        }
    }

    /// Draws it.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let hint = "Up and Down look, Esc closes";
        let room = Frame {
            title: "Role",
            hint,
            columns: 56,
            rows: 7,
        }
        .open(area, buf, look);
        let whole = room.height >= ROWS_WHOLE;
        let shown = if whole {
            0..ROWS.len()
        } else {
            self.cursor.window(ROWS.len(), 1)
        };
        let first_of_detail = if whole { 4 } else { 1 };
        for (place, (number, choice)) in
            (0..).zip((1..).zip(&ROWS).skip(shown.start).take(shown.len()))
        {
            let Some(place) = row(room, place) else {
                return;
            };
            let sign = if choice.now { "(*)" } else { "( )" };
            let text = if whole {
                format!("{sign} {:<6}  {}", choice.name, choice.brief)
            } else {
                format!("{sign} {:<6}  {number}/{}", choice.name, ROWS.len())
            };
            write(
                &text,
                if choice.now { Role::Text } else { Role::Dim },
                place,
                buf,
                look,
            );
            if choice.name == self.choice().name {
                buf.set_style(place, look.style(Role::Selection));
            }
        }
        for (place, line) in (first_of_detail..).zip(wrap(
            self.choice().detail,
            usize::from(room.width),
            look.glyphs,
        )) {
            let Some(place) = row(room, place) else {
                return;
            };
            write(&line, Role::Text, place, buf, look);
        }
    }

    fn choice(&self) -> &'static Choice {
        self.cursor
            .row(ROWS.len())
            .and_then(|row| ROWS.get(row))
            .expect("the cursor stays in the list")
    }
}
