//! Packets out of a byte stream, whatever else is on the line.
//!
//! Only one candidate is held at a time, at most a whole packet; nothing here keeps time: who owns it says when the
//! rest of a packet will not come any more ([`Assembler::abandon`]). Facts: the bytes of real serial lines.

use std::collections::VecDeque;

use super::frame::{
    BREAK_IN, CONTROL_LEADER, DATA_LEADER, HEADER_BYTES, Header, Packet, PacketError, TRAILER,
};

/// Bytes in front of each header that are all the same.
const LEADER_BYTES: usize = 4;

/// What was found in a byte stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A packet, whole and with a right checksum.
    Packet(Packet),
    /// What began like a packet and is none. The peer should send it again.
    Damaged(PacketError),
    /// The break-in byte, between packets. Only a target takes it for one; to a host it is noise.
    BreakIn,
}

/// Finds packets in a byte stream.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The candidate, from its leader on.
    held: Vec<u8>,
    /// Its header, once complete.
    header: Option<Header>,
    /// Bytes of a candidate that was none, to be looked at again; shorter than a header.
    again: VecDeque<u8>,
    noise_bytes: u64,
    damaged_bytes: u64,
}

impl Assembler {
    /// The next thing in `bytes`, which are shortened by what was looked at. `None`: all were, and the last of them
    /// are kept if a packet may begin with them.
    pub fn next_item(&mut self, bytes: &mut &[u8]) -> Option<Item> {
        loop {
            if let Some(header) = self.header {
                if !self.fill(HEADER_BYTES + header.count + 1, bytes) {
                    return None;
                }
                return Some(self.finish(header));
            }
            let byte = self.again.pop_front().or_else(|| {
                let (&first, rest) = bytes.split_first()?;
                *bytes = rest;
                Some(first)
            })?;
            if let Some(item) = self.scan(byte) {
                return Some(item);
            }
        }
    }

    /// Whether the last bytes may be the beginning of a packet.
    pub fn is_partial(&self) -> bool {
        self.held.len() >= LEADER_BYTES
    }

    /// Gives a packet up whose rest does not come. `None` if there was none.
    pub fn abandon(&mut self) -> Option<PacketError> {
        let got = self.held.len();
        let want = HEADER_BYTES + self.header.map_or(0, |header| header.count + 1);
        let partial = self.is_partial();
        self.held.clear();
        self.header = None;
        if partial {
            self.damaged_bytes += got as u64;
            Some(PacketError::Cut { want, got })
        } else {
            self.noise_bytes += got as u64;
            None
        }
    }

    /// Bytes so far that belonged to nothing.
    pub fn noise_bytes(&self) -> u64 {
        self.noise_bytes
    }

    /// Bytes so far of what began like a packet and was none.
    pub fn damaged_bytes(&self) -> u64 {
        self.damaged_bytes
    }

    /// Bytes held for a packet that is not complete.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    fn fill(&mut self, total: usize, bytes: &mut &[u8]) -> bool {
        while self.held.len() < total
            && let Some(byte) = self.again.pop_front()
        {
            self.held.push(byte);
        }
        let missing = total.saturating_sub(self.held.len());
        let (taken, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.held.extend_from_slice(taken);
        *bytes = rest;
        self.held.len() == total
    }

    fn finish(&mut self, header: Header) -> Item {
        self.header = None;
        let body = self.held.get(HEADER_BYTES..).unwrap_or_default();
        let (trailer, payload) = body.split_last().unwrap_or((&0, &[]));
        let checked = if *trailer == TRAILER {
            header.check(payload)
        } else {
            Err(PacketError::Trailer(*trailer))
        };
        let item = match checked {
            Ok(()) => Item::Packet(Packet {
                kind: header.kind,
                id: header.id,
                payload: payload.to_vec(),
            }),
            // What it swallowed is not looked at again: memory that a target sends may hold packets of its own.
            Err(error) => {
                self.damaged_bytes += self.held.len() as u64;
                Item::Damaged(error)
            }
        };
        self.held.clear();
        item
    }

    fn scan(&mut self, byte: u8) -> Option<Item> {
        let run = self.held.first().copied();
        if self.held.len() < LEADER_BYTES {
            if run.is_some_and(|leader| leader != byte) {
                self.noise_bytes += self.held.len() as u64;
                self.held.clear();
            }
            if byte == DATA_LEADER || byte == CONTROL_LEADER {
                self.held.push(byte);
                return None;
            }
            if byte == BREAK_IN {
                return Some(Item::BreakIn);
            }
            self.noise_bytes += 1;
            return None;
        }
        if self.held.len() == LEADER_BYTES && run == Some(byte) {
            // No packet type is as large as a leader byte: the run began with noise.
            self.noise_bytes += 1;
            return None;
        }
        self.held.push(byte);
        if self.held.len() < HEADER_BYTES {
            return None;
        }
        match Header::decode(&self.held) {
            Ok(header) if header.kind.is_control() => {
                self.held.clear();
                Some(Item::Packet(Packet::control(header.kind, header.id)))
            }
            Ok(header) => {
                self.header = Some(header);
                None
            }
            Err(error) => {
                for byte in self.held.drain(LEADER_BYTES..).rev() {
                    self.again.push_front(byte);
                }
                let leader = self.held.len() as u64;
                self.held.clear();
                // A type that does not exist is text with a leader in it rather than a packet: nobody to ask.
                if matches!(error, PacketError::Count(_)) {
                    self.damaged_bytes += leader;
                    Some(Item::Damaged(error))
                } else {
                    self.noise_bytes += leader;
                    None
                }
            }
        }
    }
}
