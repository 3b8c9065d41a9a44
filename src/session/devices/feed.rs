//! What devices are shown: one reader of all transcripts for all of them, and of what happens beside.
//!
//! Each line is written once and shared; a device's queue holds no copy of it. What comes faster than anybody could read
//! it is skipped, with a count.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::device::Device;
use super::lines::{self, Level, Stamps};
use super::{Devices, State};
use crate::deck::{Event, Severity};
use crate::host::Host;
use crate::proto::rawchat::outbox;
use crate::rack::{self, Rack, Target, TargetId};
use crate::session::Said;
use crate::transcript::{Ending, Entry, Kind, Reader, Step, Time, safe};

/// Output is gathered for so long: far below what a person notices, and few writes where lines come by the thousand.
const GATHER: Duration = Duration::from_millis(50);
/// Lines made in one such time, over all targets: 80,000 a second are more than any terminal takes.
const ROUND_LINES: usize = 4096;
/// Entries looked at while a transcript is locked; its target waits meanwhile.
const PIECE_ENTRIES: usize = 1024;
/// Pieces of one target that are looked at before the others have their turn.
const TURN_PIECES: usize = 32;
/// Crashes that are remembered for those who ask.
const CRASHES_MAX: usize = 32;
/// A state and a notice that say the same within this time are one event.
const ONE_EVENT_US: i64 = 2_000_000;

/// What somebody wants to see of a target.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Wants {
    /// What happens to it.
    events: bool,
    /// What it prints.
    output: bool,
}

/// A line for those who want it.
struct Fresh {
    target: TargetId,
    output: bool,
    line: Arc<str>,
}

/// Where the feed is in one target.
struct Place {
    target: Arc<Target>,
    reader: Reader,
    version: Option<u64>,
    /// Somebody wants its output.
    wanted: bool,
    /// The last event that was told, and when.
    told: (String, Time),
}

struct Feed {
    devices: Arc<Devices>,
    host: Arc<Host>,
    rack: Arc<Rack>,
    places: Vec<Place>,
    /// The place that is read next.
    turn: usize,
    /// The devices, and what each wants of which target.
    plan: Vec<(Arc<Device>, HashMap<TargetId, Wants>)>,
    stamps: Stamps,
    fresh: Vec<Fresh>,
}

/// Shows devices what happens until the port is closed.
pub(super) async fn run(devices: Arc<Devices>, stop: CancellationToken) {
    let Some(host) = devices.host() else { return };
    let mut events = host.news().sender().subscribe();
    let watch = host.news().pulse().watch();
    let mut feed = Feed {
        rack: Arc::default(),
        places: Vec::new(),
        turn: 0,
        plan: Vec::new(),
        stamps: Stamps::default(),
        fresh: Vec::new(),
        devices: devices.clone(),
        host,
    };
    feed.take_rack();
    feed.welcome();
    loop {
        watch.arm();
        let listened = !feed.plan.is_empty();
        let more = listened && feed.read();
        feed.deliver();
        let rung = async {
            if !more {
                watch.rung().await;
            }
            tokio::time::sleep(GATHER).await;
        };
        tokio::pin!(rung);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.recv() => match event {
                    Ok(event) => feed.event(event),
                    Err(broadcast::error::RecvError::Lagged(_)) => feed.catch_up(),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = devices.changed.notified() => {
                    feed.make_plan();
                    feed.welcome();
                    if listened == feed.plan.is_empty() {
                        break;
                    }
                }
                () = &mut rung, if listened => break,
            }
            feed.deliver();
        }
    }
}

impl Feed {
    /// Takes up which targets there are.
    fn take_rack(&mut self) {
        self.rack = self.host.rack();
        let old = std::mem::take(&mut self.places);
        (self.places, _) = self
            .rack
            .carry_over(old, |place| &mut place.target, Place::new);
        self.make_plan();
    }

    /// Takes up who wants to see what.
    fn make_plan(&mut self) {
        let idle = self.plan.is_empty();
        let state = self.devices.state();
        let targets = self.rack.targets();
        self.plan = state
            .live
            .iter()
            .map(|device| {
                let wants = |target: &Arc<Target>| (target.id, wants(&state, device, target));
                (device.clone(), targets.iter().map(wants).collect())
            })
            .collect();
        drop(state);
        for place in &mut self.places {
            let wants = self
                .plan
                .iter()
                .filter_map(|(_, wants)| wants.get(&place.target.id));
            place.wanted = wants.into_iter().any(|wants| wants.output);
        }
        if idle {
            // Nobody was there to see what came meanwhile.
            self.skip();
        }
    }

