//! What a server and its clients say to each other: frames, the greeting, proving a password, messages.
//!
//! The protocol is kdeck's own. It runs over any byte stream; nothing here knows which. In the order of the wire:
//!
//! | frame | from | what |
//! | --- | --- | --- |
//! | 1 | client | [`hello::ClientHello`]: versions, names, what is wanted |
//! | 2 | server | [`hello::ServerHello`]: versions, whether it is open by choice |
//! | 3 | client | the request of [`login::ClientLogin`]; at an open server nothing, which says that one enters it, and the next two frames are left out |
//! | 4 | server | [`answer::Answer::Response`], of [`login::ServerLogin`] |
//! | 5 | client | the proof |
//! | 6 | server | [`answer::Answer::LetIn`] or [`answer::Answer::Refused`], which can come instead of frame 4, too |
//!
//! The side that is not joined with closes the stream; after [`answer::Answer::LetIn`] both send messages.

pub mod answer;
pub mod frame;
pub mod hello;
pub mod line;
pub mod login;
pub mod message;

pub use answer::{Answer, Granted};
