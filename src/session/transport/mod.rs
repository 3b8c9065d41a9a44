//! Byte streams that carry a session: listening for them and dialling.
//!
//! A [`Listener`] is opened from a [`ServerString`](crate::connect::ServerString), [`dial()`] follows a
//! [`ClientString`](crate::connect::ClientString); both end in a [`Channel`]. Whom it may let in, and what is said over
//! it, is not decided here: [`door`](crate::session) asks for the password, bound to the channel by its [`Binding`].
//!
//! | transport | what carries it | what vouches for the server |
//! | --- | --- | --- |
//! | `tcp` | TLS 1.3 over TCP | the password; without one, a pin ([`Trust::check`]) |
//! | `ssl` | TLS 1.3 over TCP | a pin, a fingerprint in the string, or a CA |
//! | `npipe` | a Unix socket of this machine | its mode and its folder's |
//! | `spipe` | TLS 1.3 over such a socket | a pin |
//! | `com` | TLS 1.3 over a channel of a serial line | the password; without one, a pin |
//! | `ssh` | `ssh HOST kdeck pipe` to a Unix socket there | SSH |

mod dial;
mod fingerprint;
mod line;
mod listener;
pub(in crate::session) mod pipe;
mod settings;
mod ssh;
pub(in crate::session) mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod trust;

use std::fmt;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncWrite};

pub use dial::{DialError, dial, pin_name};
pub use fingerprint::{Fingerprint, FingerprintFault};
pub use listener::{Incoming, Listener};
pub use settings::{Settings, TlsSettings};
pub use ssh::pipe;
pub use trust::Trust;

/// A byte stream that carries a session, and what is known of its other end.
pub struct Channel {
    /// The bytes; dropped, it is closed.
    pub stream: Box<dyn Duplex>,
    /// The other end.
    pub peer: Peer,
    /// What a proof of a password is bound to.
    pub binding: Binding,
}

/// A stream of bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What is known of the other end without having been told by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The kind of its string: `tcp`, `ssl`, `npipe`, `spipe`, `com`, `ssh`.
    pub transport: &'static str,
    /// Where it is, to be shown: `10.0.0.18:51733`, `pid 4711`, `/dev/ttyS1 channel 7`.
    pub address: String,
    /// Its address, to be counted by; `None` where there is no network.
    pub ip: Option<IpAddr>,
    /// Who holds the other end of a Unix socket.
    pub user: Option<LocalUser>,
    /// The certificate it showed: always that of a server over TLS, that of a client if it had to show one.
    pub certificate: Option<Fingerprint>,
}

/// Who holds the other end of a Unix socket, as the system says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// The account's number.
    pub uid: u32,
    /// Its name; `uid 1000` if it has none.
    pub name: String,
    /// The process that connected; not always known.
    pub pid: Option<i32>,
}

/// What only the two ends of this very channel know: bytes of the TLS exporter (RFC 9266 has the idea), a fixed text
/// where there is no TLS, on Unix sockets of this machine.
///
/// Equal on both ends of one channel, and on no two channels over TLS: somebody in the middle has two, which differ.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding(Vec<u8>);

impl Binding {
    /// The bytes, for the context of a password exchange.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Of a Unix socket of this machine, also one that SSH reaches.
    pub(in crate::session) fn local() -> Self {
        Self(b"kdeck local socket".to_vec())
    }
}

/// Tells nothing: the bytes are secret as long as the channel lives.
impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.address)
    }
}