    /// Lets those who came in.
    fn welcome(&self) {
        for (device, _) in &self.plan {
            device.notice();
        }
    }

    /// What is there now is not shown.
    fn skip(&mut self) {
        for place in &mut self.places {
            let next = place.target.transcript.with(|ring| ring.next());
            place.reader = Reader::from(next);
            place.version = None;
        }
    }

    /// Reads what is new, as far as one round goes. True if there is more.
    fn read(&mut self) -> bool {
        let mut unread = self.places.len();
        while unread > 0 {
            let at = self.turn % self.places.len().max(1);
            self.turn = at + 1;
            let Some(place) = self.places.get_mut(at) else {
                return false;
            };
            if place.read(&mut self.stamps, &mut self.fresh) {
                unread = self.places.len();
            } else {
                unread -= 1;
            }
            if self.fresh.len() >= ROUND_LINES {
                return true;
            }
        }
        false
    }

    /// Gives the devices the lines they want.
    fn deliver(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        for (device, wants) in &self.plan {
            let wanted = |fresh: &&Fresh| {
                let wants = wants.get(&fresh.target).copied().unwrap_or_default();
                if fresh.output {
                    wants.output
                } else {
                    wants.events
                }
            };
            let mut lines = self
                .fresh
                .iter()
                .filter(wanted)
                .map(|fresh| &fresh.line)
                .peekable();
            if lines.peek().is_some() {
                device.log(lines);
            }
        }
        self.fresh.clear();
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Rack => self.take_rack(),
            // An attempt is no event, what becomes of it is.
            Event::Target {
                state: rack::State::Connecting,
                ..
            } => {}
            Event::Target {
                time,
                id,
                state,
                detail,
            } => {
                let place = self.places.iter_mut().find(|place| place.target.id == id);
                if let Some(place) = place {
                    let text = if detail.is_empty() {
                        state.word()
                    } else {
                        &detail
                    };
                    let stamp = self.stamps.at(time);
                    self.fresh
                        .extend(place.event(time, stamp, state.into(), text));
                }
            }
            Event::Notice {
                time,
                severity,
                target: None,
                text,
            } => self.notice(time, severity, &text),
            Event::Notice {
                time,
                severity: Severity::Error,
                target: Some(id),
                text,
            } => self.alert(time, id, &text),
            // Of others its history tells, too.
            Event::Notice { .. } => {}
            Event::Chat(said) => self.chat(&said),
            Event::Person { person, change, .. } => {
                let line: Arc<str> = lines::person(&person, &change).into();
                for device in self.listeners() {
                    if device.person() != Some(person.id) {
                        device.say(line.clone());
                    }
                }
            }
            Event::Role { .. } => {}
        }
    }

    /// The host has something to tell.
    fn notice(&mut self, time: Time, severity: Severity, text: &str) {
        let letter = Level::from(severity).letter();
        let (stamp, text) = (self.stamps.at(time), safe::plain(text.as_bytes()));
        let line: Arc<str> = format!("{stamp} [{letter}] (kdeck): {text}").into();
        for (device, _) in self.plan.iter().filter(|(device, _)| !device.chat_only) {
            device.log(std::iter::once(&line));
        }
    }

    /// A target needs somebody.
    fn alert(&mut self, time: Time, id: TargetId, text: &str) {
        let Some(place) = self.places.iter().find(|place| place.target.id == id) else {
            return;
        };
        let text = safe::plain(text.as_bytes());
        let fresh = place.line(self.stamps.at(time), Level::Fatal, &text, false);
        let mut state = self.devices.state();
        state.crashes.push_front(fresh.line.clone());
        state.crashes.truncate(CRASHES_MAX);
        drop(state);
        self.fresh.push(fresh);
    }

    fn chat(&mut self, said: &Said) {
        let format = self.devices.state().settings.format.clone();
        let line: Arc<str> = lines::chat(self.stamps.at(said.time), &format, said).into();
        for device in self.listeners() {
            device.hear(said, &line);
        }
    }

    /// Events were lost: what was said is known from elsewhere.
    fn catch_up(&mut self) {
        self.take_rack();
        let format = self.devices.state().settings.format.clone();
        for device in self.listeners() {
            let (heard, name) = {
                let inside = device.inside();
                (inside.heard, inside.name.clone())
            };
            for said in heard
                .map(|heard| self.host.chat().since(heard, &name))
                .unwrap_or_default()
            {
                let line: Arc<str> = lines::chat(self.stamps.at(said.time), &format, &said).into();
                device.hear(&said, &line);
            }
        }
    }

    /// Whoever is connected, also if they were not when the plan was made.
    fn listeners(&self) -> Vec<Arc<Device>> {
        self.devices.state().live.clone()
    }
}

