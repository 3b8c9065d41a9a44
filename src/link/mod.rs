//! The edges of the process: byte streams and datagrams, opened, described and closed.
//!
//! Knows no protocol: what the bytes mean is for `proto`, when to try again for `target`. Every failure says
//! what was attempted, where, why it failed and what helps ([`Error`]).

mod error;
mod network;
mod pty;
mod serial;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod unix;

pub use error::{Error, Operation};
pub use network::network;
pub use pty::{Child, Exit, Program, spawn_pty};
pub use serial::{BREAK_MS, Serial, open_serial};
pub use stream::Stream;
pub use tcp::{CONNECT_WAIT_MS, Listener, dial_tcp, listen_tcp, prepare_tcp, resolve_udp};
pub use udp::{RECEIVE_BUFFER_BYTES, Udp, bind_udp};
pub use unix::dial_unix;
