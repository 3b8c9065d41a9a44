//! kdeck: a full-screen console for one host and a rack of debug targets.

pub mod connect;
pub mod link;
pub mod proto;
pub mod transcript;
