//! One end of one connection on a shared line: what it sends until that is acknowledged, and what it received in order.
//!
//! Go-back-N: the receiver takes frames in order alone; the sender repeats everything from the first that was not
//! acknowledged, as soon as it hears of a gap, or after a while. Credit is what the receiver has room for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::frame::{Frame, Kind, PAYLOAD_BYTES_MAX};
use super::{End, Id, Pace, Read, VERSION};

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    state: State,
    /// When whoever used it has gone: it ends once the other end has everything.
    released: Option<Instant>,
    sending: Sending,
    receiving: Receiving,
    /// When the other end was last heard of.
    heard: Instant,
    /// When it was last asked whether it is there, if that was after it was heard of.
    asked: Option<Instant>,
    accept_due: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// We asked for it.
    Opening {
        since: Instant,
        ask_at: Instant,
    },
    Open,
    Ended(End),
}

#[derive(Debug, Default)]
struct Sending {
    /// Not yet in frames.
    bytes: VecDeque<u8>,
    /// Nothing comes after `bytes`.
    finish: bool,
    /// That is framed too.
    finish_framed: bool,
    /// Framed and not acknowledged, the first with the number `base`.
    frames: VecDeque<Out>,
    base: u16,
    /// How many of `frames` are under way; those after them have to be sent (again).
    under_way: usize,
    /// Frames the other end takes from `base` on.
    credit: usize,
    /// When those under way are given up for lost.
    resend_at: Option<Instant>,
    /// How often that happened in a row.
    resends: u32,
    /// A gap was heard of since `base` moved: what else is heard of it is the same gap.
    gap_heard: bool,
}

#[derive(Debug)]
enum Out {
    Bytes(Vec<u8>),
    Finish,
}

#[derive(Debug, Default)]
struct Receiving {
    bytes: VecDeque<u8>,
    expected: u16,
    finished: bool,
    ack_due: bool,
    gap_due: bool,
    /// The last credit the other end was told.
    told: usize,
}

impl Connection {
    /// That we ask for.
    pub fn open(now: Instant) -> Self {
        Self::new(
            now,
            State::Opening {
                since: now,
                ask_at: now,
            },
        )
    }

    /// That the other end asked for.
    pub fn accepted(now: Instant, credit: u8) -> Self {
        let mut connection = Self::new(now, State::Open);
        connection.accept_due = true;
        connection.sending.credit = usize::from(credit);
        connection
    }

    fn new(now: Instant, state: State) -> Self {
        Self {
            state,
            released: None,
            sending: Sending::default(),
            receiving: Receiving::default(),
            heard: now,
            asked: None,
            accept_due: false,
        }
    }

    /// How it ended, if it did not as it should.
    pub fn end(&self) -> Option<End> {
        match self.state {
            State::Ended(end) => Some(end),
            _ => None,
        }
    }

    pub fn is_released(&self) -> bool {
        self.released.is_some()
    }

    pub fn is_opening(&self) -> bool {
        matches!(self.state, State::Opening { .. })
    }

    /// Whether nothing is left to be done.
    pub fn is_over(&self) -> bool {
        self.released.is_some() && (self.end().is_some() || self.sending.is_done())
    }

    pub fn fail(&mut self, end: End) {
        if self.end().is_none() {
            self.state = State::Ended(end);
        }
    }

    /// The user has gone.
    pub fn release(&mut self, now: Instant) {
        self.released = Some(now);
        self.sending.finish = true;
        self.receiving.bytes = VecDeque::new();
        self.receiving.reopen();
    }

    /// No more will be written.
    pub fn finish(&mut self) {
        self.sending.finish = true;
    }

