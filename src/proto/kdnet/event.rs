//! What comes out of a KDNET engine, on either side, and how it is asked to send.

use std::net::SocketAddr;

use crate::proto::kd;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session began. Nothing of an earlier one comes after this; what was still to be sent is dropped.
    Connected {
        /// Where the other end is.
        peer: SocketAddr,
        /// The version of the protocol.
        version: u8,
        /// What came before.
        after: After,
    },
    /// The other end has another address now: address translation, or a new lease.
    Moved {
        /// Where it was.
        from: SocketAddr,
        /// Where it is.
        to: SocketAddr,
    },
    /// Nothing authentic has come for [`SILENT_MS`](super::SILENT_MS). The session goes on: the machine may be paused.
    Silent,
    /// After [`Event::Silent`]: it is there again.
    Heard,
    /// From the KD session.
    Kd(kd::Event),
}

/// What came before a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing: it is the first.
    Nothing,
    /// A session with the same run of the target, which had given it up or agreed on a new key.
    SameBoot,
    /// A session with an earlier run: it was started anew.
    OtherBoot,
}

/// Why a packet is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no session.
    #[error("there is no session with the target yet")]
    NotConnected,
    /// The KD session does not take it.
    #[error(transparent)]
    Kd(#[from] kd::SendError),
}
