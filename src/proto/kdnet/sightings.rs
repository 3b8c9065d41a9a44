//! What was seen on the port of a target: counts, and who sent it last.
//!
//! A record for people who look for a fault; nothing is decided by it. See [`crate::setup`] for what to conclude.

use std::net::SocketAddr;
use std::time::Instant;

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// It has not the shape of KDNET.
    NotKdnet,
    /// It is KDNET, made with another key or changed on its way.
    Unauthenticated,
    /// It comes from a host: one of ours, sent back, or another debugger with our key.
    WrongDirection,
    /// It, or one after it, came before.
    Replayed,
    /// It belongs to a session that was not begun here.
    UnknownSession,
    /// Another machine, elsewhere, uses the same key.
    OtherMachine,
    /// It is authentic, and not understood.
    Malformed,
}

/// What was counted since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that came, dropped ones included.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Datagrams to send that were fetched.
    pub sent: u64,
    /// Datagrams to send that gave way to newer ones.
    pub unsent: u64,
    /// Offers of targets without a data channel.
    pub offers: u64,
    /// Offers of targets that have one, with us or somebody else.
    pub keepalives: u64,
    /// Responses to offers.
    pub responses: u64,
    /// Times a response was followed by data.
    pub sessions: u64,
    /// Datagrams of the data channel.
    pub data: u64,
    /// Times the target changed its address.
    pub moves: u64,
    /// Times the target was asked for an offer.
    pub pokes: u64,
    /// Dropped: [`Dropped::NotKdnet`].
    pub not_kdnet: u64,
    /// Dropped: [`Dropped::Unauthenticated`].
    pub unauthenticated: u64,
    /// Dropped: [`Dropped::WrongDirection`].
    pub wrong_direction: u64,
    /// Dropped: [`Dropped::Replayed`].
    pub replayed: u64,
    /// Dropped: [`Dropped::UnknownSession`].
    pub unknown_session: u64,
    /// Dropped: [`Dropped::OtherMachine`].
    pub other_machine: u64,
    /// Dropped: [`Dropped::Malformed`].
    pub malformed: u64,
}

impl Counters {
    pub(super) fn drop(&mut self, why: Dropped) {
        let count = match why {
            Dropped::NotKdnet => &mut self.not_kdnet,
            Dropped::Unauthenticated => &mut self.unauthenticated,
            Dropped::WrongDirection => &mut self.wrong_direction,
            Dropped::Replayed => &mut self.replayed,
            Dropped::UnknownSession => &mut self.unknown_session,
            Dropped::OtherMachine => &mut self.other_machine,
            Dropped::Malformed => &mut self.malformed,
        };
        *count += 1;
    }
}

/// Somebody who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where it came from.
    pub address: SocketAddr,
    /// When it came last.
    pub last: Instant,
    /// Offers from there, with a data channel or without.
    pub offers: u64,
    /// Datagrams of the data channel from there.
    pub data: u64,
    /// Dropped datagrams from there.
    pub drops: u64,
    /// Why the last of them was dropped.
    pub dropped: Option<Dropped>,
}

/// The last few who sent something.
#[derive(Clone, Debug, Default)]
pub struct Sightings(Vec<Sighting>);

impl Sightings {
    /// All of them, in no order.
    #[must_use]
    pub fn all(&self) -> &[Sighting] {
        &self.0
    }

    /// The record of `address`; of a new one, in the place of who was silent longest.
    pub(super) fn of(&mut self, now: Instant, address: SocketAddr) -> &mut Sighting {
        let seen = self.0.iter().position(|seen| seen.address == address);
        let place = seen.unwrap_or_else(|| {
            let new = Sighting {
                address,
                last: now,
                offers: 0,
                data: 0,
                drops: 0,
                dropped: None,
            };
            if self.0.len() < SIGHTINGS_MAX {
                self.0.push(new);
                return self.0.len() - 1;
            }
            let oldest = self
                .0
                .iter_mut()
                .enumerate()
                .min_by_key(|(_, seen)| seen.last);
            let (place, oldest) = oldest.expect("the list is full");
            *oldest = new;
            place
        });
        let seen = self.0.get_mut(place).expect("the place was found");
        seen.last = now;
        seen
    }
}

/// How many are remembered: enough to tell what is wrong, too few to be of use to who floods the port.
pub const SIGHTINGS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_few_senders_are_remembered() {
        let now = Instant::now();
        let mut sightings = Sightings::default();
        let address = |port| SocketAddr::from(([10, 0, 0, 1], port));
        for port in 0..100 {
            let now = now + Duration::from_secs(u64::from(port));
            sightings.of(now, address(port)).offers += 1;
            sightings.of(now, address(0)).data += 1;
        }
        assert_eq!(sightings.all().len(), SIGHTINGS_MAX);
        let of = |port| sightings.all().iter().find(|s| s.address == address(port));
        assert_eq!(of(0).unwrap().data, 100);
        assert!(of(99).is_some() && of(93).is_some() && of(92).is_none());
    }
}
