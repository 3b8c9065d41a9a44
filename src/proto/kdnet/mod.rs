//! KDNET: KD packets in encrypted datagrams, one target on each port.
//!
//! [`keys`] from the shared key, [`envelope`] for one datagram, [`handshake`] for what is said before there is a
//! session. Facts from the packets of real targets and Microsoft's page "Setting up a network debugging connection".

pub mod envelope;
pub mod handshake;
pub mod keys;
#[cfg(test)]
mod recorded;

pub use handshake::{Boot, Offer};
pub use keys::Keys;
