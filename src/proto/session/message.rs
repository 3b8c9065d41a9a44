//! What a server and a client say to each other once the client was let in: one message a frame.
//!
//! A message is a postcard enum. It is positional: variants and fields are only ever added at the end, never changed, and
//! the minor version of the greeting counts them; a kind of message that is not known here is passed over.
//!
//! Clients pull bulk output: they say which targets they follow, from which entry on, and how many bytes they can take.
//! Everything else is rare, small, and comes first.

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use crate::command::Reply;
use crate::deck::Severity;
use crate::rack::{State, TargetId};
use crate::session::Said;
use crate::session::people::{Change, Person};
use crate::session::server::ServerEntry;
use crate::target::{Answer, Request};
use crate::transcript::{Ending, Kind, Seq, Time};

/// Lets a client come back as the same person after its line was lost.
pub type Token = [u8; 16];

/// What a server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToClient<'a> {
    /// You are in.
    Welcome(Welcome),
    /// All targets, in their order; behind those of the parts that came before it.
    Rack(Vec<TargetInfo>),
    /// The next targets of a rack that is too long for one frame; the last are in a [`ToClient::Rack`].
    RackPart(Vec<TargetInfo>),
    /// How targets are now.
    Status(Vec<(TargetId, StatusInfo)>),
    /// The newest of targets that are not followed. Bulk.
    Glances(#[serde(borrow)] Vec<Glance<'a>>),
    /// Entries of a target that is followed. Bulk.
    Lines(#[serde(borrow)] Lines<'a>),
    /// Everybody who is here.
    People(Vec<Person>),
    /// Somebody came, went, or changed.
    Person {
        /// When.
        time: Time,
        /// Who.
        person: Person,
        /// What changed.
        change: Change,
    },
    /// A line of chat.
    Chat(Said),
    /// The servers of the host.
    Servers(Vec<ServerEntry>),
    /// Something to tell the person.
    Notice {
        /// When.
        time: Time,
        /// How much it matters.
        severity: Severity,
        /// The target it is about; the text does not name it then.
        target: Option<TargetId>,
        /// What.
        text: String,
    },
    /// What came of a line.
    Replies {
        /// Its number.
        call: u64,
        /// The answers.
        replies: Vec<Reply>,
    },
    /// What came of a request.
    Answer {
        /// Its number.
        call: u64,
        /// The answer.
        answer: Answer,
    },
    /// To a [`ToServer::Ping`].
    Pong,
    /// The session is over for this client, and why.
    Bye {
        /// In words.
        reason: String,
        /// Whether it goes on for others.
        goes_on: bool,
    },
    /// A target's state changed at that moment.
    Target {
        /// When.
        time: Time,
        /// Which.
        id: TargetId,
        /// Its state then.
        state: State,
        /// The reason in words.
        detail: String,
    },
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToServer {
    /// The first message: what it knows already.
    Start {
        /// The last line of chat it has.
        chat: u64,
    },
    /// Carry out a line.
    Submit {
        /// Its number, for the answer.
        call: u64,
        /// The target in front of the person.
        focus: Option<TargetId>,
        /// The line.
        line: String,
    },
    /// Ask a target for something.
    Ask {
        /// Its number, for the answer.
        call: u64,
        /// Which target.
        target: TargetId,
        /// For what.
        request: Request,
    },
    /// Send what a target prints, from there on.
    Follow {
        /// Which.
        target: TargetId,
        /// From where.
        from: From,
    },
    /// Send only the newest of it.
    Unfollow {
        /// Which.
        target: TargetId,
    },
    /// So many more bytes of bulk can be taken.
    Credit(u32),
    /// Are you there?
    Ping,
    /// Leaving: not coming back by itself.
    Leave,
}

/// Where to begin in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum From {
    /// At this entry, or the oldest that is left.
    Seq(Seq),
    /// At the last so many entries.
    Newest(u64),
}

/// You are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The person as everybody sees them.
    pub me: Person,
    /// With which to come back as the same.
    pub token: Token,
    /// Differs after the host was started anew: numbers from before mean nothing then.
    pub run: u64,
    /// The host's machine.
    pub host: String,
    /// What is odd about this session, for the person: versions that differ, a server that is open.
    pub warnings: Vec<String>,
}

