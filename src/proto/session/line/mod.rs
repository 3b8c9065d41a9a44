//! A serial line that several sessions share: connections on channels 0 to 254 over one stream of bytes that loses,
//! damages and doubles some of them.
//!
//! Pure: bytes and times in, bytes and events out. One [`Line`] is one end, whatever is listened for and opened there.
//! What is lost is sent again (`connection.rs`), what is damaged is no frame (`frame.rs`). It keeps nothing secret: that
//! is for TLS above it.
//!
//! The line is written no faster than it carries bits, so that frames wait here, where their order can still be chosen:
//! answers first, then the channels in turn, a frame each.

mod connection;
mod frame;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Bound;
use std::time::{Duration, Instant};

use self::connection::Connection;
use self::frame::{Assembler, Frame, Kind};
pub use self::frame::{FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX};

/// A connection: the channel, and a number that tells it from those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// 0 to 254.
    pub channel: u8,
    /// Chosen at random by whoever opened it.
    pub connection: u32,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The other end opened a connection on a channel that is listened on. It is there until it is released.
    Accepted(Id),
    /// A connection that was asked for is there.
    Opened(Id),
    /// A connection ended, other than by both ends being done, before it was released.
    Ended(Id, End),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// Ours is finished: nothing more can be written.
    #[error("this end of the connection is closed")]
    Finished,
    /// The other end knows the connection no longer.
    #[error("the other end closed the connection, or was started again")]
    Reset,
    /// The other end opened the channel anew.
    #[error("the other end was started again and opened the channel anew")]
    Replaced,
    /// Nobody answered.
    #[error("nobody answers on the line")]
    NoAnswer,
    /// There was an answer: nobody listens on the channel.
    #[error("the other end of the line has no server on this channel")]
    Refused,
    /// The other end speaks another version of this.
    #[error(
        "the other end of the line is a kdeck of another version: it speaks version {0}, this one {VERSION}"
    )]
    Version(u16),
    /// The other end has not been heard of for too long.
    #[error("the other end of the line fell silent")]
    Silent,
    /// The line itself was lost.
    #[error("the line was lost")]
    Line,
}

/// What there was to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The other end is finished.
    End,
    /// The connection ended before that.
    Failed(End),
}

/// One end of a shared line.
#[derive(Debug)]
pub struct Line {
    pace: Pace,
    assembler: Assembler,
    listening: BTreeSet<u8>,
    /// Until they are released.
    connections: BTreeMap<Id, Connection>,
    /// Answers to what belongs to no connection.
    answers: VecDeque<Frame>,
    events: VecDeque<Event>,
    /// The last connection that sent bytes.
    turn: Option<Id>,
    /// When what was handed out will have left.
    free_at: Option<Instant>,
}

