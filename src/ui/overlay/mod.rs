//! Boxes over the screen: help, palette, role switcher, connect dialog, questions, notices; and the search prompt.
//!
//! Each is a state with `key`, which says in an [`Outcome`] what is to happen, and `draw`, which borrows the state and says
//! where the terminal's cursor belongs. Keys go through the key map's overlay context first; plain characters are text.

use super::action::Action;
use super::message::JoinAnswer;
use crate::connect::ClientString;

pub mod confirm;
pub mod connect;
pub mod cursor;
pub mod frame;
pub mod help;
pub mod notices;
pub mod palette;
pub mod role;
pub mod search;

pub use confirm::Confirm;
pub use connect::Connect;
pub use help::Help;
pub use notices::{Notices, NoticesView, Severity};
pub use palette::{Item, Palette};
pub use role::{Around, RoleSwitcher};
pub use search::Search;

/// What becomes of a key that a box was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It means nothing to the box. It must not fall to what is under the box as text.
    Ignored,
    /// It changed the box, which is to be drawn again.
    Taken,
    /// Close the box; nothing is wanted.
    Close,
    /// Close the box; what it asks or holds was agreed to.
    Accept,
    /// Close the box and do this.
    Ask(Action),
    /// Close the box and put this command into the command line.
    Command(String),
    /// Close the box and go to the target of this name.
    Target(String),
    /// What the box is about is wanted; the box stays or goes with it.
    Wish(Wish),
}

/// What is wanted of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Open a server.
    NewServer(String),
    /// End a server, with those who are here through it or without.
    EndServer {
        /// Its number.
        id: u32,
        /// Whether its clients are cut off too.
        cut: bool,
    },
    /// End all servers.
    EndServers,
    /// End all that keeps this console from becoming a client.
    ClearWay,
    /// Ask which session to join.
    Connect,
    /// Leave the session that was joined.
    Leave,
    /// Look for servers on a machine; on this one if it has no name.
    Browse(String),
    /// Join a session.
    Join(Box<ClientString>),
    /// Answer what joining asked.
    Answer(JoinAnswer),
}

#[cfg(test)]
mod tests;