impl Place {
    fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            reader: Reader::default(),
            version: None,
            wanted: false,
            told: (String::new(), Time(0)),
        }
    }

    /// Reads a turn's worth of what is new. True if something was read and more may follow.
    fn read(&mut self, stamps: &mut Stamps, fresh: &mut Vec<Fresh>) -> bool {
        let version = self.target.transcript.version();
        if self.version == Some(version) {
            return false;
        }
        if self.wanted {
            self.jump(fresh);
        }
        for _ in 0..TURN_PIECES {
            let (mut looked_at, mut made) = (0, 0);
            let target = self.target.clone();
            let (place, transcript) = (&mut *self, &target.transcript);
            let mut reader = place.reader;
            transcript.with(|ring| {
                reader.read(ring, true, |step| {
                    looked_at += 1;
                    let lines = fresh.len();
                    match step {
                        Step::Missed(count) if place.wanted => fresh.push(place.skipped(count)),
                        Step::Missed(_) => {}
                        Step::Entry(entry, _) => place.entry(&entry, stamps, fresh),
                    }
                    made += fresh.len() - lines;
                    looked_at < PIECE_ENTRIES && made < PIECE_LINES
                });
            });
            place.reader = reader;
            if looked_at < PIECE_ENTRIES && made < PIECE_LINES {
                self.version = Some(version);
                return false;
            }
            if made >= PIECE_LINES {
                return true;
            }
        }
        true
    }

    /// Leaves out what no device's queue could hold anyway.
    fn jump(&mut self, fresh: &mut Vec<Fresh>) {
        let newest = self.target.transcript.with(|ring| ring.next());
        let oldest = newest.saturating_sub(outbox::LINES_MAX as u64);
        let position = self.reader.position();
        if position < oldest {
            self.reader = Reader::from(oldest);
            fresh.push(self.skipped(oldest - position));
        }
    }

    fn entry(&mut self, entry: &Entry<'_>, stamps: &mut Stamps, fresh: &mut Vec<Fresh>) {
        match entry.kind {
            Kind::Output if self.wanted && entry.ending != Ending::Open => {
                let text = safe::plain(entry.bytes);
                fresh.push(self.line(stamps.at(entry.time), Level::Info, &text, true));
            }
            Kind::Notice => {
                let level = Level::from(self.target.status.state());
                let stamp = stamps.at(entry.time).to_owned();
                for text in entry.bytes.split(|byte| *byte == b'\n') {
                    let text = safe::plain(text);
                    fresh.extend(self.event(entry.time, &stamp, level, &text));
                }
            }
            _ => {}
        }
    }

    /// Something happened to the target; nothing if that was told just now.
    fn event(&mut self, time: Time, stamp: &str, level: Level, text: &str) -> Option<Fresh> {
        let text = safe::plain(text.as_bytes());
        let (last, when) = &self.told;
        let same =
            !last.is_empty() && (last.starts_with(&*text) || text.starts_with(last.as_str()));
        if same && (time.0 - when.0).abs() < ONE_EVENT_US {
            return None;
        }
        self.told = (text.clone().into_owned(), time);
        Some(self.line(stamp, level, &text, false))
    }

    fn line(&self, stamp: &str, level: Level, text: &str, output: bool) -> Fresh {
        let source = lines::source(&self.target.address);
        Fresh {
            target: self.target.id,
            output,
            line: lines::log(stamp, level, &self.target.name, source, text).into(),
        }
    }

    fn skipped(&self, count: u64) -> Fresh {
        let lines = if count == 1 { "line" } else { "lines" };
        Fresh {
            target: self.target.id,
            output: true,
            line: format!(">> {count} log {lines} of {} skipped.", self.target.name).into(),
        }
    }
}

/// What a device wants to see of a target: what happens to it, and all it prints where that is broadcast or watched.
fn wants(state: &State, device: &Device, target: &Target) -> Wants {
    if device.chat_only {
        return Wants::default();
    }
    match device.inside().rules.choice(target) {
        Some(chosen) => Wants {
            events: chosen,
            output: chosen,
        },
        None => Wants {
            events: true,
            output: state.broadcast.choice(target) == Some(true),
        },
    }
}

/// Lines made of one target before the others have their turn.
const PIECE_LINES: usize = 256;

impl Devices {
    /// The targets of which a device sees all that they print.
    pub(super) fn shown_to(&self, device: &Device, rack: &Rack) -> Vec<String> {
        let state = self.state();
        let shown = rack.targets().iter();
        let shown = shown.filter(|target| wants(&state, device, target).output);
        shown.map(|target| target.name.clone()).collect()
    }
}