    /// Takes what there is room for; 0 if there is none.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, End> {
        if let Some(end) = self.end() {
            return Err(end);
        }
        if self.sending.finish {
            return Err(End::Finished);
        }
        let room = SEND_BYTES_MAX.saturating_sub(self.sending.bytes.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.sending.bytes.extend(taken);
        Ok(taken.len())
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> Read {
        let (front, _) = self.receiving.bytes.as_slices();
        let length = front.len().min(buffer.len());
        if length == 0 {
            return match self.state {
                _ if self.receiving.finished => Read::End,
                State::Ended(end) => Read::Failed(end),
                _ => Read::Nothing,
            };
        }
        buffer[..length].copy_from_slice(&front[..length]);
        self.receiving.bytes.drain(..length);
        self.receiving.reopen();
        Read::Bytes(length)
    }

    pub fn handle(&mut self, now: Instant, frame: Frame) {
        self.heard = now;
        self.asked = None;
        match frame.kind {
            Kind::Open => {
                self.accept_due = true;
                return;
            }
            Kind::Refuse => return self.fail(End::refused(frame.number)),
            Kind::Reset => return self.fail(End::Reset),
            _ => {}
        }
        if self.is_opening() {
            // a lost Accept shows in anything else of this connection
            self.state = State::Open;
        }
        self.sending.handle_ack(frame.ack, frame.credit);
        match frame.kind {
            Kind::Ack if frame.number == GAP => self.sending.handle_gap(),
            Kind::Probe => self.receiving.ack_due = true,
            Kind::Data | Kind::Finish => self.receive(&frame),
            _ => {}
        }
    }

    fn receive(&mut self, frame: &Frame) {
        let receiving = &mut self.receiving;
        receiving.ack_due = true;
        let ahead = frame.number.wrapping_sub(receiving.expected);
        if ahead != 0 {
            // what came before is only acknowledged again
            receiving.gap_due |= ahead <= u16::MAX / 2;
            return;
        }
        if receiving.finished {
            return;
        }
        if frame.kind == Kind::Finish {
            receiving.finished = true;
        } else if self.released.is_some() {
            // nobody reads it, but the other end may get rid of it
        } else if receiving.credit() == 0 {
            return;
        } else {
            receiving.bytes.extend(&frame.payload);
        }
        receiving.expected = receiving.expected.wrapping_add(1);
    }

    pub fn handle_timeout(&mut self, now: Instant, pace: &Pace) {
        if self.end().is_some() {
            return;
        }
        if let State::Opening { since, .. } = self.state {
            if now >= since + pace.open_wait() {
                self.fail(End::NoAnswer);
            }
            return;
        }
        let lingered = self.released.is_some_and(|since| now >= since + LINGER);
        if now >= self.heard + pace.dead_wait() || lingered {
            self.fail(End::Silent);
            return;
        }
        if self.sending.resend_at.is_some_and(|at| now >= at) {
            self.sending.resends = self.sending.resends.saturating_add(1);
            self.sending.go_back();
        }
    }

    /// When to give something up.
    pub fn timeout(&self, pace: &Pace) -> Option<Instant> {
        match self.state {
            State::Ended(_) => None,
            State::Opening { since, .. } => Some(since + pace.open_wait()),
            State::Open => {
                let dead = self.heard + pace.dead_wait();
                let lingered = self.released.map(|since| since + LINGER);
                [Some(dead), lingered, self.sending.resend_at]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }

    /// When to say something unasked, once the line is free.
    pub fn wants_line_at(&self) -> Option<Instant> {
        match self.state {
            State::Ended(_) => None,
            State::Opening { ask_at, .. } => Some(ask_at),
            State::Open => Some(self.ask_at()),
        }
    }

    /// When to ask whether the other end is there, or has room again.
    fn ask_at(&self) -> Instant {
        let wait = if self.sending.is_blocked() {
            BLOCKED_PROBE_WAIT
        } else {
            PROBE_WAIT
        };
        self.asked.unwrap_or(self.heard) + wait
    }

    /// Whether there is something to say or to send right now.
    pub fn has_more(&self) -> bool {
        let said = self.accept_due || self.receiving.gap_due || self.receiving.ack_due;
        self.state == State::Open && (said || self.sending.has_next())
    }

    /// What has to be said beside the bytes; short, and before them.
    pub fn poll_control(&mut self, id: Id, now: Instant) -> Option<Frame> {
        match &mut self.state {
            State::Ended(_) => return None,
            State::Opening { ask_at, .. } => {
                if now < *ask_at {
                    return None;
                }
                *ask_at = now + OPEN_PAUSE;
                return Some(self.frame(id, Kind::Open, VERSION, Vec::new()));
            }
            State::Open => {}
        }
        if std::mem::take(&mut self.accept_due) {
            return Some(self.frame(id, Kind::Accept, VERSION, Vec::new()));
        }
        if self.receiving.gap_due {
            return Some(self.frame(id, Kind::Ack, GAP, Vec::new()));
        }
        if now >= self.ask_at() {
            self.asked = Some(now);
            return Some(self.frame(id, Kind::Probe, 0, Vec::new()));
        }
        if self.receiving.ack_due && !self.sending.has_next() {
            return Some(self.frame(id, Kind::Ack, 0, Vec::new()));
        }
        None
    }

    /// The next bytes. `gone_at` tells when a frame of some bytes will have left.
    pub fn poll_bytes(
        &mut self,
        id: Id,
        pace: &Pace,
        gone_at: impl FnOnce(usize) -> Instant,
    ) -> Option<Frame> {
        if self.state != State::Open {
            return None;
        }
        let (number, out) = self.sending.next()?;
        let (kind, payload) = match out {
            Out::Bytes(bytes) => (Kind::Data, bytes.clone()),
            Out::Finish => (Kind::Finish, Vec::new()),
        };
        let wait = pace.answer_wait(self.sending.resends);
        self.sending.resend_at = Some(gone_at(payload.len()) + wait);
        Some(self.frame(id, kind, number, payload))
    }

    /// Every frame tells what was received.
    fn frame(&mut self, id: Id, kind: Kind, number: u16, payload: Vec<u8>) -> Frame {
        let receiving = &mut self.receiving;
        receiving.ack_due = false;
        receiving.gap_due = false;
        receiving.told = receiving.credit();
        Frame {
            id,
            kind,
            number,
            ack: receiving.expected,
            credit: u8::try_from(receiving.told).unwrap_or(u8::MAX),
            payload,
        }
    }
}

impl Sending {
    fn is_done(&self) -> bool {
        self.bytes.is_empty() && self.frames.is_empty() && self.finish_framed
    }

    /// Something that was never sent, or has to be sent again.
    fn is_waiting(&self) -> bool {
        self.under_way < self.frames.len()
            || !self.bytes.is_empty()
            || self.finish && !self.finish_framed
    }

    fn is_blocked(&self) -> bool {
        self.credit == 0 && self.under_way == 0 && self.is_waiting()
    }

    fn has_next(&self) -> bool {
        self.under_way < self.credit.min(WINDOW_FRAMES) && self.is_waiting()
    }

    fn next(&mut self) -> Option<(u16, &Out)> {
        if !self.has_next() {
            return None;
        }
        if self.under_way == self.frames.len() {
            let length = self.bytes.len().min(PAYLOAD_BYTES_MAX);
            self.frames.push_back(match length {
                0 => Out::Finish,
                _ => Out::Bytes(self.bytes.drain(..length).collect()),
            });
            self.finish_framed |= length == 0;
        }
        let number = self
            .base
            .wrapping_add(u16::try_from(self.under_way).unwrap_or(0));
        let out = self.frames.get(self.under_way);
        self.under_way += 1;
        out.map(|out| (number, out))
    }

    fn handle_ack(&mut self, ack: u16, credit: u8) {
        let taken = usize::from(ack.wrapping_sub(self.base));
        if taken > self.frames.len() {
            return; // older than what we know
        }
        self.credit = usize::from(credit);
        if taken > 0 {
            self.frames.drain(..taken);
            self.base = ack;
            self.under_way = self.under_way.saturating_sub(taken);
            self.resends = 0;
            self.gap_heard = false;
        }
        if self.under_way == 0 {
            self.resend_at = None;
        }
    }

    fn handle_gap(&mut self) {
        if !std::mem::replace(&mut self.gap_heard, true) {
            self.go_back();
        }
    }

    fn go_back(&mut self) {
        self.under_way = 0;
        self.resend_at = None;
    }
}

impl Receiving {
    /// Frames there is room for.
    fn credit(&self) -> usize {
        RECEIVE_BYTES_MAX.saturating_sub(self.bytes.len()) / PAYLOAD_BYTES_MAX
    }

    /// Tells of new room once it is worth a frame.
    fn reopen(&mut self) {
        self.ack_due |= self.credit() >= self.told + CREDIT_WORTH_TELLING;
    }
}

/// [`Kind::Ack`]'s number if a frame is missing.
const GAP: u16 = 1;
/// Frames under way at most. At 9600 baud two seconds of the line, so that what is lost costs little; at 3 Mbaud still
/// more than a USB adapter's delay.
const WINDOW_FRAMES: usize = 8;
/// What is received and not yet read. Bytes.
const RECEIVE_BYTES_MAX: usize = 16 * PAYLOAD_BYTES_MAX;
/// What was written and not yet framed. Bytes.
const SEND_BYTES_MAX: usize = 4096;
/// Frames of new room that are worth a frame of their own.
const CREDIT_WORTH_TELLING: usize = 4;
/// Pause between two requests for a connection.
const OPEN_PAUSE: Duration = Duration::from_millis(500);
/// Silence after which the other end is asked whether it is there.
const PROBE_WAIT: Duration = Duration::from_secs(4);
/// The same while it has no room: that it has again may have been lost.
const BLOCKED_PROBE_WAIT: Duration = Duration::from_secs(1);
/// How long a connection nobody uses any more tries to get rid of what was written.
const LINGER: Duration = Duration::from_secs(30);
