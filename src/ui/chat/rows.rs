//! Lines of the chat as rows of a given width: when, who, and what, each said in letters as well as in colours.

use jiff::tz::TimeZone;

use super::{About, Line, is_meant_for};
use crate::session::Said;
use crate::transcript::{Time, safe};
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Role;

/// Columns from which times are shown.
const TIMES_COLUMNS_MIN: usize = 24;
/// Columns from which all of a line is indented like its first row.
const INDENT_COLUMNS_MIN: usize = 40;
/// Columns that the first row has left for the text, else it begins in the next.
const TEXT_COLUMNS_MIN: usize = 6;

/// One row: its parts, left to right.
pub type Row = Vec<(Role, String)>;

/// How lines are made into rows.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// Columns of a row.
    pub width: usize,
    /// The reader's name.
    pub me: &'a str,
    /// The reader's time zone.
    pub zone: &'a TimeZone,
    /// The signs of this terminal.
    pub glyphs: &'a Glyphs,
}

impl Writer<'_> {
    /// The rows of a line, at least one.
    pub fn rows(&self, line: &Line) -> Vec<Row> {
        match line {
            Line::Said(said) => self.said(said),
            Line::Event { time, about, text } => {
                let sign = match about {
                    About::Person | About::Line(_) => "-".to_owned(),
                    About::Target(_, state) => state.letter().to_string(),
                    About::Alert => "!".to_owned(),
                };
                let head = vec![
                    (Role::Dim, self.stamp(*time)),
                    (Role::Dim, format!("{sign} ")),
                ];
                self.fill(head, Role::Dim, text)
            }
        }
    }

    /// The row between what was read and what is new.
    pub fn mark(&self) -> Row {
        let words = " new ";
        let side = self.width.saturating_sub(words.len()) / 2;
        let line = self.glyphs.horizontal.repeat(side);
        vec![
            (Role::Dim, line.clone()),
            (Role::NewLines, words.to_owned()),
            (Role::Dim, line),
        ]
    }

    fn said(&self, said: &Said) -> Vec<Row> {
        let mine = said.from == self.me;
        let meant = is_meant_for(said, self.me);
        let (sign, sign_role) = match (mine, meant) {
            (true, _) => (">", Role::Me),
            (_, true) => ("@", Role::Alert),
            _ => (" ", Role::Text),
        };
        let name = if mine {
            Role::Me
        } else {
            Role::of_person(&said.from)
        };
        let mut head = vec![
            (Role::Dim, self.stamp(said.time)),
            (sign_role, sign.to_owned()),
        ];
        if said.action {
            head.push((Role::Dim, "* ".to_owned()));
        }
        head.push((name, clean(&said.from)));
        let to = match said.to.as_deref() {
            None => String::new(),
            Some(to) if to == self.me => " (to you)".to_owned(),
            Some(to) => format!(" (to {})", clean(to)),
        };
        let colon = if said.action { " " } else { ": " };
        head.push((Role::Dim, format!("{to}{colon}")));
        let text = if meant { Role::Match } else { Role::Text };
        self.fill(head, text, &said.text)
    }

    fn stamp(&self, time: Time) -> String {
        if self.width < TIMES_COLUMNS_MIN {
            return String::new();
        }
        let time = time.timestamp().to_zoned(self.zone.clone());
        format!("{:02}:{:02}", time.hour(), time.minute())
    }

    /// The text behind its head, wrapped at blanks, words longer than a row broken.
    fn fill(&self, head: Row, role: Role, text: &str) -> Vec<Row> {
        let indent = if self.width >= INDENT_COLUMNS_MIN {
            6
        } else {
            2
        };
        let indent = " ".repeat(indent.min(self.width / 3));
        let mut rows = fold(head, self.width);
        let mut used = rows.last().map_or(0, wide);
        let mut begun = used + TEXT_COLUMNS_MIN <= self.width;
        if !begun {
            rows.push(vec![(Role::Text, indent.clone())]);
            used = indent.len();
        }
        let text = clean(text);
        let mut piece = String::new();
        let close = |rows: &mut Vec<Row>, piece: &mut String| {
            if let Some(row) = rows.last_mut().filter(|_| !piece.is_empty()) {
                row.push((role, std::mem::take(piece)));
            }
        };
        begun = false;
        for word in text.split_whitespace() {
            let blank = usize::from(begun);
            let columns: usize = safe::clusters(word).map(|(_, columns)| columns).sum();
            let fits = used + blank + columns <= self.width;
            let whole = columns <= self.width.saturating_sub(indent.len());
            if fits || !whole {
                if begun && used < self.width {
                    piece.push(' ');
                    used += 1;
                }
            } else {
                close(&mut rows, &mut piece);
                rows.push(vec![(Role::Text, indent.clone())]);
                used = indent.len();
            }
            for (cluster, columns) in safe::clusters(word) {
                if used + columns > self.width {
                    close(&mut rows, &mut piece);
                    rows.push(vec![(Role::Text, indent.clone())]);
                    used = indent.len();
                }
                piece.push_str(cluster);
                used += columns;
            }
            begun = true;
        }
        close(&mut rows, &mut piece);
        rows
    }
}

/// A head that is wider than a row, in several rows.
fn fold(head: Row, width: usize) -> Vec<Row> {
    let (mut rows, mut used) = (vec![Row::new()], 0);
    for (role, text) in head {
        let mut piece = String::new();
        for (cluster, columns) in safe::clusters(&text) {
            if used + columns > width.max(1) {
                if let Some(row) = rows.last_mut() {
                    row.push((role, std::mem::take(&mut piece)));
                }
                rows.push(Row::new());
                used = 0;
            }
            piece.push_str(cluster);
            used += columns;
        }
        if let Some(row) = rows.last_mut().filter(|_| !piece.is_empty()) {
            row.push((role, piece));
        }
    }
    rows
}

fn wide(row: &Row) -> usize {
    let clusters = row.iter().flat_map(|(_, text)| safe::clusters(text));
    clusters.map(|(_, columns)| columns).sum()
}

/// Text as it can be shown, whoever sent it.
pub fn clean(text: &str) -> String {
    safe::plain(text.as_bytes()).into_owned()
}
