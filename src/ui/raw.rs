//! A target in raw mode: its own screen, fed from its transcript.

use super::emulator::Emulator;
use crate::transcript::{Ending, Kind, Reader, Step, Transcript};

/// Bytes fed for one frame: a flood must not keep the person waiting.
const FEED_BYTES: usize = 64 << 10;
/// Bytes of older output that a screen begins with; enough for the lines that are in sight.
const BEGIN_BYTES: u64 = 16 << 10;

/// A target's own screen and how far it has read.
pub struct Raw {
    emulator: Emulator,
    reader: Reader,
    missed: u64,
    /// The size that the target was told.
    told: Option<(u16, u16)>,
}

/// What came of reading on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Whether the screen may look different.
    pub changed: bool,
    /// Whether the size is another than before, or the first.
    pub resized: bool,
    /// Whether there is more to read at once.
    pub more: bool,
    /// What the target asked the terminal, answered.
    pub replies: Vec<u8>,
}

impl Raw {
    /// A screen that begins with the newest lines there are.
    pub fn new(transcript: &Transcript, (columns, rows): (u16, u16)) -> Self {
        let from = transcript.with(|ring| {
            let mut bytes = 0;
            let mut lines = 0;
            let older = (ring.first()..ring.next()).rev();
            let fits = older.take_while(|seq| {
                bytes += ring.entry(*seq).map_or(0, |entry| entry.bytes.len() as u64);
                lines += 1;
                bytes <= BEGIN_BYTES && lines < u64::from(rows)
            });
            fits.last().unwrap_or(ring.next())
        });
        let mut raw = Self {
            emulator: Emulator::new(columns, rows),
            reader: Reader::from(from),
            missed: 0,
            told: None,
        };
        raw.read_on(transcript);
        // What older lines asked was answered then, or never will be.
        raw.emulator.replies();
        raw.missed = 0;
        raw
    }

    /// Reads what came, in a screen of that size.
    pub fn read(&mut self, transcript: &Transcript, size: (u16, u16)) -> News {
        let resized = self.told != Some(size);
        if resized {
            self.told = Some(size);
            self.emulator.resize(size.0, size.1);
        }
        let (read, more) = self.read_on(transcript);
        News {
            changed: resized || read,
            resized,
            more,
            replies: self.emulator.replies(),
        }
    }

    /// The screen.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// Lines that were dropped before they could be shown.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Reads a bounded amount. Returns whether there was something, and whether there is more.
    fn read_on(&mut self, transcript: &Transcript) -> (bool, bool) {
        let mut bytes = Vec::new();
        let mut missed = 0;
        let more = transcript.with(|ring| {
            self.reader.read(ring, false, |step| {
                match step {
                    Step::Missed(count) => missed += count,
                    Step::Entry(entry, seen) if entry.kind == Kind::Output => {
                        bytes.extend_from_slice(entry.bytes.get(seen..).unwrap_or_default());
                        if entry.ending == Ending::Whole {
                            bytes.push(b'\n');
                        }
                    }
                    Step::Entry(..) => {}
                }
                bytes.len() < FEED_BYTES
            });
            bytes.len() >= FEED_BYTES && self.reader.position() < ring.next()
        });
        self.missed += missed;
        self.emulator.feed(&bytes);
        (!bytes.is_empty(), more)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::widgets::Widget;

    use super::*;
    use crate::transcript::{Limits, Time};

    fn screen(raw: &Raw) -> String {
        let area = Rect::new(0, 0, 20, 1);
        let mut buffer = Buffer::empty(area);
        raw.emulator().render(area, &mut buffer);
        buffer
            .content
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    #[test]
    fn a_prompt_that_grows_is_drawn_once_and_typed_commands_are_not() {
        let transcript = Transcript::new(Limits::default(), Arc::default());
        transcript.output(Time(0), b"log");
        let mut raw = Raw::new(&transcript, (20, 5));
        transcript.note(Time(0), Kind::Command, Some("kim"), "whoami");
        transcript.output(Time(0), b"in: ");
        let news = raw.read(&transcript, (20, 5));
        assert!(news.changed && news.resized && !news.more);
        assert_eq!(screen(&raw), "login:");
        assert_eq!(raw.read(&transcript, (20, 5)), News::default());
    }

    #[test]
    fn a_flood_is_read_in_parts_and_what_is_dropped_is_counted() {
        let transcript = Transcript::new(
            Limits {
                bytes: 1,
                line: 100,
            },
            Arc::default(),
        );
        let mut raw = Raw::new(&transcript, (20, 5));
        transcript.output(Time(0), &b"0123456789abcdef\n".repeat(20_000));
        let mut parts = 1;
        while raw.read(&transcript, (20, 5)).more {
            parts += 1;
            assert!(parts < 100);
        }
        assert!(parts > 1);
        assert!(raw.missed() > 0);
    }

    #[test]
    fn a_question_is_answered_and_an_old_one_is_not() {
        let transcript = Transcript::new(Limits::default(), Arc::default());
        transcript.output(Time(0), b"\x1b[6n");
        let mut raw = Raw::new(&transcript, (20, 5));
        assert_eq!(raw.read(&transcript, (20, 5)).replies, b"");
        transcript.output(Time(0), b"\x1b[6n");
        assert_eq!(raw.read(&transcript, (20, 5)).replies, b"\x1b[1;1R");
    }
}
