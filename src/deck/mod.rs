//! The seat you sit in: the one interface that the screen, the headless mode and commands have to a rack.

use std::sync::Arc;

use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::rack::{Rack, State, TargetId};
use crate::target::{Answer, Request};
use crate::transcript::{Pulse, Seq, Time};

/// Rare events that a slow listener may lag behind before it loses the oldest. Bulk output is no event.
pub const EVENTS: usize = 4096;

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It holds targets, and nobody else can join.
    Host,
}

impl Role {
    /// The word of the headless contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
        }
    }
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Something to tell the people at this deck, that belongs to no target.
    Notice {
        /// When.
        time: Time,
        /// How much it matters.
        severity: Severity,
        /// What.
        text: String,
    },
    /// Somebody said something to everybody.
    Chat {
        /// When.
        time: Time,
        /// Who.
        from: String,
        /// What.
        text: String,
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

/// A person's seat: at a host of their own.
#[derive(Debug, Clone)]
pub enum Deck {
    /// This process holds the targets.
    Host(Arc<Host>),
}

impl Deck {
    /// What this process is.
    pub fn role(&self) -> Role {
        match self {
            Self::Host(_) => Role::Host,
        }
    }

    /// The targets as they are now.
    pub fn rack(&self) -> Arc<Rack> {
        match self {
            Self::Host(host) => host.rack(),
        }
    }

    /// Rings when any transcript or status changes.
    pub fn pulse(&self) -> Arc<Pulse> {
        match self {
            Self::Host(host) => host.pulse(),
        }
    }

    /// Everything rare that happens from now on; the first to ask gets all since the start.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        match self {
            Self::Host(host) => host.events(),
        }
    }

    /// Adds a target, given as on the command line. Tells what came of it.
    ///
    /// # Errors
    /// What is wrong with the string, or what is taken.
    pub fn add(&self, string: &str) -> Result<String, String> {
        match self {
            Self::Host(host) => host.add(string),
        }
    }

    /// Removes the targets of these names. Tells what came of it.
    ///
    /// # Errors
    /// When one is not there.
    pub fn remove(&self, names: &[&str]) -> Result<String, String> {
        match self {
            Self::Host(host) => host.remove(names),
        }
    }

    /// Reads the configuration again and changes what is different. Tells what that was. Reads a file: may block.
    ///
    /// # Errors
    /// What is wrong with the configuration; nothing is changed then.
    pub fn reload(&self) -> Result<String, String> {
        match self {
            Self::Host(host) => host.reload(),
        }
    }

    /// Says something to everybody.
    pub fn say(&self, who: &str, text: &str) {
        match self {
            Self::Host(host) => host.say(who, text),
        }
    }

    /// Tells all targets to end: what they were asked for is answered soon.
    pub fn end(&self) {
        match self {
            Self::Host(host) => host.end(),
        }
    }

    /// Cancelled when the targets are told to end: nothing is worth waiting for then.
    pub fn ending(&self) -> CancellationToken {
        match self {
            Self::Host(host) => host.ending(),
        }
    }

    /// Asks a target for something, as `who`. Requests are carried out in the order of the calls.
    pub fn ask(&self, id: TargetId, who: &str, request: Request) -> Asked {
        match self {
            Self::Host(host) => host.ask(id, who, request),
        }
    }
}
