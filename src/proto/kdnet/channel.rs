//! One data channel of KDNET: its key, its peer and its sequence numbers, seen from either end.

use std::net::SocketAddr;

use super::envelope::{Channel, Cipher, Header, Sender};
use super::sightings::Dropped;
use crate::proto::kd::frame::BREAK_IN;
use crate::proto::kd::{Packet, PacketError, Transmit};

/// What one key is used for.
pub(super) struct DataChannel {
    cipher: Cipher,
    /// Which end this is.
    side: Sender,
    version: u8,
    peer: SocketAddr,
    /// Datagrams sent.
    sent: u64,
    /// Highest sequence number that came.
    mark: u64,
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
            mark: 0,
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

    /// What a datagram carries, if it is of this channel, from its other end, and newer than all before.
    pub fn open(&mut self, datagram: &mut [u8]) -> Result<Body, Dropped> {
        let opened = self.cipher.open(datagram);
        let opened = opened.map_err(|_| Dropped::Unauthenticated)?;
        if opened.header.sender == self.side {
            return Err(Dropped::WrongDirection);
        }
        if opened.header.sequence <= self.mark {
            return Err(Dropped::Replayed);
        }
        self.mark = opened.header.sequence;
        Ok(Body::read(opened.body))
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
