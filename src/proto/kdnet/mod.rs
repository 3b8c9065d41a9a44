//! KDNET: KD packets in encrypted datagrams, one target on each port.
//!
//! Opens no port and keeps no clock. What it is made of, from the wire up:
//!
//! * [`envelope`]: one datagram, sealed and opened; [`keys`]: what it is sealed with;
//! * [`handshake`]: what is said before there is a session, and to show that it is still there;
//! * `channel`: the datagrams of one session;
//! * [`net`] and [`net_target`]: the two ends, with a [`Session`](crate::proto::kd::Session) of KD on top;
//! * [`sightings`]: what was seen on the port.
//!
//! Facts from the packets of real targets and Microsoft's page "Setting up a network debugging connection".

mod channel;
pub mod envelope;
mod event;
pub mod handshake;
pub mod keys;
pub mod net;
pub mod net_target;
#[cfg(test)]
mod recorded;
pub mod sightings;

pub use event::{After, Event, SendError};
pub use handshake::{Boot, Offer};
pub use keys::Keys;
pub use net::{LastOffer, Net, Random, SILENT_MS};
pub use net_target::{NetTarget, Place};
pub use sightings::{Counters, Dropped, Sighting, Sightings};
