//! A screen for tests: a rack filled by hand, keys by their names, frames as text. No terminal, no engine, no clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::KeyEvent;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::company::{Company, Joined};
use super::frame::Fresh;
use super::glyphs::UNICODE;
use super::history::History;
use super::keys::{Key, KeyMap};
use super::message::{Effect, Message, Targets};
use super::model::{Model, Settings};
use super::picture::{Collected, Picture};
use super::theme::{BUILT_IN, Depth, Theme};
use super::view;
use crate::deck::{Event, Role};
use crate::rack::{Rack, State, Target, TargetId, status};
use crate::session::client::Line;
use crate::session::people::{PersonId, Seated};
use crate::session::server::ServerEntry;
use crate::session::{Change, Permission, Person, Said};
use crate::transcript::{Kind, Limits, Time, Transcript};

/// 14:02:31 of some day. Microseconds since 1970 UTC.
pub const START: i64 = 1_773_064_951_000_000;

pub struct Stage {
    pub model: Model,
    pub picture: Picture,
    pub now: Time,
    pub clock: Instant,
    pub effects: Vec<Effect>,
}

impl Stage {
    /// A rack of so many running targets, named `t000` and on, in two groups, that printed nothing yet.
    pub fn new(count: u32) -> Self {
        Self::with_debuggers(count, &[])
    }

    /// Such a rack, those of these numbers being debug targets.
    pub fn with_debuggers(count: u32, debuggers: &[u32]) -> Self {
        let target = |id: u32| {
            let transcript = Arc::new(Transcript::new(Limits::default(), Arc::default()));
            let status = Arc::new(status::Shared::new(Time(START)));
            status.set(Time(START), State::Running, "connected");
            Arc::new(Target {
                id: TargetId(id),
                name: format!("t{id:03}"),
                address: if debuggers.contains(&id) {
                    format!("net:port={},key=*", 50_000 + id)
                } else {
                    format!("raw:server=ts1,port={}", 7000 + id)
                },
                debugger: debuggers.contains(&id),
                groups: vec![if id < count / 2 { "rack-a" } else { "rack-b" }.to_owned()],
                tags: Vec::new(),
                transcript,
                status,
            })
        };
        let rack = Arc::new(Rack::new((0..count).map(target).collect()));
        let themes = BUILT_IN
            .iter()
            .map(|(name, _)| Theme::load(name, None, Depth::Ansi16).unwrap())
            .collect();
        let settings = Settings {
            who: "kim".to_owned(),
            keys: KeyMap::default(),
            themes,
            theme: 0,
            depth: Depth::Ansi16,
            glyphs: &UNICODE,
            times: false,
            confirm_many: true,
            reduced_motion: false,
            mouse: true,
            zone: TimeZone::UTC,
        };
        let size = Size {
            width: 80,
            height: 24,
        };
        let model = Model::new(settings, rack, History::default(), size, Time(START));
        Self {
            model,
            picture: Picture::default(),
            now: Time(START),
            clock: Instant::now(),
            effects: Vec::new(),
        }
    }

    pub fn target(&self, name: &str) -> Arc<Target> {
        self.model
            .rack
            .named(name)
            .cloned()
            .expect("the tests name targets that are there")
    }

    /// What a target prints.
    pub fn output(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.target(name)
            .transcript
            .output(self.now, bytes.as_ref());
    }

    pub fn note(&self, name: &str, kind: Kind, who: Option<&str>, text: &str) {
        self.target(name).transcript.note(self.now, kind, who, text);
    }

    pub fn state(&self, name: &str, state: State, detail: &str) {
        self.target(name).status.set(self.now, state, detail);
    }

    /// Stops a debug target: what it asks with, and why it is stopped.
    pub fn stops(&self, name: &str, prompt: &str, reason: &str) {
        self.state(name, State::Broken, reason);
        self.target(name).status.set_prompt(prompt);
    }

    /// Raises an alert.
    pub fn alert(&self, name: &str, alert: &str) {
        self.target(name).status.set_alert(alert);
    }

