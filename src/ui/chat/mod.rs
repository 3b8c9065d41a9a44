//! The chat beside the targets: what was said and what else happened, how far it was read, and the line being typed.
//!
//! Only what the screen shows of it; the chat itself is the deck's. Lines become rows in [`rows`], and what is typed a
//! command in [`spoken`].

pub mod rows;
pub mod spoken;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::history::History;
use super::line::CommandLine;
use crate::rack::{State, TargetId};
use crate::session::Said;
use crate::session::chat::LINES as SAID_MAX;
use crate::session::people::PersonId;
use crate::transcript::Time;
use rows::{Row, Writer};

/// Events kept between what was said, of which there is as much as hosts keep: half of that.
pub const EVENTS_MAX: usize = SAID_MAX / 2;

/// Something to read in the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Somebody said it.
    Said(Said),
    /// It happened.
    Event {
        /// When.
        time: Time,
        /// To whom.
        about: About,
        /// What, in words.
        text: String,
    },
}

/// Whom an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A person: came, went, is called otherwise.
    Person,
    /// A person's line to the host: lost, or there again.
    Line(PersonId),
    /// A target, and the state it came into.
    Target(TargetId, State),
    /// A target that needs somebody.
    Alert,
}

impl Line {
    fn is_said(&self) -> bool {
        matches!(self, Self::Said(_))
    }

    /// Whether what happens to that one leaves no need for this line.
    fn is_replaced_by(&self, new: About) -> bool {
        let Self::Event { about, .. } = self else {
            return false;
        };
        match (about, new) {
            (About::Target(a, _), About::Target(b, _)) => *a == b,
            (About::Line(a), About::Line(b)) => *a == b,
            _ => false,
        }
    }

    fn time(&self) -> Time {
        match self {
            Self::Said(said) => said.time,
            Self::Event { time, .. } => *time,
        }
    }
}

/// The reader of the chat: what they are called, and since when they are here.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Their name.
    pub name: String,
    /// What was said before is nothing new to them.
    pub since: Option<Time>,
    /// Whether they see the newest line now.
    pub watches: bool,
}

/// The row at the top of a view that does not follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Top {
    line: usize,
    row: usize,
}

/// What is visible of the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its rows, at most as many as there is room for.
    pub rows: Vec<Row>,
    /// Lines below the last row.
    pub below: usize,
}

/// The chat.
#[derive(Debug, Clone)]
pub struct Chat {
    lines: VecDeque<Line>,
    /// The row at the top; none while the newest line is followed.
    top: Option<Top>,
    /// The number of the first thing said that was not read.
    mark: Option<u64>,
    unread: usize,
    mentions: usize,
    /// The number of the last thing said.
    heard: u64,
    version: u64,
    /// What is being typed.
    pub input: CommandLine,
    /// Whether it was opened or closed by hand, where there is room beside the targets.
    pub open: Option<bool>,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            top: None,
            mark: None,
            unread: 0,
            mentions: 0,
            heard: 0,
            version: 0,
            input: CommandLine::new(History::default()),
            open: None,
        }
    }
}

impl Chat {
    /// Changes whenever something to read does.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether nothing was said.
    pub fn is_silent(&self) -> bool {
        self.heard == 0
    }

    /// Things said that were not read.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// How many of them are meant for the reader.
    pub fn mentions(&self) -> usize {
        self.mentions
    }

    /// Takes something that was said. One that is known is not taken again.
    pub fn hear(&mut self, said: Said, reader: &Reader) {
        if said.id <= self.heard || !said.is_for(&reader.name) {
            return;
        }
        self.heard = said.id;
        let new = said.from != reader.name && reader.since.is_none_or(|since| said.time >= since);
        if new && !(reader.watches && self.top.is_none()) {
            if self.unread == 0 {
                self.mark = Some(said.id);
            }
            self.unread += 1;
            self.mentions += usize::from(is_meant_for(&said, &reader.name));
        }
        self.push(Line::Said(said));
    }

    /// Takes something that happened. Of each target, and of each line to the host, there is the newest between two things
    /// said.
    pub fn event(&mut self, time: Time, about: About, text: String) {
        let new = Line::Event { time, about, text };
        let after = self.lines.iter().rposition(Line::is_said);
        let since = self.lines.iter_mut().skip(after.map_or(0, |at| at + 1));
        let mut same = since.filter(|line| line.is_replaced_by(about));
        match same.next() {
            Some(line) if *line == new => {}
            Some(line) => {
                *line = new;
                self.version += 1;
            }
            None => self.push(new),
        }
    }

