//! Joined to somebody else's session: what is known of it, and the way to its host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::chat::Chat;
use super::people::Person;
use super::server::ServerEntry;
use crate::command::Reply;
use crate::deck::{Asked, News};
use crate::rack::{Rack, TargetId};
use crate::target::{Answer, Request};

/// Commands that wait for a line that is slow or lost. More are refused.
const COMMANDS: usize = 1024;
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
    /// Over: the session ended, or we were put out. Why, in words.
    Over(String),
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
}

/// What is known of the session.
#[derive(Debug)]
struct State {
    rack: Arc<Rack>,
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
        self.state().rack.clone()
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

    /// Cancelled when it is left, or when it ended.
    pub fn ending(&self) -> CancellationToken {
        self.ending.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