    /// Makes it a console of that role, with these people here; the first is the one in this seat.
    pub fn company(&mut self, role: Role, names: &[&str]) {
        let person = |(place, name): (u32, &&str)| Person {
            id: PersonId(place + 1),
            name: (*name).to_owned(),
            permission: match (role, place) {
                (Role::Client, 0) => Permission::Operator,
                (_, 0) => Permission::Owner,
                _ => Permission::Operator,
            },
            seated: Seated::Client,
            account: String::new(),
            origin: format!("tcp 10.0.0.{place}:51733"),
            server: None,
            since: Time(START),
            active: Time(START),
            away: false,
        };
        let people: Vec<Person> = (0..).zip(names).map(person).collect();
        let servers = match role {
            Role::Host => Vec::new(),
            Role::Server | Role::Client => vec![ServerEntry {
                id: 0,
                string: "tcp:Port=5005,Password=*".to_owned(),
                join: "tcp:Port=5005,Server=lab01,Password=*".to_owned(),
                clients: 2,
                ending: false,
                open: false,
            }],
        };
        let joined = (role == Role::Client).then(|| Joined {
            server: "tcp:Port=5005,Server=lab01,Password=*".to_owned(),
            line: Line::Up,
        });
        let rack = self.model.rack.clone();
        self.message(Message::Company(Box::new(Company {
            role,
            me: people.first().cloned(),
            people,
            servers,
            joined,
        })));
        self.message(Message::Rack(Targets(rack)));
    }

    /// Somebody says something; returns what is to be done for it.
    pub fn says(&mut self, id: u64, from: &str, to: Option<&str>, text: &str) -> Vec<Effect> {
        let (action, text) = match text.strip_prefix("/me ") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let said = Said {
            id,
            time: self.now,
            from: from.to_owned(),
            to: to.map(str::to_owned),
            action,
            text: text.to_owned(),
        };
        self.message(Message::Event(Event::Chat(said)))
    }

    /// Something changes about one of the people.
    pub fn person(&mut self, name: &str, change: Change) -> Vec<Effect> {
        let people = &self.model.company.people;
        let person = people.iter().find(|person| person.name == name).cloned();
        let event = Event::Person {
            time: self.now,
            person: person.expect("the tests name people who are there"),
            change,
        };
        self.message(Message::Event(event))
    }

    /// Lets time pass.
    pub fn wait(&mut self, ms: u32) {
        self.now.0 += i64::from(ms) * 1_000;
        self.clock += Duration::from_millis(ms.into());
    }

    /// Gives the model a message; returns what it wants done, but for drawing.
    pub fn message(&mut self, message: Message) -> Vec<Effect> {
        self.effects = self.model.update(self.now, message);
        self.effects
            .iter()
            .filter(|effect| !matches!(effect, Effect::Draw(_)))
            .cloned()
            .collect()
    }

    /// Presses keys, their names separated by blanks; returns what all of them want done, but for drawing.
    pub fn keys(&mut self, names: &str) -> Vec<Effect> {
        let press = |name| {
            let key: Key = std::str::FromStr::from_str(name).expect("the tests name keys");
            self.message(Message::Key(KeyEvent::new(key.code(), key.modifiers())))
        };
        names.split(' ').flat_map(press).collect()
    }

    /// Types text.
    pub fn typed(&mut self, text: &str) -> Vec<Effect> {
        let press = |c| {
            let key = Key::new(
                crossterm::event::KeyCode::Char(c),
                crossterm::event::KeyModifiers::NONE,
            );
            self.message(Message::Key(KeyEvent::new(key.code(), key.modifiers())))
        };
        text.chars().flat_map(press).collect()
    }

    /// Types a line at the command line and sends it.
    pub fn line(&mut self, text: &str) -> Vec<Effect> {
        self.model.focus = super::model::Focus::Line;
        self.typed(text);
        self.keys("enter")
    }

    pub fn collect(&mut self, fresh: Fresh) -> Collected {
        self.picture.collect(&mut self.model, fresh, self.clock)
    }

    /// The terminal after a frame of that size.
    pub fn terminal(&mut self, width: u16, height: u16) -> Terminal<TestBackend> {
        self.message(Message::Resize {
            columns: width,
            rows: height,
        });
        self.collect(Fresh::All);
        let mut terminal =
            Terminal::new(TestBackend::new(width, height)).expect("a test's terminal cannot fail");
        terminal
            .draw(|frame| view::draw(frame, &self.model, &self.picture))
            .expect("a test's terminal cannot fail");
        terminal
    }

    /// The rows of a frame of that size.
    pub fn screen(&mut self, width: u16, height: u16) -> String {
        self.terminal(width, height).backend().to_string()
    }
}
