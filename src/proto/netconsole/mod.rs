//! netconsole: the kernel's log as datagrams, plain or extended, of ONE source.
//!
//! Owns no socket and no clock, and does not know which target a source is. The protocol has no handshake, no
//! acknowledgement and no order; what can be noticed of loss, duplication and reordering is noticed here.
//! Facts: the kernel's `Documentation/networking/netconsole.rst`.

mod fragments;
#[cfg(test)]
mod properties;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub use fragments::RECORD_BYTES_MAX;
pub use record::{HEADER_BYTES_MAX, Line, PROPERTIES_MAX, Property};

use fragments::Fragments;
use record::{Fragment, Header};

/// How long a record waits for those numbered before it. Milliseconds; networks swap neighbours, no more.
pub const REORDER_WAIT_MS: u64 = 100;
/// How long a record waits for its missing fragments. Milliseconds.
pub const FRAGMENT_WAIT_MS: u64 = 1500;
/// Records that may wait; the one more lets the first go as it is.
pub const HELD_RECORDS_MAX: usize = 64;
/// How long a line without its newline waits for the rest. Milliseconds.
pub const PARTIAL_LINE_WAIT_MS: u64 = 1000;
/// Longest plain line, in bytes; what is longer is folded.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// Gaps that are remembered, so that a record which comes too late is told from one that comes twice.
pub const GAPS_MAX: usize = 16;
/// How far the kernel's clock may disagree with ours before it counts as restarted. Milliseconds; longer than any
/// datagram is under way, shorter than any reboot.
pub const REBOOT_SHIFT_MS: u64 = 2000;
/// Events that may wait to be looked at. What comes on top is counted in [`Event::Missed`].
pub const EVENTS_MAX: usize = 4096;

/// What became of the datagrams, in the order of the kernel's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A line.
    Line(Line),
    /// A line that was counted in a [`Event::Gap`] before: it came too late to be put in its place.
    Late(Line),
    /// So many records were not received: lost, or not sent because the console's log level leaves them out.
    Gap(u64),
    /// The kernel's counting and its clock began anew.
    Reboot,
    /// So many datagrams made no sense: fragments too long, out of bounds or contradicting each other.
    Refused(u64),
    /// So many events were not kept because nobody looked.
    Missed(u64),
}

/// The receiving end of one netconsole source.
#[derive(Debug, Default)]
pub struct Netconsole {
    /// Number of the next record; none before the first.
    next: Option<u64>,
    /// When the last record came and what its clock said.
    last: Option<(Instant, u64)>,
    held: BTreeMap<u64, Held>,
    gaps: VecDeque<Gap>,
    partial: Vec<u8>,
    partial_deadline: Option<Instant>,
    events: VecDeque<Event>,
    missed: u64,
}

