//! Clients' ends: joining a server.

use super::{Channel, Fingerprint, Trust};
use crate::config::Places;
use crate::connect::ClientString;

/// Why a server was not joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nobody vouches for the certificate, and the server was never seen before. Ask, then [`Trust::pin`] and dial again.
    #[error(
        "the certificate of {server} is not known yet: {fingerprint}; compare it with the one the server shows \
         before you trust it"
    )]
    UnknownCertificate {
        /// The name to pin it under.
        server: String,
        /// What was shown.
        fingerprint: Fingerprint,
    },
    /// Not the certificate that was expected: a new server, or somebody in the middle.
    #[error(
        "THE CERTIFICATE OF {server} HAS CHANGED: known is {known}, shown was {shown}. Somebody may be listening in \
         between. If the server was set up anew, compare the fingerprints and trust the new one"
    )]
    ChangedCertificate {
        /// The name it is pinned under.
        server: String,
        /// What it is known to show.
        known: Fingerprint,
        /// What was shown.
        shown: Fingerprint,
    },
    /// Anything else, in words: at which stage, why, and what helps.
    #[error("{0}")]
    Failed(String),
}

/// Joins the server that `client` describes. Each stage is told to `stage` as it begins: `resolving lab01`,
/// `connecting to 10.0.0.7:5005`, `TLS handshake`. With `clicon=` it waits for the server as long as it takes; anything
/// else ends by itself. Dropped, it leaves nothing behind.
///
/// # Errors
/// [`DialError`].
pub async fn dial(
    client: &ClientString,
    trust: &Trust,
    places: &Places,
    stage: &mut (dyn FnMut(&str) + Send),
) -> Result<Channel, DialError> {
    let _ = (trust, places, client);
    stage("");
    Err(DialError::Failed(String::new()))
}

/// The name under which the certificate of the server that `client` describes is pinned: `lab01:5443`, `pipe lab`,
/// `com /dev/ttyS1 channel 7`. Empty for `npipe` and `ssh`, where there is none.
#[must_use]
pub fn pin_name(client: &ClientString) -> String {
    let _ = client;
    String::new()
}
