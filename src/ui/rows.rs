//! The history of a target as the rows of a pane: wrapped, stamped, and found again by position.
//!
//! A [`Place`] is an entry and a row within it, so a view that was scrolled back stays where it is while output arrives.
//! Only the entries that a pane shows, or that scrolling passes, are looked at. Each entry starts with the plain pen: the
//! same line looks the same wherever the view begins.

use jiff::tz::TimeZone;

use crate::transcript::safe::{Line, Safe};
use crate::transcript::search::Pattern;
use crate::transcript::{Ending, Entry, Kind, Ring, Seq};

/// Columns of `14:02:28 `.
pub const STAMP_COLUMNS: usize = 9;
/// Columns below which times give way to the text.
const TEXT_COLUMNS_MIN: usize = 20;
/// Columns of a name in front of a command; longer ones are cut.
const WHO_COLUMNS_MAX: usize = 16;

/// A row of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The entry.
    pub seq: Seq,
    /// Its row, from 0.
    pub row: usize,
}

/// One row to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands in the history.
    pub place: Place,
    /// What the entry is.
    pub kind: Kind,
    /// The time of day, or blanks below the entry's first row; empty if times are hidden.
    pub stamp: String,
    /// What tells commands, replies and notices from output without colour: `kim> `, `= `, `-- `.
    pub prefix: String,
    /// The text.
    pub line: Line,
    /// The line was folded or lost here and does not end.
    pub unfinished: bool,
}

/// How entries are made into rows.
#[derive(Debug, Clone)]
pub struct Format<'a> {
    /// Columns of a row.
    pub width: usize,
    /// Whether to show when a line came.
    pub times: bool,
    /// Where people here think it is now.
    pub zone: &'a TimeZone,
    /// Whether long lines go on in the next row, or are cut.
    pub wrap: bool,
    /// Whether control characters are spelled out.
    pub controls: bool,
    /// What to light up.
    pub pattern: Option<&'a Pattern>,
    /// The entry whose matches are lit up most.
    pub current: Option<Seq>,
}

impl Format<'_> {
    fn stamps(&self) -> bool {
        self.times && self.width >= STAMP_COLUMNS + TEXT_COLUMNS_MIN
    }

    /// The rows of one entry, at least one.
    pub fn rows(&self, entry: &Entry<'_>) -> Vec<Row> {
        let stamp = if self.stamps() {
            let time = entry.time.timestamp().to_zoned(self.zone.clone()).time();
            format!(
                "{:02}:{:02}:{:02} ",
                time.hour(),
                time.minute(),
                time.second()
            )
        } else {
            String::new()
        };
        let prefix = prefix(entry);
        let width = self
            .width
            .saturating_sub(stamp.len() + prefix.chars().count())
            .max(1);
        let mut rows: Vec<Row> = Vec::new();
        for line in self.lines(entry, width) {
            let first = rows.is_empty();
            let blank = |text: &str| {
                if first {
                    text.to_owned()
                } else {
                    " ".repeat(text.chars().count())
                }
            };
            // Every line of a reply is marked as one; only a name is not repeated.
            let prefix = if entry.kind == Kind::Command {
                blank(&prefix)
            } else {
                prefix.clone()
            };
            let place = Place {
                seq: entry.seq,
                row: rows.len(),
            };
            rows.push(Row {
                place,
                kind: entry.kind,
                stamp: blank(&stamp),
                prefix,
                line,
                unfinished: false,
            });
        }
        if let Some(last) = rows.last_mut() {
            last.unfinished = matches!(entry.ending, Ending::Folded | Ending::Lost);
        }
        rows
    }

    fn lines(&self, entry: &Entry<'_>, width: usize) -> Vec<Line> {
        let mut safe = Safe::new().showing_controls(self.controls);
        let columns = if self.wrap { usize::MAX } else { width };
        let mut lines = Vec::new();
        let shaped = if entry.kind == Kind::Output {
            vec![safe.line(entry.bytes, columns)]
        } else {
            safe.lines(entry.bytes, columns).collect()
        };
        for mut line in shaped {
            self.light_up(entry, &mut line);
            if self.wrap {
                lines.extend(line.wrap(width));
            } else {
                lines.push(line);
            }
        }
        lines
    }

    fn light_up(&self, entry: &Entry<'_>, line: &mut Line) {
        let Some(pattern) = self.pattern.filter(|_| !self.controls) else {
            return;
        };
        let current = self.current == Some(entry.seq);
        for found in pattern.matches_in_text(&line.text()) {
            line.restyle(found.columns, |pen| {
                pen.reverse = !pen.reverse;
                pen.underline = true;
                pen.bold |= current;
            });
        }
    }

    /// The last `height` rows.
    pub fn tail(&self, ring: &Ring, height: usize) -> Vec<Row> {
        self.rows_up(ring, ring.next(), height)
    }

    /// The last `height` rows of the entries before `end`, in order.
    fn rows_up(&self, ring: &Ring, end: Seq, height: usize) -> Vec<Row> {
        let mut upwards: Vec<Row> = Vec::new();
        let mut seq = end;
        while upwards.len() < height && seq > ring.first() {
            seq -= 1;
            let Some(entry) = ring.entry(seq) else { break };
            upwards.extend(self.rows(&entry).into_iter().rev());
        }
        upwards.truncate(height);
        upwards.reverse();
        upwards
    }

    /// `height` rows from `top` on, or from the oldest that is left.
    pub fn window(&self, ring: &Ring, top: Place, height: usize) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for entry in ring.entries(top.seq) {
            let mut entry_rows = self.rows(&entry);
            if entry.seq == top.seq {
                // The entry may have fewer rows than before, in a wider pane.
                entry_rows.drain(..top.row.min(entry_rows.len() - 1));
            }
            rows.extend(entry_rows);
            if rows.len() >= height {
                break;
            }
        }
        rows.truncate(height);
        rows
    }

    /// The top of a view whose last rows are the newest.
    pub fn bottom(&self, ring: &Ring, height: usize) -> Place {
        self.tail(ring, height)
            .first()
            .map(|row| row.place)
            .unwrap_or(Place {
                seq: ring.first(),
                row: 0,
            })
    }

    /// The place `by` rows above `from`, or the oldest.
    pub fn above(&self, ring: &Ring, from: Place, by: usize) -> Place {
        if by <= from.row {
            return Place {
                row: from.row - by,
                ..from
            };
        }
        let rows = self.rows_up(ring, from.seq, by - from.row);
        rows.first().map_or(
            Place {
                seq: ring.first(),
                row: 0,
            },
            |row| row.place,
        )
    }

    /// The place `by` rows below `from`; `None` if a view of `height` rows from there would reach the end.
    pub fn below(&self, ring: &Ring, from: Place, by: usize, height: usize) -> Option<Place> {
        let rows = self.window(ring, from, by.saturating_add(height).saturating_add(1));
        (rows.len() > by + height)
            .then(|| rows.get(by).map(|row| row.place))
            .flatten()
    }
}

