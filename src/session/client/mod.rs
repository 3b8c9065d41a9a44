//! Joined to somebody else's session: what is known of it, and the way to its host.

mod harmless;
#[cfg(fuzzing)]
mod heard;
mod join;
mod mirror;
mod pull;
mod run;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

#[cfg(fuzzing)]
pub use self::heard::heard;
#[cfg(test)]
pub(super) use self::join::start;
pub use self::join::{HISTORY, JoinError, Joining, Visitor, Way, join};
use self::mirror::Mirror;
#[cfg(test)]
pub(super) use self::run::Connection;
use super::chat::Chat;
use super::people::Person;
use super::server::ServerEntry;
use crate::command::Reply;
use crate::deck::{Asked, Event, News, Severity};
use crate::proto::session::message::{ToClient, Welcome};
use crate::rack::{Rack, TargetId};
use crate::session::{Change, Permission};
use crate::target::{Answer, Request};
use crate::transcript::{Seq, Time};

/// Commands that wait for a line that is slow. More are refused.
const COMMANDS: usize = 1024;
/// People of a session who are known here: more than any host of ours lets in.
const PEOPLE_MAX: usize = 4096;
/// How long the server has to be told that somebody leaves.
const FAREWELL: Duration = Duration::from_secs(2);
/// Said of a command that is not sent because the line is lost.
pub(super) const LINE_DOWN: &str = "not carried out: the session's line is down";
/// Said of a command that was on its way when the line was lost, or that cannot be sent.
const NO_LINE: &str =
    "the line to the server is down; it was not carried out, or its answer was lost";

/// Which targets' output is wanted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    /// All of it.
    All,
    /// That of these; of the others only the newest line.
    These(Vec<TargetId>),
}

/// How the line to the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Joined.
    Up,
    /// Lost; it is tried again by itself. Why and what goes on, in words.
    Down(String),
    /// We left; the session goes on.
    Left,
    /// The session ended for everybody. Why, in words.
    Over(String),
    /// It goes on, or may, and we are out of it. Why, in words.
    PutOut(String),
}

/// What a client asks its server for.
#[derive(Debug)]
pub(super) enum Ask {
    /// Carry out a line.
    Submit {
        /// The target in front of the person.
        focus: Option<TargetId>,
        /// The line.
        line: String,
        /// Where the answers go.
        answer: oneshot::Sender<Vec<Reply>>,
    },
    /// Ask a target for something.
    Target {
        /// Which.
        id: TargetId,
        /// For what.
        request: Request,
        /// Where the answer goes.
        answer: oneshot::Sender<Answer>,
    },
}

impl Ask {
    /// Answers that it was not done, since there is no line.
    fn refuse(self) {
        let why = LINE_DOWN.to_owned();
        // Nobody may be waiting any more.
        match self {
            Self::Submit { answer, .. } => drop(answer.send(vec![Reply::new(Err(why))])),
            Self::Target { answer, .. } => drop(answer.send(Err(why))),
        }
    }
}

/// A seat in somebody else's session.
#[derive(Debug)]
pub struct Client {
    news: News,
    chat: Chat,
    state: Mutex<State>,
    asks: mpsc::Sender<Ask>,
    /// Rings when the interest changed.
    interest_changed: Notify,
    ending: CancellationToken,
    /// Cancelled when there is nothing more to be done for it.
    done: CancellationToken,
}

impl State {
    fn take_person(&mut self, person: &Person, change: &Change) {
        self.people.retain(|known| known.id != person.id);
        if !matches!(change, Change::Left(_)) && self.people.len() < PEOPLE_MAX {
            self.people.push(person.clone());
            self.people.sort_by_key(|person| person.id);
        }
        if let Some(me) = self.me.as_mut().filter(|me| me.id == person.id) {
            me.clone_from(person);
        }
    }
}

/// What is known of the session.
#[derive(Debug)]
struct State {
    mirror: Mirror,
    /// Which run of the host the numbers are of.
    run: u64,
    host: String,
    me: Option<Person>,
    people: Vec<Person>,
    servers: Vec<ServerEntry>,
    server: String,
    line: Line,
    interest: Interest,
}

