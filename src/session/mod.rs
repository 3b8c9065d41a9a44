//! Sessions of many people on one rack: servers, clients, letting people in, permissions, chat, devices.
//!
//! A server belongs to a [`Host`](crate::host::Host); a client is joined to somebody else's. The bytes between them are
//! [`proto::session`](crate::proto::session).

pub mod attach;
pub mod audit;
pub mod chat;
pub mod client;
pub mod devices;
pub mod directory;
pub mod door;
pub mod guard;
pub mod people;
pub mod permission;
pub mod server;
pub mod transport;

#[cfg(test)]
mod tests;

pub use chat::{Chat, Said};
pub use people::{Change, People, Person};
pub use permission::{Allowed, Author, Permission};

/// The name of this machine, without its domain.
#[must_use]
pub fn machine_name() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    let short = name.split('.').next().unwrap_or_default();
    crate::transcript::safe::plain(short.as_bytes()).into_owned()
}
