//! One data channel of KDNET: its key, its peer and its sequence numbers, seen from either end.

use std::net::SocketAddr;

use super::envelope::{Channel, Cipher, Header, Sender};
use super::sightings::Dropped;
use crate::proto::kd::frame::BREAK_IN;
use crate::proto::kd::{Packet, PacketError, PacketType, Transmit};

/// What one key is used for.
pub(super) struct DataChannel {
    cipher: Cipher,
    /// Which end this is.
    side: Sender,
    version: u8,
    peer: SocketAddr,
    /// Datagrams sent.
    sent: u64,
    /// Sequence numbers that came.
    window: Window,
}

/// Which sequence numbers came: the highest, and which of those just below it.
#[derive(Debug, Default)]
struct Window {
    highest: u64,
    /// Bit `n` is the number `n` below the highest.
    below: u64,
}

impl Window {
    /// Takes a number. `None` if it came before, or may have; else whether it is the highest.
    fn take(&mut self, sequence: u64) -> Option<bool> {
        if sequence > self.highest {
            let ahead = sequence - self.highest;
            self.below = u32::try_from(ahead)
                .ok()
                .and_then(|ahead| self.below.checked_shl(ahead))
                .unwrap_or(0)
                | 1;
            self.highest = sequence;
            return Some(true);
        }
        let bit = u32::try_from(self.highest - sequence)
            .ok()
            .and_then(|below| 1u64.checked_shl(below))?;
        let is_new = sequence > 0 && self.below & bit == 0;
        self.below |= bit;
        is_new.then_some(false)
    }
}

/// What a datagram of the channel carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// The first of a session, from the target: it is no packet of KD, and not acknowledged.
    ConnectionCheck,
    /// A stop is wanted.
    BreakIn,
    /// A packet.
    Packet(Packet),
    /// None of these.
    Malformed(PacketError),
}

impl DataChannel {
    pub fn new(cipher: Cipher, side: Sender, version: u8, peer: SocketAddr) -> Self {
        Self {
            cipher,
            side,
            version,
            peer,
            sent: 0,
            window: Window::default(),
        }
    }

    /// Where the other end is.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The version the target speaks.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The other end was heard at `peer`: tells where it was, if that is elsewhere.
    pub fn follow(&mut self, peer: SocketAddr) -> Option<SocketAddr> {
        let before = std::mem::replace(&mut self.peer, peer);
        (before != peer).then_some(before)
    }

    /// The datagram that carries `body`, never the same twice.
    pub fn seal(&mut self, body: &[u8]) -> Vec<u8> {
        self.sent += 1;
        let header = Header {
            version: self.version,
            channel: Channel::Data,
            sender: self.side,
            sequence: self.sent,
        };
        self.cipher.seal(header, body)
    }

    /// The datagram for what KD has to send.
    pub fn seal_kd(&mut self, transmit: &Transmit) -> Vec<u8> {
        match transmit {
            Transmit::Packet(packet) => self.seal(&packet.encode()),
            Transmit::BreakIn => self.seal(&[BREAK_IN]),
        }
    }

    /// What a datagram carries, if it is of this channel, from its other end, and has not come before. A target takes
    /// nothing older than what came last, as real ones; a host takes what the network overtook, but for resets, which
    /// would take numbers back.
    pub fn open(&mut self, datagram: &mut [u8]) -> Result<Body, Dropped> {
        let opened = self.cipher.open(datagram);
        let opened = opened.map_err(|_| Dropped::Unauthenticated)?;
        if opened.header.sender == self.side {
            return Err(Dropped::WrongDirection);
        }
        let is_newest = self.window.take(opened.header.sequence);
        let is_newest = is_newest.ok_or(Dropped::Replayed)?;
        let body = Body::read(opened.body);
        let may_be_late = self.side == Sender::Host
            && !matches!(&body, Body::Packet(packet) if packet.kind == PacketType::Reset);
        if is_newest || may_be_late {
            Ok(body)
        } else {
            Err(Dropped::Replayed)
        }
    }
}

impl Body {
    pub fn read(body: &[u8]) -> Self {
        match body {
            [BREAK_IN] => Self::BreakIn,
            [0, 0, 0, 0, 0, 0, 0, 0, ..] => Self::ConnectionCheck,
            body => match Packet::decode(body) {
                Ok(packet) => Self::Packet(packet),
                Err(error) => Self::Malformed(error),
            },
        }
    }
}

/// The body of a connection check to a host at `peer`.
pub(super) fn connection_check(peer: SocketAddr) -> [u8; 12] {
    let mut body = [0; 12];
    if let SocketAddr::V4(peer) = peer {
        let (_, address) = body.split_at_mut(8);
        address.copy_from_slice(&peer.ip().to_bits().to_le_bytes());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn each_number_is_taken_once_and_only_if_it_is_not_long_past() {
        let mut window = Window::default();
        let taken =
            [1, 3, 2, 2, 3, 70, 6, 7, 7, 5, 200, 136, 137, 0].map(|number| window.take(number));
        let (new, late, no) = (Some(true), Some(false), None);
        assert_eq!(
            taken,
            [
                new, new, late, no, no, new, no, late, no, no, new, no, late, no
            ]
        );
    }
}