impl Line {
    /// An end of a line of `baud` bits a second, ten of them a byte.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        Self {
            pace: Pace { baud: baud.max(1) },
            assembler: Assembler::default(),
            listening: BTreeSet::new(),
            connections: BTreeMap::new(),
            answers: VecDeque::new(),
            events: VecDeque::new(),
            turn: None,
            free_at: None,
        }
    }

    /// Takes what the line brought.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        for piece in bytes.chunks(FRAME_BYTES_MAX) {
            self.assembler.push(piece);
            while let Some(frame) = self.assembler.take() {
                self.handle_frame(now, frame);
            }
        }
        self.sweep();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for (id, connection) in &mut self.connections {
            let before = connection.end();
            connection.handle_timeout(now, &self.pace);
            if let (None, Some(end)) = (before, connection.end())
                && !connection.is_released()
            {
                self.events.push_back(Event::Ended(*id, end));
            }
        }
        self.sweep();
    }

    /// Everything ends: the device is gone.
    pub fn handle_loss(&mut self) {
        for (id, connection) in &mut self.connections {
            if connection.end().is_none() {
                connection.fail(End::Line);
                self.events.push_back(Event::Ended(*id, End::Line));
            }
        }
        self.assembler = Assembler::default();
        self.answers.clear();
        self.free_at = None;
        self.sweep();
    }

    /// Takes connections on `channel`; `false` if that is done already.
    pub fn listen(&mut self, channel: u8) -> bool {
        self.listening.insert(channel)
    }

    /// Takes no more; those that are there stay.
    pub fn unlisten(&mut self, channel: u8) {
        self.listening.remove(&channel);
    }

    /// Asks for a connection. `id.connection` is random. `false` if this end has one on the channel, or listens on it; one
    /// that was released and is not yet over gives way.
    pub fn open(&mut self, now: Instant, id: Id) -> bool {
        for (known, connection) in &mut self.connections {
            if known.channel == id.channel && connection.is_released() {
                connection.fail(End::Replaced);
            }
        }
        self.sweep();
        if self.listening.contains(&id.channel) || self.living(id.channel).next().is_some() {
            return false;
        }
        self.connections.insert(id, Connection::open(now));
        true
    }

    /// Takes bytes to send; how many, 0 if there is no room just now.
    ///
    /// # Errors
    /// The end of the connection.
    pub fn write(&mut self, id: Id, bytes: &[u8]) -> Result<usize, End> {
        match self.connections.get_mut(&id) {
            Some(connection) => connection.write(bytes),
            None => Err(End::Reset),
        }
    }

    /// Reads what came in order.
    pub fn read(&mut self, id: Id, buffer: &mut [u8]) -> Read {
        match self.connections.get_mut(&id) {
            Some(connection) => connection.read(buffer),
            None => Read::Failed(End::Reset),
        }
    }

    /// Nothing more is written; the other end reads an end after the rest.
    pub fn finish(&mut self, id: Id) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.finish();
        }
    }

    /// Whoever used the connection has gone. What was written is still sent.
    pub fn release(&mut self, now: Instant, id: Id) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let opening = connection.is_opening();
        if opening {
            connection.fail(End::Reset);
        }
        connection.release(now);
        if opening {
            // it may have been heard all the same
            self.answer(id, Kind::Reset, 0);
        }
        self.sweep();
    }

    /// The next bytes to write, if it is time.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.free_at.is_some_and(|free| free > now + AHEAD) {
            return None;
        }
        let bytes = self.next_frame(now)?.encode();
        let from = self.free_at.map_or(now, |free| free.max(now));
        self.free_at = Some(from + self.pace.time(bytes.len()));
        Some(bytes)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Line::handle_timeout`] and [`Line::poll_transmit`] again, whatever else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let free = self
            .free_at
            .map(|free| free.checked_sub(AHEAD).unwrap_or(free));
        let connections = self.connections.values();
        let given_up = connections.clone().filter_map(|it| it.timeout(&self.pace));
        let said = connections
            .filter_map(Connection::wants_line_at)
            .map(|at| free.map_or(at, |free| at.max(free)));
        let sent = free.filter(|_| self.has_more());
        given_up.chain(said).chain(sent).min()
    }

    /// Whether nothing is listened for and no connection is left.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.listening.is_empty() && self.connections.is_empty() && self.answers.is_empty()
    }

    /// Stretches of bytes that looked like a frame and were none.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.assembler.damaged()
    }

    fn handle_frame(&mut self, now: Instant, frame: Frame) {
        let id = frame.id;
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.end().is_none()
        {
            let opening = connection.is_opening();
            connection.handle(now, frame);
            match connection.end() {
                // whoever has gone is told nothing
                Some(end) if !connection.is_released() => {
                    self.events.push_back(Event::Ended(id, end));
                }
                None if opening && !connection.is_opening() => {
                    self.events.push_back(Event::Opened(id));
                }
                _ => {}
            }
            return;
        }
        match frame.kind {
            Kind::Open if !self.listening.contains(&id.channel) => {
                self.answer(id, Kind::Refuse, REFUSED_NO_SERVER);
            }
            Kind::Open if frame.number != VERSION => self.answer(id, Kind::Refuse, VERSION),
            // one of before the other end was started again, or doubled on its way
            Kind::Open if self.connections.contains_key(&id) => self.answer(id, Kind::Reset, 0),
            Kind::Open => self.accept(now, &frame),
            Kind::Reset | Kind::Refuse => {}
            _ => self.answer(id, Kind::Reset, 0),
        }
    }

    /// The other end has one connection a channel: whatever it had before is over.
    fn accept(&mut self, now: Instant, frame: &Frame) {
        let before: Vec<Id> = self.living(frame.id.channel).collect();
        for id in before {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.fail(End::Replaced);
                self.events.push_back(Event::Ended(id, End::Replaced));
            }
        }
        let connection = Connection::accepted(now, frame.credit);
        self.connections.insert(frame.id, connection);
        self.events.push_back(Event::Accepted(frame.id));
    }

    fn living(&self, channel: u8) -> impl Iterator<Item = Id> {
        let of = |connection| Id {
            channel,
            connection,
        };
        self.connections
            .range(of(0)..=of(u32::MAX))
            .filter(|(_, connection)| connection.end().is_none())
            .map(|(id, _)| *id)
    }

    fn answer(&mut self, id: Id, kind: Kind, number: u16) {
        let known = self
            .answers
            .iter()
            .any(|answer| answer.id == id && answer.kind == kind);
        if !known && self.answers.len() < ANSWERS_MAX {
            self.answers.push_back(Frame {
                id,
                kind,
                number,
                ack: 0,
                credit: 0,
                payload: Vec::new(),
            });
        }
    }

    fn next_frame(&mut self, now: Instant) -> Option<Frame> {
        if let Some(answer) = self.answers.pop_front() {
            return Some(answer);
        }
        let control = |(id, connection): (&Id, &mut Connection)| connection.poll_control(*id, now);
        if let Some(frame) = self.connections.iter_mut().find_map(control) {
            return Some(frame);
        }
        let pace = self.pace;
        let from = self.free_at.map_or(now, |free| free.max(now));
        let after = self.turn.map_or(Bound::Unbounded, Bound::Excluded);
        let until = self.turn.map_or(Bound::Excluded(FIRST), Bound::Included);
        for range in [(after, Bound::Unbounded), (Bound::Unbounded, until)] {
            for (id, connection) in self.connections.range_mut(range) {
                let gone_at = |bytes| from + pace.time(bytes + FRAME_BYTES_MAX - PAYLOAD_BYTES_MAX);
                if let Some(frame) = connection.poll_bytes(*id, &pace, gone_at) {
                    self.turn = Some(*id);
                    return Some(frame);
                }
            }
        }
        None
    }

    fn has_more(&self) -> bool {
        !self.answers.is_empty() || self.connections.values().any(Connection::has_more)
    }

    fn sweep(&mut self) {
        self.connections
            .retain(|_, connection| !connection.is_over());
    }
}

/// How long things take on a line.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Bits a second.
    baud: u32,
}

impl Pace {
    /// How long so many bytes take: eight bits of each, a start and a stop.
    fn time(&self, bytes: usize) -> Duration {
        let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(10);
        Duration::from_micros(bits.saturating_mul(1_000_000) / u64::from(self.baud))
    }

    /// How long an answer to a frame takes after that has left: behind what the other end is just sending.
    fn answer_wait(&self, resends: u32) -> Duration {
        let once = ANSWER_WAIT + self.time(4 * FRAME_BYTES_MAX);
        let doubled = once.saturating_mul(1 << resends.min(5));
        doubled.min(once.max(ANSWER_WAIT_MAX))
    }

    fn open_wait(&self) -> Duration {
        OPEN_WAIT + self.time(8 * FRAME_BYTES_MAX)
    }

    fn dead_wait(&self) -> Duration {
        DEAD_WAIT + self.time(16 * FRAME_BYTES_MAX)
    }
}

impl End {
    /// What a refusal's number says.
    fn refused(number: u16) -> Self {
        match number {
            REFUSED_NO_SERVER => Self::Refused,
            version => Self::Version(version),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {} ({:08x})", self.channel, self.connection)
    }
}

/// The version of this protocol.
const VERSION: u16 = 1;
/// [`Kind::Refuse`]'s number where nobody listens; otherwise it is the version wanted.
const REFUSED_NO_SERVER: u16 = 0;
/// Below all.
const FIRST: Id = Id {
    channel: 0,
    connection: 0,
};
/// Answers that wait; more are not worth it, whoever misses one asks again.
const ANSWERS_MAX: usize = 32;
/// How much the line is given ahead of what it carries: what a busy machine may oversleep.
const AHEAD: Duration = Duration::from_millis(20);
/// How long the other machine and its adapter take for an answer.
const ANSWER_WAIT: Duration = Duration::from_millis(200);
/// Longest wait for an answer on a line fast enough.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(3);
/// How long a connection is asked for.
const OPEN_WAIT: Duration = Duration::from_secs(10);
/// Silence after which the other end is taken for dead: it was asked three times.
const DEAD_WAIT: Duration = Duration::from_secs(15);
