//! The servers of a host: what they are called, who came through them.

mod feed;
mod guest;
pub mod lobby;
mod peer;

pub use guest::Guest;
pub use peer::run as serve;

use serde::{Deserialize, Serialize};

/// A server as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEntry {
    /// The number that `.endsrv` takes.
    pub id: u32,
    /// Its connection string as debuggers print it, passwords masked, without the host's name.
    pub string: String,
    /// The string with which clients join: with the host's name where one is needed, passwords masked.
    pub join: String,
    /// How many are here through it.
    pub clients: u32,
    /// It was told to end: nobody new comes in.
    pub ending: bool,
    /// Whether anybody may join without a password.
    pub open: bool,
}
