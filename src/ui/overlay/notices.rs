//! Notices of the console itself: kept in a bounded list, and the box that shows them.

use std::collections::VecDeque;

use jiff::Zoned;
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

/// Notices kept: a bad day's worth to read through. Everything is in the program's own log as well.
pub const NOTICES_MAX: usize = 500;

/// Longest text kept of a notice, in bytes: a few lines at 80 columns.
pub const NOTICE_BYTES_MAX: usize = 1024;

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something to watch.
    Warning,
    /// Something failed.
    Error,
}

impl Severity {
    /// The letter that says it without colour.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Info => 'i',
            Self::Warning => 'w',
            Self::Error => 'E',
        }
    }

    /// The role it is drawn in.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Info => Role::Notice,
            Self::Warning => Role::Warning,
            Self::Error => Role::Error,
        }
    }
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When it came, the last time if it came several times in a row.
    pub time: Zoned,
    /// How much it matters.
    pub severity: Severity,
    /// What it says.
    pub text: String,
    /// How often it came in a row.
    pub times: u32,
}

/// The notices that are kept, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    kept: VecDeque<Notice>,
    /// How many older ones are gone; with it, places in the list stay the same while notices come.
    gone: usize,
    unseen: usize,
}

impl Notices {
    /// Adds a notice. One that says the same as the last is counted with it.
    pub fn push(&mut self, time: Zoned, severity: Severity, text: &str) {
        let end = (0..=NOTICE_BYTES_MAX.min(text.len()))
            .rev()
            .find(|end| text.is_char_boundary(*end));
        let text = text.get(..end.unwrap_or(0)).unwrap_or_default();
        if let Some(last) = self
            .kept
            .back_mut()
            .filter(|last| last.severity == severity && last.text == text)
        {
            last.time = time;
            last.times = last.times.saturating_add(1);
            self.unseen = self.unseen.max(usize::from(severity > Severity::Info));
            return;
        }
        if self.kept.len() == NOTICES_MAX {
            self.kept.pop_front();
            self.gone += 1;
        }
        self.kept.push_back(Notice {
            time,
            severity,
            text: text.to_owned(),
            times: 1,
        });
        // What only informs was seen in the last line.
        if severity > Severity::Info {
            self.unseen = (self.unseen + 1).min(NOTICES_MAX);
        }
    }

    /// The newest notice.
    #[must_use]
    pub fn last(&self) -> Option<&Notice> {
        self.kept.back()
    }

    /// How many that ought to be read came since they were last looked at.
    #[must_use]
    pub fn unseen(&self) -> usize {
        self.unseen
    }

    /// Forgets what was unseen: somebody looks.
    pub fn seen(&mut self) {
        self.unseen = 0;
    }

    /// All that are kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.kept.iter()
    }
}

/// The box that shows the notices. It follows the newest until it is moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoticesView {
    /// The place of the chosen one, counted from the first notice there ever was; the newest if none.
    chosen: Option<usize>,
}

impl NoticesView {
    /// Takes a key.
    pub fn key(&mut self, key: Key, keys: &KeyMap, notices: &Notices) -> Outcome {
        match keys.action(Context::Overlay, key) {
            Some(Action::CloseOverlay | Action::Accept) => Outcome::Close,
            Some(action) => {
                let count = notices.kept.len();
                let mut cursor = self.cursor(notices);
                if !cursor.act(action, count) {
                    return Outcome::Ignored;
                }
                self.chosen = cursor
                    .row(count)
                    .filter(|row| row + 1 < count)
                    .map(|row| row + notices.gone);
                Outcome::Taken
            }
            None => Outcome::Ignored,
        }
    }

    /// Draws it: a line for each, and the whole text of the chosen one below.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>, notices: &Notices) {
        let count = notices.kept.len();
        let rows = u16::try_from(count.max(LIST_ROWS_MIN.into()))
            .unwrap_or(u16::MAX)
            .saturating_add(DETAIL_ROWS + 1);
        let hint = match notices.gone {
            0 => format!("{count} notices"),
            gone => format!("{count} notices, {gone} older ones dropped"),
        };
        let room = Frame {
            title: "Notices",
            hint: &hint,
            columns: COLUMNS_MAX,
            rows,
        }
        .open(area, buf, look);
        let Some(first) = row(room, 0) else { return };
        if count == 0 {
            write("none so far", Role::Dim, first, buf, look);
        }
        let detail_rows = if room.height > LIST_ROWS_MIN + DETAIL_ROWS {
            DETAIL_ROWS + 1
        } else {
            0
        };
        let list_rows = room.height - detail_rows;
        let cursor = self.cursor(notices);
        for (place, at) in (0..).zip(cursor.window(count, list_rows)) {
            let (Some(place), Some(notice)) = (row(room, place), notices.kept.get(at)) else {
                break;
            };
            write(
                &notice.line(room.width),
                notice.severity.role(),
                place,
                buf,
                look,
            );
            if cursor.row(count) == Some(at) {
                buf.set_style(place, look.style(Role::Selection));
            }
        }
        let chosen = cursor.row(count).and_then(|row| notices.kept.get(row));
        if let Some(notice) = chosen.filter(|_| detail_rows > 0) {
            let rule = Rect {
                y: room.y + list_rows,
                height: 1,
                ..room
            };
            let line = look.glyphs.horizontal.repeat(usize::from(room.width));
            write(&line, Role::Border, rule, buf, look);
            let text = wrap(&notice.text, usize::from(room.width), look.glyphs);
            for (place, line) in (list_rows + 1..).zip(text) {
                let Some(place) = row(room, place) else { break };
                write(&line, notice.severity.role(), place, buf, look);
            }
        }
    }

    fn cursor(self, notices: &Notices) -> Cursor {
        let mut cursor = Cursor::default();
        cursor.go(self
            .chosen
            .map_or(usize::MAX, |chosen| chosen.saturating_sub(notices.gone)));
        cursor
    }
}

impl Notice {
    /// Its line in the list; without seconds and date where columns are few.
    fn line(&self, columns: u16) -> String {
        let time = self.time.strftime(if columns < 40 {
            "%H:%M"
        } else {
            "%m-%d %H:%M:%S"
        });
        let times = if self.times > 1 {
            format!("({} times) ", self.times)
        } else {
            String::new()
        };
        format!("{time} {} {times}{}", self.severity.letter(), self.text)
    }
}

/// Columns that show most notices whole.
const COLUMNS_MAX: u16 = 110;

/// Rows for the whole text of the chosen notice.
const DETAIL_ROWS: u16 = 3;

/// Rows of the list that come before the whole text of one.
const LIST_ROWS_MIN: u16 = 2;