fn prefix(entry: &Entry<'_>) -> String {
    match entry.kind {
        Kind::Output => String::new(),
        Kind::Command => {
            let who = entry
                .who
                .map(|who| crate::transcript::safe::plain(who.as_bytes()).into_owned());
            let who: String = who
                .as_deref()
                .unwrap_or("somebody")
                .chars()
                .filter(char::is_ascii_graphic)
                .collect();
            format!("{}> ", who.get(..WHO_COLUMNS_MAX).unwrap_or(&who))
        }
        Kind::Reply => "= ".to_owned(),
        Kind::Notice => "-- ".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Limits, Time};

    fn ring(lines: &str) -> Ring {
        let mut ring = Ring::new(Limits::default());
        ring.output(Time(0), lines.as_bytes());
        ring
    }

    fn format(width: usize) -> Format<'static> {
        static ZONE: TimeZone = TimeZone::UTC;
        Format {
            width,
            times: false,
            zone: &ZONE,
            wrap: true,
            controls: false,
            pattern: None,
            current: None,
        }
    }

    fn texts(rows: &[Row]) -> Vec<String> {
        rows.iter()
            .map(|row| format!("{}{}{}", row.stamp, row.prefix, row.line.text()))
            .collect()
    }

    #[test]
    fn the_tail_ends_with_the_newest_row() {
        let ring = ring("one\ntwo\nabcdefgh\nprompt$ ");
        assert_eq!(
            texts(&format(5).tail(&ring, 4)),
            ["abcde", "fgh", "promp", "t$ "]
        );
        assert_eq!(texts(&format(80).tail(&ring, 9)).len(), 4);
        assert_eq!(format(5).tail(&Ring::new(Limits::default()), 3), []);
    }

    #[test]
    fn a_view_moves_by_rows_within_and_across_lines() {
        let ring = ring("one\nabcdefgh\ntwo\nthree\nfour\n");
        let format = format(4);
        let top = Place { seq: 2, row: 1 };
        assert_eq!(texts(&format.window(&ring, top, 2)), ["efgh", "two"]);
        assert_eq!(format.above(&ring, top, 1), Place { seq: 2, row: 0 });
        assert_eq!(format.above(&ring, top, 2), Place { seq: 1, row: 0 });
        assert_eq!(format.above(&ring, top, 9), Place { seq: 1, row: 0 });
        assert_eq!(
            format.below(&ring, top, 1, 2),
            Some(Place { seq: 3, row: 0 })
        );
        assert_eq!(
            format.below(&ring, top, 3, 2),
            None,
            "the end is reached: follow"
        );
    }

    #[test]
    fn commands_replies_and_notices_are_told_apart_by_signs() {
        let mut ring = ring("");
        ring.note(Time(0), Kind::Command, Some("kim"), "uptime");
        ring.note(Time(3_723_000_000), Kind::Reply, None, "a\nb");
        ring.note(Time(0), Kind::Notice, None, "lost");
        let format = Format {
            times: true,
            ..format(40)
        };
        let rows = texts(&format.tail(&ring, 9));
        assert_eq!(
            rows,
            [
                "00:00:00 kim> uptime",
                "01:02:03 = a",
                "         = b",
                "00:00:00 -- lost"
            ]
        );
    }

    #[test]
    fn names_cannot_smuggle_anything_into_a_row() {
        let mut ring = ring("");
        ring.note(Time(0), Kind::Command, Some("\u{1b}[2Jk\u{202e}im"), "x");
        assert_eq!(texts(&format(40).tail(&ring, 1)), ["kim> x"]);
    }

    #[test]
    fn matches_are_lit_up_also_where_a_line_is_wrapped() {
        let pattern = Pattern::new("def");
        let format = Format {
            pattern: Some(&pattern),
            ..format(4)
        };
        let rows = format.tail(&ring("abcdefgh\n"), 9);
        let lit: Vec<String> = rows
            .iter()
            .flat_map(|row| row.line.spans())
            .filter(|span| span.style.reverse)
            .map(|span| span.text.clone())
            .collect();
        assert_eq!(lit, ["d", "ef"]);
    }

    #[test]
    fn a_place_that_has_fewer_rows_than_before_is_shown_from_its_last() {
        let ring = ring("abcdefgh\nnext\n");
        assert_eq!(
            texts(&format(40).window(&ring, Place { seq: 1, row: 7 }, 5)),
            ["abcdefgh", "next"]
        );
    }
}
