//! What prints: a reader of all transcripts that is told answers and rare events beside.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc};

use super::print::{Out, Type};
use crate::command::Reply;
use crate::deck::{Event, Role, Seat, Severity};
use crate::rack::{Rack, State, Target};
use crate::transcript::{Ending, Entry, Kind, Reader, Seq, Step, Time};

/// Printed at once, bytes. Between two such pieces answers and states get their turn.
const PIECE_BYTES: usize = 256 << 10;

/// Changes that follow each other faster are gathered for so long and printed together: with a rack that floods, waking
/// for each line would cost as much as receiving it.
const GATHER: Duration = Duration::from_millis(2);

/// Why a target is closed that is not in the rack any more.
const REMOVED: &str = "it is not in the rack any more";

/// What the printer is told by those who carry out commands.
#[derive(Debug)]
pub enum Answer {
    /// What came of a command.
    Reply {
        /// The command's number.
        id: u64,
        /// One of its replies.
        reply: Reply,
    },
    /// Something that is no command.
    Error(String),
    /// There is nothing more to carry out: what is there now is printed, and no more.
    End,
}

/// Prints what happens.
#[derive(Debug)]
pub struct Printer {
    seat: Seat,
    events: broadcast::Receiver<Event>,
    rack: Arc<Rack>,
    out: Out,
    /// One for each target of the rack, in its order.
    places: Vec<Place>,
    /// The place that is read next.
    turn: usize,
    /// The role and the servers that were printed last.
    role: Option<(Role, Vec<String>)>,
}

/// Where the printer is in one target.
#[derive(Debug)]
struct Place {
    target: Arc<Target>,
    reader: Reader,
    version: Option<u64>,
    /// Nothing is printed from here on.
    end: Option<Seq>,
    /// The state that was printed last.
    told: Option<(State, String)>,
    /// It is another host's target: its history may begin anywhere.
    joined: bool,
}

impl Printer {
    /// A printer of all that happens at `seat` from now on, and of what is there.
    pub fn new(seat: Seat, out: Out) -> Self {
        Self {
            events: seat.news().events(),
            rack: Arc::default(),
            seat,
            out,
            places: Vec::new(),
            turn: 0,
            role: None,
        }
    }