impl Client {
    /// The targets as they are now.
    pub fn rack(&self) -> Arc<Rack> {
        self.state().mirror.rack().clone()
    }

    /// The bell and the events.
    pub fn news(&self) -> &News {
        &self.news
    }

    /// The person here, as the server named them.
    pub fn me(&self) -> Option<Person> {
        self.state().me.clone()
    }

    /// Everybody who is in the session.
    pub fn people(&self) -> Vec<Person> {
        self.state().people.clone()
    }

    /// What people said.
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    /// The servers of the host.
    pub fn servers(&self) -> Vec<ServerEntry> {
        self.state().servers.clone()
    }

    /// The machine of the host.
    pub fn host(&self) -> String {
        self.state().host.clone()
    }

    /// The server this is joined to: its connection string, secrets masked.
    pub fn server(&self) -> String {
        self.state().server.clone()
    }

    /// How the line to it is.
    pub fn line(&self) -> Line {
        self.state().line.clone()
    }

    /// Tells which targets are looked at here.
    pub fn look(&self, interest: Interest) {
        let mut state = self.state();
        if state.interest != interest {
            state.interest = interest;
            self.interest_changed.notify_one();
        }
    }

    /// Has the host carry out a line. The future ends when the answers are there.
    pub fn submit(&self, focus: Option<TargetId>, line: &str) -> crate::command::Replies {
        let (answer, replies) = oneshot::channel();
        let line = line.to_owned();
        let asked = self.asks.try_send(Ask::Submit {
            focus,
            line,
            answer,
        });
        Box::pin(async move {
            let lost = || vec![Reply::new(Err(NO_LINE.to_owned()))];
            match asked {
                Ok(()) => replies.await.unwrap_or_else(|_| lost()),
                Err(_) => lost(),
            }
        })
    }

    /// Has the host ask a target for something.
    pub fn ask(&self, id: TargetId, request: Request) -> Asked {
        let (sender, answer) = oneshot::channel();
        let asked = self.asks.try_send(Ask::Target {
            id,
            request,
            answer: sender,
        });
        match asked {
            Ok(()) => Asked { seq: None, answer },
            Err(_) => Asked::refused(NO_LINE),
        }
    }

    /// Leaves the session, which goes on.
    pub fn end(&self) {
        self.ending.cancel();
    }

    /// Leaves the session, and waits until the server was told, or for a moment.
    pub async fn leave(&self) {
        self.end();
        tokio::time::timeout(FAREWELL, self.done.cancelled())
            .await
            .ok();
    }

    /// Waits until the session is over here; why, in words.
    pub async fn over(&self) -> String {
        self.done.cancelled().await;
        match self.line() {
            Line::Over(reason) | Line::PutOut(reason) => reason,
            Line::Left => "left".to_owned(),
            _ => String::new(),
        }
    }

    /// Cancelled when it is left, or when it ended.
    pub fn ending(&self) -> CancellationToken {
        self.ending.clone()
    }

    fn new(news: News, joining: &Joining, welcome: &Welcome) -> (Self, mpsc::Receiver<Ask>) {
        let (asks, inbox) = mpsc::channel(COMMANDS);
        let state = State {
            mirror: Mirror::new(joining.visitor.bounds, news.pulse()),
            run: welcome.run,
            host: welcome.host.clone(),
            me: None,
            people: Vec::new(),
            servers: Vec::new(),
            server: joining.way.shown(),
            line: Line::Up,
            interest: joining.interest.clone(),
        };
        let client = Self {
            chat: Chat::new(news.sender()),
            news,
            state: Mutex::new(state),
            asks,
            interest_changed: Notify::new(),
            ending: CancellationToken::new(),
            done: CancellationToken::new(),
        };
        (client, inbox)
    }

    /// The server let us in, for the first time or again.
    fn welcomed(&self, welcome: &Welcome) {
        let mut state = self.state();
        if state.run != welcome.run {
            state.run = welcome.run;
            state.mirror.start_over();
            self.chat.forget();
        }
        state.me = Some(welcome.me.clone());
        state.host.clone_from(&welcome.host);
        state.line = Line::Up;
        drop(state);
        for text in &welcome.warnings {
            self.news.notice(Severity::Warning, text.clone());
        }
        self.news.tell(Event::Role { time: Time::now() });
    }

