//! KD over a byte stream, as one engine: a serial line, a socket or a pipe of a virtual machine.
//!
//! Opens nothing and keeps no clock: bytes and time come in, packets, bytes to send and events come out.

use std::time::Instant;

use super::assembler::{Assembler, Item};
use super::frame::{BREAK_IN, PacketType};
use super::session::{Counters, Event, Numbering, SendError, Session, Side, Timing, Transmit};

/// One end of a KD conversation over a byte stream.
#[derive(Debug)]
pub struct Serial {
    assembler: Assembler,
    session: Session,
    timing: Timing,
    /// When the packet that has begun must be complete.
    partial: Option<Instant>,
    break_ins: u64,
}

/// What was counted on a line, for people who look for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SerialCounters {
    /// The session's part.
    pub session: Counters,
    /// Bytes that belonged to nothing.
    pub noise_bytes: u64,
    /// Bytes of damaged packets.
    pub damaged_bytes: u64,
    /// Break-in bytes that came.
    pub break_ins: u64,
}

impl Serial {
    /// An engine that has neither sent nor heard anything.
    pub fn new(side: Side, timing: Timing) -> Self {
        Self {
            assembler: Assembler::default(),
            session: Session::new(Numbering::Serial, side, timing),
            timing,
            partial: None,
            break_ins: 0,
        }
    }

    /// Bytes came.
    pub fn handle_bytes(&mut self, now: Instant, mut bytes: &[u8]) {
        while let Some(item) = self.assembler.next_item(&mut bytes) {
            self.partial = None;
            match item {
                Item::Packet(packet) => self.session.handle_packet(now, &packet),
                Item::Damaged(_) => self.session.handle_damaged(now),
                Item::BreakIn => {
                    self.break_ins += 1;
                    self.session.handle_break_in();
                }
            }
        }
        if !self.assembler.is_partial() {
            self.partial = None;
        } else if self.partial.is_none() {
            self.partial = Some(now + self.timing.packet);
        }
    }

    /// The time of [`Serial::poll_timeout`] has come, or any other.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.partial.is_some_and(|deadline| now >= deadline) {
            self.partial = None;
            if self.assembler.abandon().is_some() {
                self.session.handle_damaged(now);
            }
        }
        self.session.handle_timeout(now);
    }

    /// Sends a data packet when its turn comes.
    ///
    /// # Errors
    /// [`SendError`], in which case nothing is sent.
    pub fn send(
        &mut self,
        now: Instant,
        kind: PacketType,
        payload: Vec<u8>,
    ) -> Result<(), SendError> {
        self.session.send(now, kind, payload)
    }

    /// Asks a running target to stop.
    pub fn break_in(&mut self) {
        self.session.break_in();
    }

    /// Asks the peer to begin anew; see [`Session::reset`].
    pub fn reset(&mut self, now: Instant) {
        self.session.reset(now);
    }

    /// The next bytes to put on the line: one packet, or the break-in byte.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        Some(match self.session.poll_transmit()? {
            Transmit::Packet(packet) => packet.encode_stream(),
            Transmit::BreakIn => vec![BREAK_IN],
        })
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.session.poll_event()
    }

    /// When [`Serial::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.partial, self.session.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether nothing is unacknowledged or waits for its turn.
    pub fn idle(&self) -> bool {
        self.session.idle()
    }

    /// What was counted since the beginning.
    pub fn counters(&self) -> SerialCounters {
        SerialCounters {
            session: self.session.counters(),
            noise_bytes: self.assembler.noise_bytes(),
            damaged_bytes: self.assembler.damaged_bytes(),
            break_ins: self.break_ins,
        }
    }
}