    /// Prints until [`Answer::End`].
    ///
    /// # Errors
    /// Those of the output.
    pub async fn run(mut self, mut answers: mpsc::Receiver<Answer>) -> io::Result<()> {
        self.role();
        self.start_over()?;
        let watch = self.seat.news().pulse().watch();
        let reads = self
            .out
            .wants_any(&[Type::Output, Type::Command, Type::Notice, Type::Missed]);
        let mut ended = false;
        let mut last_read = Instant::now();
        loop {
            watch.arm();
            let more = reads && self.read_piece()?;
            self.out.flush()?;
            let often = last_read.elapsed() < 2 * GATHER;
            last_read = Instant::now();
            if ended && !more {
                return Ok(());
            }
            let rung = async {
                if !more {
                    watch.rung().await;
                    if often {
                        tokio::time::sleep(GATHER).await;
                    }
                }
            };
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Ok(event) => self.event(event)?,
                    Err(broadcast::error::RecvError::Lagged(count)) => self.lagged(count)?,
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                },
                answer = answers.recv(), if !ended => match answer {
                    Some(Answer::Reply { id, reply }) => self.reply(id, &reply),
                    Some(Answer::Error(text)) => self.out.error(Time::now(), None, &text),
                    Some(Answer::End) | None => {
                        ended = true;
                        self.end()?;
                    }
                },
                () = rung, if reads => {}
            }
        }
    }

    /// Prints the states as they are. Events that are older are not printed any more.
    fn start_over(&mut self) -> io::Result<()> {
        let mut others = Vec::new();
        loop {
            match self.events.try_recv() {
                Ok(Event::Target { .. } | Event::Rack) => {}
                Ok(other) => others.push(other),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        self.take_rack()?;
        for place in &mut self.places {
            let status = place.target.status.read();
            place.state(&mut self.out, status.since, status.state, status.detail);
        }
        for event in others {
            self.event(event)?;
        }
        Ok(())
    }

    /// So many events were lost: targets' states show what they were, others are gone.
    fn lagged(&mut self, count: u64) -> io::Result<()> {
        let text = format!("{count} events came faster than they were printed");
        self.out.error(Time::now(), None, &text);
        self.start_over()
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Rack => return self.take_rack(),
            Event::Target {
                time,
                id,
                state,
                detail,
            } => {
                let place = self.places.iter_mut().find(|place| place.target.id == id);
                if let Some(place) = place {
                    place.state(&mut self.out, time, state, detail);
                }
            }
            Event::Notice {
                time,
                severity: Severity::Info,
                target: None,
                text,
            } => self.out.news(time, &text),
            Event::Notice {
                time, target, text, ..
            } => {
                let target = target.and_then(|id| self.rack.target(id));
                let name = target.map(|target| target.name.as_str());
                self.out.error(time, name, &text);
            }
            Event::Chat(said) => {
                let me = self.seat.deck().me();
                if me.is_none_or(|me| said.is_for(&me.name)) {
                    self.out.chat(&said);
                }
            }
            Event::Person {
                time,
                person,
                change,
            } => self.out.person(time, &person, &change),
            Event::Role { .. } => self.role(),
        }
        Ok(())
    }

    fn role(&mut self) {
        let deck = self.seat.deck();
        let servers = deck.servers().into_iter().map(|server| server.string);
        let now = (deck.role(), servers.collect::<Vec<_>>());
        if self.role.as_ref() != Some(&now) {
            self.out.role(now.0, &now.1);
            self.role = Some(now);
        }
    }

    fn reply(&mut self, id: u64, reply: &Reply) {
        let target = reply.target.and_then(|id| self.rack.target(id));
        let name = target.map(|target| target.name.as_str());
        self.out.reply(Time::now(), id, name, reply);
    }

    /// Notices which targets came and went. What those that went printed last is printed.
    fn take_rack(&mut self) -> io::Result<()> {
        self.rack = self.seat.deck().rack();
        let joined = self.seat.deck().role() == Role::Client;
        let old = std::mem::take(&mut self.places);
        let gone;
        (self.places, gone) = self.rack.carry_over(
            old,
            |place| &mut place.target,
            |target| Place::new(target, joined),
        );
        for mut gone in gone {
            gone.stop_here();
            while gone.read(&mut self.out) {
                self.out.flush()?;
            }
            gone.state(
                &mut self.out,
                Time::now(),
                State::Closed,
                REMOVED.to_owned(),
            );
        }
        Ok(())
    }

    /// Prints the events that are there and no more, and of the transcripts what is in them now.
    fn end(&mut self) -> io::Result<()> {
        while let Ok(event) = self.events.try_recv() {
            self.event(event)?;
        }
        for place in &mut self.places {
            place.stop_here();
        }
        Ok(())
    }

    /// Prints what is new, up to a piece. True if there may be more.
    fn read_piece(&mut self) -> io::Result<bool> {
        for _ in 0..self.places.len() {
            let at = self.turn % self.places.len();
            self.turn = at + 1;
            let full = self
                .places
                .get_mut(at)
                .is_some_and(|place| place.read(&mut self.out));
            if full {
                self.out.flush()?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Place {
    fn new(target: Arc<Target>, joined: bool) -> Self {
        Self {
            joined,
            target,
            reader: Reader::default(),
            version: None,
            end: None,
            told: None,
        }
    }

    /// What comes from now on is not printed.
    fn stop_here(&mut self) {
        self.end = Some(self.target.transcript.with(|ring| ring.next()));
    }

    fn state(&mut self, out: &mut Out, time: Time, state: State, detail: String) {
        let told = (state, detail);
        if self.told.as_ref() != Some(&told) {
            out.state(time, &self.target.name, state, &told.1);
            self.told = Some(told);
        }
    }

    /// Prints what is new. True if there may be more: a piece is full.
    fn read(&mut self, out: &mut Out) -> bool {
        let version = self.target.transcript.version();
        let at_end = self.end.is_some_and(|end| self.reader.position() >= end);
        if self.version == Some(version) || at_end {
            return false;
        }
        let (name, mut full) = (&self.target.name, false);
        let arriving = self.joined && self.reader.position() == 1;
        self.target.transcript.with(|ring| {
            self.reader.read(ring, true, |step| {
                match step {
                    // What was before a client joined was not missed.
                    Step::Missed(_) if arriving => {}
                    Step::Missed(count) => out.missed(Time::now(), name, count),
                    Step::Entry(entry, _) => print(out, name, &entry),
                }
                full = out.waiting() >= PIECE_BYTES;
                !full
            });
        });
        if !full {
            self.version = Some(version);
        }
        full
    }
}

fn print(out: &mut Out, target: &str, entry: &Entry<'_>) {
    match entry.kind {
        Kind::Output => {
            let partial = entry.ending == Ending::Open;
            out.output(entry.time, target, entry.seq, entry.bytes, partial);
        }
        Kind::Command => out.command(entry.time, target, entry.seq, entry.who, entry.bytes),
        Kind::Notice => out.notice(entry.time, target, entry.seq, entry.bytes),
        // The reply itself is printed when its command ends.
        Kind::Reply => {}
    }
}
