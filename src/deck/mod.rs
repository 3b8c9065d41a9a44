//! The seat you sit in: the one interface that the screen, the headless mode and commands have to a rack.
//!
//! A [`Deck`] is a host's or a client's, never both: a [`Client`] has no way to own a server or a target, a [`Host`] none
//! to be joined to somebody else's session. A [`Seat`] holds the deck in force.

mod news;
mod obstacle;
mod seat;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;

pub use self::news::News;
pub use self::obstacle::{counted, obstacle};
pub use self::seat::{Home, Seat};
use crate::host::Host;
use crate::rack::{Rack, State, TargetId};
use crate::session::client::Client;
use crate::session::server::ServerEntry;
use crate::session::{Author, Change, Person, Said};
use crate::target::{Answer, Request};
use crate::transcript::{Pulse, Seq, Time};

/// Rare events that a slow listener may lag behind before it loses the oldest. Bulk output is no event.
pub const EVENTS: usize = 4096;

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It holds targets, and nobody else can join.
    Host,
    /// It holds targets, and others can join.
    Server,
    /// It is joined to somebody else's session.
    Client,
}

impl Role {
    /// The word of the headless contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something to look at.
    Warning,
    /// Something failed.
    Error,
}

/// Something rare that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A target's state or its reason changed.
    Target {
        /// When.
        time: Time,
        /// Which.
        id: TargetId,
        /// Its state now.
        state: State,
        /// The reason in words.
        detail: String,
    },
    /// Targets came or went: ask for the rack again.
    Rack,
    /// Something to tell the people at this deck.
    Notice {
        /// When.
        time: Time,
        /// How much it matters.
        severity: Severity,
        /// The target it is about, if it is about one; the text does not name it then. An error of a target is its alert.
        target: Option<TargetId>,
        /// What.
        text: String,
    },
    /// Somebody said something, to everybody or to one person.
    Chat(Said),
    /// Somebody came, went or is called otherwise now.
    Person {
        /// When.
        time: Time,
        /// Who, as they are now.
        person: Person,
        /// What changed.
        change: Change,
    },
    /// The role, the servers, or the line to the server changed: ask for them again.
    Role {
        /// When.
        time: Time,
    },
}

/// A request that is on its way.
#[derive(Debug)]
pub struct Asked {
    /// The number under which the transcript records it, if it does.
    pub seq: Option<Seq>,
    /// What will come of it.
    pub answer: oneshot::Receiver<Answer>,
}

impl Asked {
    /// A request that is not carried out.
    pub fn refused(reason: &str) -> Self {
        let (sender, answer) = oneshot::channel();
        // The receiver is ours and still there.
        sender.send(Err(reason.to_owned())).ok();
        Self { seq: None, answer }
    }
}

/// What somebody sits at.
#[derive(Debug, Clone)]
pub enum Deck {
    /// This process holds the targets.
    Host(Arc<Host>),
    /// This process is joined to somebody else's session.
    Client(Arc<Client>),
}

/// What is said where a client asks for what only the host's own console can do.
const AT_THE_HOST: &str = "only at the host itself";

impl Deck {
    /// What this process is.
    pub fn role(&self) -> Role {
        match self {
            Self::Host(host) if host.servers().is_empty() => Role::Host,
            Self::Host(_) => Role::Server,
            Self::Client(_) => Role::Client,
        }
    }

    /// What has to end before this seat can join somebody else's session, in words: a debugger is never server and client
    /// at once, and targets need their host.
    pub fn obstacle_to_joining(&self) -> Option<String> {
        let Self::Host(host) = self else {
            return Some(
                "this is a client already: leave this session first (Ctrl+B or .remote_exit)"
                    .to_owned(),
            );
        };
        obstacle(host.rack().targets().len(), &host.servers()).map(|what| {
            format!(
                "a debugger is never server and client at once, and targets need their host: end {what} first \
                 (@all .remove, .endsrv N /disconnect)"
            )
        })
    }

    /// The targets as they are now.
    pub fn rack(&self) -> Arc<Rack> {
        match self {
            Self::Host(host) => host.rack(),
            Self::Client(client) => client.rack(),
        }
    }

    /// The bell and the events.
    pub fn news(&self) -> News {
        match self {
            Self::Host(host) => host.news().clone(),
            Self::Client(client) => client.news().clone(),
        }
    }

    /// Rings when any transcript or status changes.
    pub fn pulse(&self) -> Arc<Pulse> {
        self.news().pulse()
    }

    /// Everything rare that happens from now on; the first to ask gets all since the start.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.news().events()
    }

    /// The person in this seat, as everybody sees them. `None` while the server has not told yet.
    pub fn me(&self) -> Option<Person> {
        match self {
            Self::Host(host) => host.me(),
            Self::Client(client) => client.me(),
        }
    }

    /// Everybody who is here.
    pub fn people(&self) -> Vec<Person> {
        match self {
            Self::Host(host) => host.people().all(),
            Self::Client(client) => client.people(),
        }
    }

    /// The lines of chat after the one of that number, as far as they are kept and for the person in this seat.
    pub fn chat(&self, since: u64) -> Vec<Said> {
        let name = self.me().map(|me| me.name).unwrap_or_default();
        match self {
            Self::Host(host) => host.chat().since(since, &name),
            Self::Client(client) => client.chat().since(since, &name),
        }
    }

    /// The servers through which people join this rack.
    pub fn servers(&self) -> Vec<ServerEntry> {
        match self {
            Self::Host(host) => host.servers(),
            Self::Client(client) => client.servers(),
        }
    }

    /// Adds a target, given as on the command line. Tells what came of it.
    ///
    /// # Errors
    /// What is wrong with the string, or what is taken.
    pub fn add(&self, string: &str) -> Result<String, String> {
        match self {
            Self::Host(host) => host.add(string),
            Self::Client(_) => Err(AT_THE_HOST.to_owned()),
        }
    }

    /// Removes the targets of these names for somebody. Tells what came of it.
    ///
    /// # Errors
    /// When one is not there, or somebody else holds it.
    pub fn remove(&self, author: &Author, names: &[&str]) -> Result<String, String> {
        match self {
            Self::Host(host) => host.remove(author, names),
            Self::Client(_) => Err(AT_THE_HOST.to_owned()),
        }
    }

    /// Reads the configuration again and changes what is different. Tells what that was. Reads a file: may block.
    ///
    /// # Errors
    /// What is wrong with the configuration; nothing is changed then.
    pub fn reload(&self) -> Result<String, String> {
        match self {
            Self::Host(host) => host.reload(),
            Self::Client(_) => Err(AT_THE_HOST.to_owned()),
        }
    }

    /// Tells all targets to end, or leaves the session: what was asked for is answered soon.
    pub fn end(&self) {
        match self {
            Self::Host(host) => host.end(),
            Self::Client(client) => client.end(),
        }
    }

    /// Cancelled when [`Deck::end`] was called: nothing is worth waiting for then.
    pub fn ending(&self) -> CancellationToken {
        match self {
            Self::Host(host) => host.ending(),
            Self::Client(client) => client.ending(),
        }
    }

    /// Waits until the session is over for this seat; why, in words.
    pub async fn over(&self) -> String {
        match self {
            Self::Host(host) => host.over().await,
            Self::Client(client) => client.over().await,
        }
    }

    /// Asks a target for something. Requests are carried out in the order of the calls. A client's author is whoever it
    /// is joined as.
    pub fn ask(&self, id: TargetId, author: &Author, request: Request) -> Asked {
        match self {
            Self::Host(host) => host.ask(id, author, request),
            Self::Client(client) => client.ask(id, request),
        }
    }
}
