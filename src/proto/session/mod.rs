//! What a server and its clients say to each other: frames, the greeting, proving a password, messages.
//!
//! The protocol is kdeck's own. It runs over any byte stream; nothing here knows which.

pub mod message;
