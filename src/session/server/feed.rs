//! What one client is sent of one target: its state, and either its newest line or everything from a place on.

use std::sync::Arc;

use serde_bytes::Bytes;
use tokio::time::Instant;

use super::pace::{Pace, Place};
use crate::proto::session::frame::{self, SERVER_BYTES_MAX};
use crate::proto::session::message::{From, Glance, Lines, Piece, StatusInfo, ToClient};
use crate::rack::{Status, Target};
use crate::transcript::log::Health;
use crate::transcript::{Ending, Entry, Reader, Ring, Seq, Step};

/// Bytes of text of the newest entry that is shown of a target that is not followed.
const GLANCE_BYTES: usize = 256;
/// Bytes that an entry costs besides its text, about.
const ENTRY_COST: usize = 12;
/// Entries before the newest at which a sample of a flood begins.
const SAMPLE_ENTRIES: u64 = 500;

/// One client's place in one target.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) target: Arc<Target>,
    /// Where the client is in the history, if it follows it.
    reader: Option<Reader>,
    pace: Pace,
    /// The versions that were sent.
    transcript: Option<u64>,
    status: Option<u64>,
}

impl Feed {
    /// Nothing was sent yet.
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            reader: None,
            pace: Pace::new(),
            transcript: None,
            status: None,
        }
    }

    /// The same place in what is the same target with other groups or tags.
    pub(super) fn relabel(&mut self, target: Arc<Target>) {
        self.target = target;
    }

    /// From now on the client gets everything from there.
    pub(super) fn follow(&mut self, from: From) {
        let start = self.target.transcript.with(|ring| match from {
            From::Seq(seq) if seq <= ring.next() => seq.max(ring.first()),
            From::Seq(_) => ring.first(),
            From::Newest(count) => newest(ring, count),
        });
        self.reader = Some(Reader::from(start));
        self.pace = Pace::new();
        self.transcript = None;
    }

    /// From now on the client gets the newest line.
    pub(super) fn unfollow(&mut self) {
        self.reader = None;
    }

    /// Whether the client gets what is printed, not only the newest line.
    pub(super) fn is_followed(&self) -> bool {
        self.reader.is_some()
    }

    /// Whether there is something of the history that was not sent.
    pub(super) fn is_behind(&self) -> bool {
        self.transcript != Some(self.target.transcript.version())
    }

    /// Whether there is something to read for the client now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due(now).is_some_and(|due| due <= now)
    }

    /// When there is something to read for the client, if there is something; it may be now.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let wanted = self.is_followed() && self.is_behind();
        wanted.then(|| self.pace.rests_until().unwrap_or(now))
    }

    /// The state, if it changed since it was last asked for.
    pub(super) fn changed_status(&mut self) -> Option<StatusInfo> {
        let version = self.target.status.version();
        if self.status == Some(version) {
            return None;
        }
        self.status = Some(version);
        Some(info(self.target.status.read()))
    }

    /// Appends a frame with what is next, of about `budget` bytes of text. Returns the bytes appended.
    pub(super) fn read(&mut self, budget: usize, now: Instant, out: &mut Vec<u8>) -> usize {
        let version = self.target.transcript.version();
        let Some(reader) = &mut self.reader else {
            return 0;
        };
        let before = out.len();
        let complete = self.target.transcript.with(|ring| {
            let overtaken = reader.position() < ring.first();
            let (place, most) = self.pace.go_on(overtaken, ring.output_bytes(), now);
            if place == Place::Newest {
                *reader = Reader::from(newest(ring, SAMPLE_ENTRIES));
            }
            let budget = budget.min(most);
            if budget == 0 {
                return false;
            }
            let (mut pieces, mut cost) = (Vec::new(), 0);
            while cost < budget
                && let Some(piece) = next(reader, ring, budget - cost)
            {
                cost += ENTRY_COST + piece.bytes().len();
                pieces.push(piece);
            }
            if pieces.is_empty() {
                return true;
            }
            let behind = ring.next().saturating_sub(reader.position());
            let message = ToClient::Lines(Lines {
                target: self.target.id,
                lines: ring.output_lines(),
                bytes: ring.output_bytes(),
                behind,
                pieces,
            });
            append(&message, out);
            cost < budget
        });
        self.pace.sent(out.len() - before);
        if complete {
            self.transcript = Some(version);
            self.pace.caught_up();
        }
        out.len() - before
    }

    /// Hands the newest entry to `take`, and counts it as sent.
    pub(super) fn glance<T>(&mut self, take: impl FnOnce(Glance<'_>) -> T) -> T {
        self.transcript = Some(self.target.transcript.version());
        let id = self.target.id;
        self.target.transcript.with(|ring| {
            take(Glance {
                target: id,
                lines: ring.output_lines(),
                bytes: ring.output_bytes(),
                newest: ring.last().map(|entry| {
                    let short = entry.bytes.get(..GLANCE_BYTES).unwrap_or(entry.bytes);
                    // An open line of which a part was seen could not go on from there.
                    let ending = match entry.ending {
                        Ending::Open => Ending::Lost,
                        ending => ending,
                    };
                    piece(&Entry { ending, ..entry }, 0, short)
                }),
            })
        })
    }
}

/// Appends a message as a frame. One that is too long is not sent; there is none.
pub(super) fn append(message: &ToClient<'_>, out: &mut Vec<u8>) {
    let appended = frame::encode_with(SERVER_BYTES_MAX, out, |body| message.encode(body));
    if let Err(error) = appended {
        tracing::error!(%error, "a message was not sent");
    }
}

/// The place of the last so many entries.
fn newest(ring: &Ring, count: u64) -> Seq {
    ring.next().saturating_sub(count).max(ring.first())
}

/// What is next: whole lines where there are some, as they are stored, else an entry.
fn next<'a>(reader: &mut Reader, ring: &'a Ring, budget: usize) -> Option<Piece<'a>> {
    if let Some(lines) = reader.lines(ring, budget) {
        return Some(Piece::Lines {
            first: lines.first,
            time: lines.time,
            bytes: Bytes::new(lines.bytes),
        });
    }
    let mut found = None;
    reader.read(ring, true, |step| match step {
        // What was missed shows in the numbers.
        Step::Missed(_) => true,
        Step::Entry(entry, seen) => {
            let rest = entry.bytes.get(seen..).unwrap_or_default();
            found = Some(piece(&entry, seen, rest));
            false
        }
    });
    found
}

fn piece<'a>(entry: &Entry<'a>, seen: usize, bytes: &'a [u8]) -> Piece<'a> {
    Piece::Entry {
        seq: entry.seq,
        time: entry.time,
        kind: entry.kind,
        who: entry.who,
        ending: entry.ending,
        seen: seen as u64,
        bytes: Bytes::new(bytes),
    }
}

fn info(status: Status) -> StatusInfo {
    StatusInfo {
        state: status.state,
        detail: status.detail,
        since: status.since,
        prompt: status.prompt,
        alert: status.alert,
        holder: status.holder,
        log_fails: match status.log {
            Health::Failing { reason } => reason,
            _ => String::new(),
        },
    }
}
