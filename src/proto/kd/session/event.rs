//! What comes out of a session: for its owner, and for the line.

use crate::proto::kd::frame::{Packet, PacketType};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A data packet came, once and in order.
    Packet(PacketType, Vec<u8>),
    /// The packet in flight arrived.
    Acknowledged,
    /// The peer began anew. What a host still had to send is dropped when a target begins with new numbers; it was
    /// meant for what ran before. A stopped target says its stop again, unless that is what is in flight.
    Restarted,
    /// Our reset was answered: numbers agree again. A stopped target repeats what it has to say first, its stop or a
    /// reply; real ones count a request that comes before the acknowledgement as that, so wait for it.
    ResetAnswered,
    /// The peer does not acknowledge, and nothing is in flight any more. [`PacketType::Reset`]: a reset, which is
    /// no news of a target that runs.
    Unanswered {
        /// What it was.
        kind: PacketType,
        /// What it carried.
        payload: Vec<u8>,
        /// How often it was sent.
        attempts: u32,
    },
    /// What the peer sends is damaged each time; it is not asked to repeat it any more.
    Damaged {
        /// Damaged packets in a row.
        times: u32,
    },
    /// The host wants a stop. Target side only.
    BreakIn,
}

/// What is to be put on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transmit {
    /// A packet.
    Packet(Packet),
    /// The break-in byte, alone.
    BreakIn,
}

/// Why a packet is not sent. The caller is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too many wait for their turn.
    #[error("{0} packets wait to be sent already")]
    Full(usize),
    /// Longer than a packet can be.
    #[error("payload of {got} bytes, at most {most} fit a packet")]
    TooLong {
        /// Bytes allowed.
        most: usize,
        /// Bytes given.
        got: usize,
    },
    /// Control packets are the session's own.
    #[error("{0:?} is no data packet")]
    Control(PacketType),
}

/// What a session counted, for people who look for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Data packets taken.
    pub packets: u64,
    /// Data packets that had come before.
    pub repeated: u64,
    /// Data packets left unacknowledged because nobody fetched those before.
    pub refused: u64,
    /// Data packets sent, each once.
    pub sent: u64,
    /// Data packets sent again.
    pub resent: u64,
    /// Requests of the peer to send again.
    pub resends_asked_of_us: u64,
    /// Requests to the peer to send again.
    pub resends_asked: u64,
    /// Damaged packets.
    pub damaged: u64,
    /// Resets sent, answers included.
    pub resets: u64,
    /// Times the peer began anew.
    pub restarts: u64,
}