    fn line_is(&self, line: Line) {
        self.state().line = line;
        self.news.tell(Event::Role { time: Time::now() });
    }

    /// The session is over here: [`Line::Left`], [`Line::Over`] or [`Line::PutOut`].
    fn end_with(&self, how: Line) {
        self.line_is(how);
        self.ending.cancel();
        self.done.cancel();
    }

    /// Takes what the server said.
    fn apply(&self, message: ToClient<'_>) {
        let mut state = self.state();
        match message {
            ToClient::Rack(infos) => {
                state.mirror.take_rack(infos);
                drop(state);
                self.news.tell(Event::Rack);
            }
            ToClient::Status(list) => {
                let mut different = false;
                let mut events = Vec::new();
                for (id, info) in list {
                    let (time, now, detail) = (info.since, info.state, info.detail.clone());
                    let was = state.mirror.state(id);
                    different |= state.mirror.take_status(id, info);
                    // Of one that has just been heard of, nothing else tells.
                    if was != state.mirror.state(id) {
                        let id = state.mirror.ours(id);
                        events.push(Event::Target {
                            time,
                            id,
                            state: now,
                            detail,
                        });
                    }
                }
                drop(state);
                for event in events {
                    self.news.tell(event);
                }
                if different {
                    self.news.pulse().ring();
                }
            }
            ToClient::Glances(glances) => {
                // Of what is wanted whole, none was asked for.
                if state.interest != Interest::All {
                    for glance in &glances {
                        state.mirror.take_glance(glance);
                    }
                }
            }
            ToClient::Lines(lines) => state.mirror.take_lines(&lines),
            ToClient::People(people) => {
                state.people = people;
                drop(state);
                self.news.tell(Event::Role { time: Time::now() });
            }
            ToClient::Person {
                time,
                person,
                change,
            } => {
                state.take_person(&person, &change);
                drop(state);
                self.news.tell(Event::Person {
                    time,
                    person,
                    change,
                });
            }
            ToClient::Chat(said) => {
                let mut people = state.people.iter();
                let author = people.find(|person| person.name == said.from);
                let observed = author.is_some_and(|it| it.permission == Permission::Observer);
                drop(state);
                self.chat.hear(said, observed);
            }
            ToClient::Servers(servers) => {
                state.servers = servers;
                drop(state);
                self.news.tell(Event::Role { time: Time::now() });
            }
            ToClient::Notice {
                time,
                severity,
                target,
                text,
            } => {
                let target = target.map(|id| state.mirror.ours(id));
                drop(state);
                self.news.tell(Event::Notice {
                    time,
                    severity,
                    target,
                    text,
                });
            }
            ToClient::Target {
                time,
                id,
                state: now,
                detail,
            } => {
                state.mirror.take_state(id, time, now, &detail);
                let id = state.mirror.ours(id);
                drop(state);
                self.news.tell(Event::Target {
                    time,
                    id,
                    state: now,
                    detail,
                });
            }
            // The line itself sees to these.
            ToClient::Welcome(_)
            | ToClient::Replies { .. }
            | ToClient::Answer { .. }
            | ToClient::RackPart(_)
            | ToClient::Pong
            | ToClient::Bye { .. } => {}
        }
    }

    fn interest(&self) -> Interest {
        self.state().interest.clone()
    }

    async fn interest_changed(&self) {
        self.interest_changed.notified().await;
    }

    fn theirs(&self, id: TargetId) -> TargetId {
        self.state().mirror.theirs(id)
    }

    /// Replies with our numbers of targets.
    fn localised(&self, mut replies: Vec<Reply>) -> Vec<Reply> {
        let state = self.state();
        for reply in &mut replies {
            reply.target = reply.target.map(|id| state.mirror.ours(id));
        }
        replies
    }

    fn set_followed(&self, id: TargetId, followed: bool) -> Option<Seq> {
        self.state().mirror.set_followed(id, followed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
