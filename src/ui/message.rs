//! The vocabulary of the screen: what happens to it, and what it wants done.
//!
//! Both can be printed and compared, so that a run can be logged and tested. Bulk output is in neither.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use super::frame::Fresh;
use crate::command::Reply;
use crate::deck::{Event, Severity};
use crate::rack::{Rack, TargetId};
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
    /// Ask for the targets anew.
    Refresh,
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
