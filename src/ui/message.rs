//! The vocabulary of the screen: what happens to it, and what it wants done.
//!
//! Both can be printed and compared, so that a run can be logged and tested. Bulk output is in neither.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use super::company::Company;
use super::frame::Fresh;
use crate::command::Reply;
use crate::connect::{ClientString, Password};
use crate::deck::{Event, Severity};
use crate::rack::{Rack, TargetId};
use crate::session::Said;
use crate::target::Request;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has this size now.
    Resize {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// Something rare happened at the deck.
    Event(Event),
    /// The targets are these now.
    Rack(Targets),
    /// What this console is part of now.
    Company(Box<Company>),
    /// All that was said, as far as it is kept.
    Chat(Vec<Said>),
    /// The servers that were looked for.
    Found(Result<Vec<FoundServer>, String>),
    /// How far joining a session is, in words.
    JoinStage(String),
    /// Joining a session needs an answer.
    JoinAsks(JoinQuestion),
    /// What came of joining a session: why not, in words.
    Joined(Result<(), String>),
    /// The session was left, and there is no host to return to.
    Left,
    /// What came of a submitted line.
    Replies(Vec<Reply>),
    /// Something to tell the person here.
    Tell(Severity, String),
    /// There is time to go on with what was begun.
    Work,
    /// A moment came that the model waited for.
    Timer,
}

/// The targets of a deck; equal if they are the very same list.
#[derive(Debug, Clone)]
pub struct Targets(pub Arc<Rack>);

impl PartialEq for Targets {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A server that can be joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundServer {
    /// The string with which clients join, passwords masked.
    pub string: String,
    /// What else is known: how many are there, that it does not answer.
    pub note: String,
}

/// What has to be answered before a session is joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinQuestion {
    /// The server has a password.
    Password {
        /// The one before was not it.
        wrong: bool,
    },
    /// The server was never seen before.
    UnknownCertificate {
        /// Its name.
        server: String,
        /// Of the certificate it shows.
        fingerprint: String,
    },
    /// The server shows another certificate than before.
    ChangedCertificate {
        /// Its name.
        server: String,
        /// Fingerprint of the one that is known.
        known: String,
        /// Fingerprint of the one it shows.
        shown: String,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinAnswer {
    /// The password.
    Password(Password),
    /// The certificate is the right one from now on.
    Trust,
    /// Joining ends here, whatever it waits for.
    Cancel,
}

/// Something to do that the model cannot do itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Draw a frame.
    Draw(Fresh),
    /// Carry out a typed line.
    Submit {
        /// The target in front of the person.
        focus: Option<TargetId>,
        /// The line.
        line: String,
    },
    /// Ask a target for something; a failure is told.
    Ask {
        /// Which.
        id: TargetId,
        /// For what.
        request: Request,
    },
    /// Draw a frame when one for output is due: something changed that nobody here did.
    Soon,
    /// Ask anew what this console is part of, and for the targets.
    Refresh,
    /// Ask anew what this console is part of.
    Company,
    /// Ask for all that was said.
    Chat,
    /// Look for servers on a machine; on this one if it has no name.
    Browse(String),
    /// Join a session.
    Join(Box<ClientString>),
    /// Answer what joining asked.
    JoinAnswer(JoinAnswer),
    /// Leave the session that was joined; it goes on.
    Leave,
    /// Append a line to the history's file.
    Remember(String),
    /// Hand text to the terminal's clipboard.
    Copy(String),
    /// Use the mouse or leave it alone.
    Mouse(bool),
    /// Draw everything again, at the size of now.
    Repaint,
    /// Go to the background.
    Suspend,
    /// End.
    Quit,
}