    /// Takes all that was said, after some of it was missed: what is new is added in its place.
    pub fn reread(&mut self, all: Vec<Said>, reader: &Reader) {
        let known = self.heard;
        let missed = all.iter().filter(|said| said.id > known).count();
        if missed == 0 {
            return;
        }
        all.into_iter().for_each(|said| self.hear(said, reader));
        // Nothing moves unless it happened after something that was missed.
        let lines = self.lines.make_contiguous();
        if !lines.is_sorted_by_key(Line::time) {
            lines.sort_by_key(Line::time);
            self.top = None;
        }
    }

    /// Forgets what belongs to a session that was left. What is typed, and typed before, stays.
    pub fn forget(&mut self) {
        *self = Self {
            input: std::mem::replace(&mut self.input, CommandLine::new(History::default())),
            open: self.open,
            version: self.version + 1,
            ..Self::default()
        };
    }

    /// The reader sees the newest line.
    pub fn read(&mut self) {
        if self.top.is_none() {
            (self.unread, self.mentions) = (0, 0);
        }
    }

    /// The reader has seen what was new: the mark goes.
    pub fn unmark(&mut self) {
        if self.unread == 0 {
            self.mark = None;
        }
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        self.top = None;
    }

    /// What is visible in so many rows.
    pub fn view(&self, writer: &Writer<'_>, height: usize) -> View {
        let top = self.top.unwrap_or_else(|| self.bottom(writer, height));
        let mut rows = Vec::new();
        let mut line = top.line;
        while rows.len() < height && line < self.lines.len() {
            let skip = if line == top.line { top.row } else { 0 };
            rows.extend(self.rows(line, writer).into_iter().skip(skip));
            line += 1;
        }
        rows.truncate(height);
        let below = self.lines.len().saturating_sub(line);
        View { rows, below }
    }

    /// Moves the view by rows, upwards if negative.
    pub fn scroll(&mut self, by: isize, writer: &Writer<'_>, height: usize) {
        let bottom = self.bottom(writer, height);
        let mut top = self.top.unwrap_or(bottom);
        for _ in 0..by.unsigned_abs() {
            top = if by < 0 {
                match top.row.checked_sub(1) {
                    Some(row) => Top { row, ..top },
                    None if top.line > 0 => self.last_row(top.line - 1, writer),
                    None => break,
                }
            } else if top.row < self.last_row(top.line, writer).row {
                Top {
                    row: top.row + 1,
                    ..top
                }
            } else {
                Top {
                    line: top.line + 1,
                    row: 0,
                }
            };
        }
        self.top = (top < bottom).then_some(top);
    }

    /// The row at the top when the last one is at the bottom.
    fn bottom(&self, writer: &Writer<'_>, height: usize) -> Top {
        let mut top = Top {
            line: self.lines.len(),
            row: 0,
        };
        let mut missing = height;
        while missing > 0 && top.line > 0 {
            let line = top.line - 1;
            let rows = self.rows(line, writer).len();
            let row = rows.saturating_sub(missing);
            top = Top { line, row };
            missing = missing.saturating_sub(rows);
        }
        top
    }

    fn last_row(&self, line: usize, writer: &Writer<'_>) -> Top {
        let row = self.rows(line, writer).len().saturating_sub(1);
        Top { line, row }
    }

    fn rows(&self, line: usize, writer: &Writer<'_>) -> Vec<Row> {
        let Some(line) = self.lines.get(line) else {
            return Vec::new();
        };
        let marked = matches!(line, Line::Said(said) if self.mark == Some(said.id));
        let mark = marked.then(|| writer.mark());
        mark.into_iter().chain(writer.rows(line)).collect()
    }

    /// Keeps a line, in the place of the oldest of its kind where there are too many.
    fn push(&mut self, line: Line) {
        let said = line.is_said();
        let most = if said { SAID_MAX } else { EVENTS_MAX };
        let is_same = |kept: &&Line| kept.is_said() == said;
        if self.lines.iter().filter(is_same).count() >= most
            && let Some(oldest) = self.lines.iter().position(|kept| is_same(&kept))
        {
            self.lines.remove(oldest);
            self.top = self.top.map(|top| match top.line.cmp(&oldest) {
                Ordering::Less => top,
                Ordering::Equal => Top { row: 0, ..top },
                Ordering::Greater => Top {
                    line: top.line - 1,
                    ..top
                },
            });
        }
        self.lines.push_back(line);
        self.version += 1;
    }
}

/// Whether somebody of that name is meant: by a private line, or by their name in it.
pub fn is_meant_for(said: &Said, name: &str) -> bool {
    if said.from == name {
        return false;
    }
    let name = name.to_lowercase();
    let belongs = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let mut words = said.text.split(|c: char| !belongs(c));
    said.to.is_some()
        || words.any(|word| {
            let word = word.to_lowercase();
            word == name || word.trim_matches(|c| "._-".contains(c)) == name
        })
}