/// What does not change about a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// Identity.
    pub id: TargetId,
    /// Name.
    pub name: String,
    /// Connection string, secrets masked.
    pub address: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Whether a debugger is spoken to it.
    pub debugger: bool,
    /// Free words to find it by.
    pub tags: Vec<String>,
}

/// How a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusInfo {
    /// State.
    pub state: State,
    /// The state's reason in words.
    pub detail: String,
    /// Since when.
    pub since: Time,
    /// What a debugger asks with now.
    pub prompt: String,
    /// What needs a person soon.
    pub alert: String,
    /// Who has taken it for themselves.
    pub holder: String,
    /// Why its log cannot be written; empty if it can, or is off.
    pub log_fails: String,
}

/// The newest of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance<'a> {
    /// Which target.
    pub target: TargetId,
    /// Lines it printed so far.
    pub lines: u64,
    /// Bytes it printed so far.
    pub bytes: u64,
    /// Its newest entry, cut if it is long.
    #[serde(borrow)]
    pub newest: Option<Piece<'a>>,
}

/// Entries of a target, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines<'a> {
    /// Which target.
    pub target: TargetId,
    /// Lines it printed so far.
    pub lines: u64,
    /// Bytes it printed so far.
    pub bytes: u64,
    /// Entries that are there and not sent yet.
    pub behind: u64,
    /// The entries.
    #[serde(borrow)]
    pub pieces: Vec<Piece<'a>>,
}

/// An entry, or several lines of output at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece<'a> {
    /// Whole lines that were printed at the same time, each with its newline.
    Lines {
        /// The number of the first.
        first: Seq,
        /// When.
        time: Time,
        /// All of them.
        #[serde(borrow)]
        bytes: &'a Bytes,
    },
    /// Any entry.
    Entry {
        /// Number.
        seq: Seq,
        /// When.
        time: Time,
        /// What it is.
        kind: Kind,
        /// Who, if somebody.
        who: Option<&'a str>,
        /// How it ends.
        ending: Ending,
        /// Bytes of it that were sent before, while it was open.
        seen: u64,
        /// The rest of it.
        #[serde(borrow)]
        bytes: &'a Bytes,
    },
}

impl Piece<'_> {
    /// Its text.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Lines { bytes, .. } | Self::Entry { bytes, .. } => bytes,
        }
    }
}

/// Kinds of message a server sends.
const TO_CLIENT: u8 = 15;
/// Kinds of message a client sends.
const TO_SERVER: u8 = 8;

/// Why a message cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message of {bytes} bytes cannot be read: {reason}")]
pub struct MessageError {
    /// Its size.
    pub bytes: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl<'a> ToClient<'a> {
    /// Appends it to `body`.
    pub fn encode(&self, body: &mut Vec<u8>) {
        encode(self, body);
    }

    /// Reads one; `None` if it is of a kind that newer servers send.
    ///
    /// # Errors
    /// When it is none.
    pub fn decode(body: &'a [u8]) -> Result<Option<Self>, MessageError> {
        decode(body, TO_CLIENT)
    }
}

impl ToServer {
    /// Appends it to `body`.
    pub fn encode(&self, body: &mut Vec<u8>) {
        encode(self, body);
    }

    /// Reads one; `None` if it is of a kind that newer clients send.
    ///
    /// # Errors
    /// When it is none.
    pub fn decode(body: &[u8]) -> Result<Option<Self>, MessageError> {
        decode(body, TO_SERVER)
    }
}

fn encode(message: &impl Serialize, body: &mut Vec<u8>) {
    // Memory does not fail, and all lengths are known.
    if let Ok(rest) = postcard::to_extend(message, std::mem::take(body)) {
        *body = rest;
    }
}

fn decode<'a, T: Deserialize<'a>>(body: &'a [u8], kinds: u8) -> Result<Option<T>, MessageError> {
    // The kind comes first, in one byte as long as there are less than 128.
    if body.first().is_some_and(|kind| *kind >= kinds) {
        return Ok(None);
    }
    postcard::from_bytes(body)
        .map(Some)
        .map_err(|error| MessageError {
            bytes: body.len(),
            reason: error.to_string(),
        })
}
