//! Somebody who was let in, as they are handed from the door to their own task.

use crate::proto::session::message::Token;
use crate::session::Permission;

/// Somebody who was let in.
#[derive(Debug)]
pub struct Guest<S> {
    /// Messages follow on it.
    pub stream: S,
    /// How they want to be called.
    pub name: String,
    /// Machine and account, as they said: `BOX18\alice`.
    pub account: String,
    /// Transport and address: `tcp 10.0.0.18:51733`.
    pub origin: String,
    /// What they may do.
    pub permission: Permission,
    /// The earlier session that is to go on.
    pub resume: Option<Token>,
    /// The number of the server they came through.
    pub server: Option<u32>,
    /// What they should know about this session.
    pub warnings: Vec<String>,
}