impl Netconsole {
    /// A source nothing was heard of yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one datagram of this source. Whether it is plain or extended shows in itself.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        match Header::split(datagram) {
            Some((header, body)) => self.record(now, header, body),
            None => self.plain(now, datagram),
        }
    }

    /// Lets time pass: what waited long enough for its neighbours goes as it is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.partial_deadline.is_some_and(|at| at <= now) {
            self.close_partial();
        }
        self.release(now);
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let held = self.held.values().next().map(|held| held.deadline);
        held.into_iter().chain(self.partial_deadline).min()
    }

    /// The next line or notice.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| {
            let missed = std::mem::take(&mut self.missed);
            (missed > 0).then_some(Event::Missed(missed))
        })
    }

    /// Gives up waiting: the source is closed, what is held goes as it is.
    pub fn finish(&mut self) {
        self.close_partial();
        while self.release_first() {}
    }

    fn plain(&mut self, now: Instant, datagram: &[u8]) {
        let mut rest = datagram;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            self.extend_partial(line);
            self.close_line();
            rest = after.get(1..).unwrap_or_default();
        }
        self.extend_partial(rest);
        self.partial_deadline =
            (!self.partial.is_empty()).then(|| now + Duration::from_millis(PARTIAL_LINE_WAIT_MS));
    }

    fn extend_partial(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let room = LINE_BYTES_MAX - self.partial.len();
            let (now, later) = rest.split_at(rest.len().min(room));
            self.partial.extend_from_slice(now);
            if later.is_empty() {
                return;
            }
            self.close_line();
            rest = later;
        }
    }

    fn close_partial(&mut self) {
        if !self.partial.is_empty() {
            self.close_line();
        }
        self.partial_deadline = None;
    }

    fn close_line(&mut self) {
        let text = std::mem::take(&mut self.partial);
        self.event(Event::Line(Line {
            text,
            ..Line::default()
        }));
    }

    fn record(&mut self, now: Instant, header: Header, body: &[u8]) {
        if header.fragment == Fragment::Bad || body.len() > RECORD_BYTES_MAX {
            self.refuse();
            return;
        }
        if self.restarted(now, &header) {
            while self.release_first() {}
            self.next = None;
            self.gaps.clear();
            self.event(Event::Reboot);
        }
        if self.next.is_some_and(|next| header.sequence < next) {
            self.late(&header, body);
            return;
        }
        if self.hold(now, header, body).is_err() {
            self.refuse();
            return;
        }
        self.last = Some((now, header.monotonic_us));
        self.release(now);
    }

    /// Whether this record is of another boot than the last one.
    fn restarted(&self, now: Instant, header: &Header) -> bool {
        let Some((last_came, last_us)) = self.last else {
            return false;
        };
        let allowed = i128::from(REBOOT_SHIFT_MS) * 1000;
        let back_us = i128::from(last_us) - i128::from(header.monotonic_us);
        if self.next.is_some_and(|next| header.sequence < next) {
            // A late or doubled one has hardly been under way; after a boot the two clocks have moved apart.
            let elapsed = now.saturating_duration_since(last_came).as_micros();
            back_us + i128::try_from(elapsed).unwrap_or(i128::MAX / 2) > allowed
        } else {
            // The new log may well be longer than the old one was; its clock still tells.
            back_us > allowed
        }
    }

    fn hold(&mut self, now: Instant, header: Header, body: &[u8]) -> Result<(), fragments::Misfit> {
        let deadline = |ms| now + Duration::from_millis(ms);
        let Fragment::Part { offset, total } = header.fragment else {
            self.held.entry(header.sequence).or_insert_with(|| Held {
                deadline: deadline(REORDER_WAIT_MS),
                record: Record::Whole(header.line(&[(body, 0)])),
            });
            return Ok(());
        };
        if let Some(held) = self.held.get_mut(&header.sequence) {
            let Record::Parts(parts) = &mut held.record else {
                return Ok(());
            };
            parts.add(offset, total, body)?;
            if parts.is_complete() {
                held.record = Record::Whole(parts.line());
                held.deadline = held.deadline.min(deadline(REORDER_WAIT_MS));
            }
            return Ok(());
        }
        let mut parts = Fragments::new(header, total)?;
        parts.add(offset, total, body)?;
        let held = if parts.is_complete() {
            Held {
                deadline: deadline(REORDER_WAIT_MS),
                record: Record::Whole(parts.line()),
            }
        } else {
            Held {
                deadline: deadline(FRAGMENT_WAIT_MS),
                record: Record::Parts(parts),
            }
        };
        self.held.insert(header.sequence, held);
        Ok(())
    }

    /// Lets go what is next in order, has waited long enough, or is too much.
    fn release(&mut self, now: Instant) {
        while let Some((&sequence, held)) = self.held.first_key_value() {
            let in_order = self.next == Some(sequence) && matches!(held.record, Record::Whole(_));
            if !in_order && held.deadline > now && self.held.len() <= HELD_RECORDS_MAX {
                return;
            }
            self.release_first();
        }
    }

    /// Lets the first of the held records go; false if there is none.
    fn release_first(&mut self) -> bool {
        let Some((sequence, held)) = self.held.pop_first() else {
            return false;
        };
        if let Some(next) = self.next
            && next < sequence
        {
            self.event(Event::Gap(sequence - next));
            self.remember(next, sequence);
        }
        self.next = Some(sequence.saturating_add(1));
        self.event(Event::Line(match held.record {
            Record::Whole(line) => line,
            Record::Parts(parts) => parts.line(),
        }));
        true
    }

    /// A record below the next number: given once if it was missed, dropped if it was there already.
    fn late(&mut self, header: &Header, body: &[u8]) {
        let sequence = header.sequence;
        let Some(at) = self
            .gaps
            .iter()
            .position(|gap| (gap.start..gap.end).contains(&sequence))
        else {
            return;
        };
        // Fragments that come so late would each need the others: only a whole record is worth it.
        if header.fragment != Fragment::Whole {
            return;
        }
        if let Some(gap) = self.gaps.remove(at) {
            self.remember(gap.start, sequence);
            self.remember(sequence.saturating_add(1), gap.end);
        }
        self.event(Event::Late(header.line(&[(body, 0)])));
    }

    fn remember(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        if self.gaps.len() == GAPS_MAX {
            self.gaps.pop_front();
        }
        self.gaps.push_back(Gap { start, end });
    }

    fn refuse(&mut self) {
        if let Some(Event::Refused(count)) = self.events.back_mut() {
            *count += 1;
        } else {
            self.event(Event::Refused(1));
        }
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.missed += 1;
        }
    }
}

/// A record that waits for those before it or for the rest of itself.
#[derive(Debug)]
struct Held {
    deadline: Instant,
    record: Record,
}

#[derive(Debug)]
enum Record {
    Whole(Line),
    Parts(Fragments),
}

/// Numbers from `start` up to, not including, `end`, that were not received.
#[derive(Debug)]
struct Gap {
    start: u64,
    end: u64,
}
