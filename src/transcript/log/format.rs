//! Entries as the text of a log file: one line each, stamped; or the target's bytes as they came.
//!
//! A line's bytes are the target's own. Only its end is made one newline; people's commands, replies and notices stand
//! on lines of their own: `alice> reboot`, `-- connection closed by the target`.

use std::io::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::transcript::{Ending, Entry, Kind, Ring, Step, Time};

/// How long an open line may keep entries behind it from being written, microseconds. A prompt's echo comes sooner.
const HOLD_US: i64 = 900_000;

/// What stands in front of each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stamp {
    /// `2026-11-21T14:02:31.123+01:00 `.
    Iso,
    /// Nothing.
    Off,
    /// A `strftime` format, and a blank.
    Custom(String),
}

/// Turns steps of a reader into the bytes of a log file.
#[derive(Debug)]
pub struct Lines {
    raw: bool,
    stamp: Stamp,
    zone: TimeZone,
    /// The last line written has no newline yet.
    unfinished: bool,
    /// A carriage return at the end of what was read of an open line: written only if the line goes on.
    carriage_return: bool,
    cuts: Vec<Cut>,
    clock: Clock,
}

/// A place in the formatted text where a file may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the text before it.
    pub at: usize,
    /// The local date of what follows.
    pub date: Date,
}

/// The formatted second of the last stamp, so that only fractions are formatted anew.
#[derive(Debug)]
struct Clock {
    second: i64,
    date: Date,
    head: String,
    offset: String,
}

impl Lines {
    /// A formatter at the start of a file.
    pub fn new(raw: bool, stamp: Stamp) -> Self {
        let clock = Clock {
            second: i64::MIN,
            date: Date::ZERO,
            head: String::new(),
            offset: String::new(),
        };
        let (zone, cuts) = (TimeZone::system(), Vec::new());
        Self {
            raw,
            stamp,
            zone,
            unfinished: false,
            carriage_return: false,
            cuts,
            clock,
        }
    }

    /// Begins a new text.
    pub fn begin(&mut self) {
        self.cuts.clear();
    }

    /// Ends a line that was written in part.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.unfinished) {
            self.carriage_return = false;
            out.push(b'\n');
        }
    }

    /// Where the text may be cut: at its start if a line starts there, where the date changes, and at its last line.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// Whether the entries behind an open line have waited long enough.
    pub fn may_break_open_line(&self, ring: &Ring) -> bool {
        ring.last()
            .is_some_and(|last| Time::now().0 - last.time.0 > HOLD_US)
    }

    /// Appends a step to `out`. Returns how many entries were missed.
    pub fn push(&mut self, step: Step<'_>, out: &mut Vec<u8>) -> u64 {
        match step {
            Step::Missed(count) => {
                if !self.raw {
                    let text = format!(
                        "{count} entries are not in this log: they left the history before they could be written"
                    );
                    self.push_note(Time::now(), "-- ", &text, out);
                }
                self.unfinished = false;
                count
            }
            Step::Entry(entry, seen) => {
                match entry.kind {
                    Kind::Output => self.push_output(&entry, seen, out),
                    _ if self.raw => {}
                    Kind::Command => {
                        let prefix = format!("{}> ", entry.who.unwrap_or("?"));
                        self.push_note(
                            entry.time,
                            &prefix,
                            &String::from_utf8_lossy(entry.bytes),
                            out,
                        );
                    }
                    Kind::Reply => {
                        self.push_note(entry.time, "= ", &String::from_utf8_lossy(entry.bytes), out)
                    }
                    Kind::Notice => self.push_note(
                        entry.time,
                        "-- ",
                        &String::from_utf8_lossy(entry.bytes),
                        out,
                    ),
                }
                0
            }
        }
    }

    fn push_output(&mut self, entry: &Entry<'_>, seen: usize, out: &mut Vec<u8>) {
        let new = entry.bytes.get(seen..).unwrap_or_default();
        if self.raw {
            self.cut(entry.time, out);
            out.extend_from_slice(new);
            if entry.ending == Ending::Whole {
                out.push(b'\n');
            }
            return;
        }
        let ends = matches!(entry.ending, Ending::Whole | Ending::Lost);
        if !self.unfinished {
            if seen > 0 && new.is_empty() {
                return;
            }
            self.stamp(entry.time, out);
        }
        let carriage_return = std::mem::take(&mut self.carriage_return);
        if carriage_return && !(new.is_empty() && ends) {
            out.push(b'\r');
        }
        match new.strip_suffix(b"\r") {
            Some(text) => {
                out.extend_from_slice(text);
                self.carriage_return = !ends;
            }
            None => out.extend_from_slice(new),
        }
        if ends {
            out.push(b'\n');
        }
        self.unfinished = !ends;
    }

    fn push_note(&mut self, time: Time, prefix: &str, text: &str, out: &mut Vec<u8>) {
        self.finish(out);
        for line in text.split('\n') {
            self.stamp(time, out);
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    }

    /// Begins a line.
    fn stamp(&mut self, time: Time, out: &mut Vec<u8>) {
        self.cut(time, out);
        match &self.stamp {
            Stamp::Off => {}
            Stamp::Iso => {
                let millis = time.0.rem_euclid(1_000_000) / 1000;
                out.extend_from_slice(self.clock.head.as_bytes());
                let digit = |n: i64| b'0' + u8::try_from(n % 10).unwrap_or(0);
                out.extend_from_slice(&[
                    b'.',
                    digit(millis / 100),
                    digit(millis / 10),
                    digit(millis),
                ]);
                out.extend_from_slice(self.clock.offset.as_bytes());
                out.push(b' ');
            }
            Stamp::Custom(format) => {
                let zoned = time.timestamp().to_zoned(self.zone.clone());
                // The format was tried when the configuration was read; what it cannot print is left out.
                write!(
                    out,
                    "{} ",
                    jiff::fmt::strtime::format(format, &zoned).unwrap_or_default()
                )
                .ok();
            }
        }
    }

    /// Notes that a line starts here.
    fn cut(&mut self, time: Time, out: &[u8]) {
        let second = time.0.div_euclid(1_000_000);
        if second != self.clock.second {
            self.clock.tell(second, &self.zone);
        }
        let cut = Cut {
            at: out.len(),
            date: self.clock.date,
        };
        match self.cuts.as_mut_slice() {
            // The last place in the text moves along, unless the date changes there.
            [.., before, last] if last.date == before.date && last.date == cut.date => *last = cut,
            _ => self.cuts.push(cut),
        }
    }
}

impl Clock {
    fn tell(&mut self, second: i64, zone: &TimeZone) {
        let zoned = Timestamp::from_second(second)
            .unwrap_or_default()
            .to_zoned(zone.clone());
        self.second = second;
        self.date = zoned.date();
        self.head = zoned.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        self.offset = zoned.strftime("%:z").to_string();
    }
}
