//! Servers' ends: what listens, and what came in.

use std::io;
use std::sync::Arc;

use super::{Channel, Peer, Trust};
use crate::config::Places;
use crate::connect::ServerString;

/// An open server. Dropped, it no longer listens; channels go on.
pub struct Listener {
    shown: ServerString,
}

/// Somebody who came in, before the first byte was read.
pub struct Incoming {
    peer: Peer,
}

impl Listener {
    /// Opens the server that `server` describes: the first free port of a range, the pipe if nobody has it, the channel
    /// of the serial line. With `clicon=` the client is dialled, which has to wait already.
    ///
    /// # Errors
    /// In words: what could not be had, why, and what helps.
    pub async fn open(
        server: &ServerString,
        trust: &Arc<Trust>,
        places: &Places,
    ) -> Result<Self, String> {
        let _ = (trust, places);
        Ok(Self {
            shown: server.clone(),
        })
    }

    /// What it is in lists and in the lines for clients: the port it got (and the end of the range, as in `53:60`), the
    /// pipe's name with its numbers in place.
    #[must_use]
    pub fn shown(&self) -> &ServerString {
        &self.shown
    }

    /// Waits for the next who comes in. Safe to cancel. With `clicon=` that is the dialled client, at once, and after it
    /// nobody ever.
    ///
    /// # Errors
    /// The system is out of something, which passes: wait a little and go on.
    pub async fn accept(&mut self) -> io::Result<Incoming> {
        std::future::pending().await
    }
}

impl Incoming {
    /// Who it is, as far as it is known: not yet what it shows.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Makes a channel of it: TLS, except on `npipe`. Waits as long as the other end likes; the deadline is the caller's.
    ///
    /// # Errors
    /// In words, fit to be logged.
    pub async fn shake(self) -> Result<Channel, String> {
        Err("".to_owned())
    }
}
