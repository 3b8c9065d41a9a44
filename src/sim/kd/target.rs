//! A simulated target: a machine, and the engine that carries what it says.
//!
//! Sans-IO, for either kind of wire. The machine says one thing at a time: the next is asked of it when the last has
//! been acknowledged, so that a slow debugger slows its target, as it does a real one.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::proto::kd::session::{Event as Heard, SendError, Side, Timing};
use crate::proto::kd::{FromHost, FromTarget, PacketType, Serial};

use super::machine::{Event, Machine, Settings};

/// What carries KD packets between a target and its debugger.
pub trait Engine {
    /// What is put on the wire at once, and where to.
    type Outgoing;

    /// Most bytes of data in a reply.
    const DATA_BYTES: usize;

    /// The time of [`Self::poll_timeout`] has come, or any other.
    fn handle_timeout(&mut self, now: Instant);
    /// Sends a data packet when its turn comes.
    ///
    /// # Errors
    /// [`SendError`], in which case nothing is sent.
    fn send(&mut self, now: Instant, kind: PacketType, payload: Vec<u8>) -> Result<(), SendError>;
    /// What to put on the wire next.
    fn poll_transmit(&mut self) -> Option<Self::Outgoing>;
    /// What happened.
    fn poll_event(&mut self) -> Option<Heard>;
    /// When [`Self::handle_timeout`] is due.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Whether nothing is unacknowledged or waits for its turn.
    fn idle(&self) -> bool;
    /// The machine restarts, and the connection with it. Whether the machine may take the debugger for being there.
    fn restart(&mut self, now: Instant) -> bool;
}

/// A simulated target.
#[derive(Debug)]
pub struct Target<E: Engine> {
    machine: Machine,
    engine: E,
    /// What the machine waits for an answer to, to be said again to a debugger that begins anew.
    pending: Option<(PacketType, Vec<u8>)>,
    /// What was to be sent when the engine began anew.
    outgoing: VecDeque<E::Outgoing>,
}

impl<E: Engine> Target<E> {
    /// A machine of these settings, switched on at `now`, on that engine.
    pub fn new(settings: Settings, engine: E, now: Instant) -> Self {
        Self {
            machine: Machine::new(settings, now),
            engine,
            pending: None,
            outgoing: VecDeque::new(),
        }
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The engine, to be told what came over the wire. [`Self::turn`] is to be called then.
    pub fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// A debugger is known to be there, or not: somebody has connected to the stream, or has left it.
    pub fn set_present(&mut self, present: bool, now: Instant) {
        self.machine.set_present(present, now);
        self.turn(now);
    }

    /// Lets engine and machine do what is due.
    pub fn turn(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        loop {
            while let Some(event) = self.engine.poll_event() {
                self.hear(event, now);
            }
            if !self.engine.idle() {
                return;
            }
            match self.machine.run(now) {
                Some(Event::Say(message)) => self.say(&message, now),
                Some(Event::Reset) => {
                    while let Some(last) = self.engine.poll_transmit() {
                        self.outgoing.push_back(last);
                    }
                    self.pending = None;
                    let present = self.engine.restart(now);
                    self.machine.set_present(present, now);
                }
                None => return,
            }
        }
    }

    /// What to put on the wire next.
    pub fn poll_transmit(&mut self) -> Option<E::Outgoing> {
        self.outgoing
            .pop_front()
            .or_else(|| self.engine.poll_transmit())
    }

    /// When [`Self::turn`] is due.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let machine = if self.engine.idle() {
            self.machine.next_run(now)
        } else {
            None
        };
        [machine, self.engine.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    fn say(&mut self, message: &FromTarget, now: Instant) {
        let (kind, payload) = message.encode();
        self.pending = self.machine.is_waiting().then(|| (kind, payload.clone()));
        self.send(kind, payload, now);
    }

    /// Packets are as long as the protocol has them, and the engine is idle or about to be: it takes them.
    fn send(&mut self, kind: PacketType, payload: Vec<u8>, now: Instant) {
        if let Err(error) = self.engine.send(now, kind, payload) {
            tracing::warn!("simulated target: {error}");
        }
    }

    fn hear(&mut self, event: Heard, now: Instant) {
        match event {
            Heard::Packet(kind, payload) => {
                self.machine.set_present(true, now);
                // What cannot be read is no request; real targets are as silent.
                let Ok(message) = FromHost::decode(kind, &payload) else {
                    return;
                };
                if let Some(reply) = self.machine.hear(&message, E::DATA_BYTES, now) {
                    self.send(PacketType::Manipulate, reply.encode_over(&payload), now);
                }
            }
            Heard::BreakIn => {
                self.machine.set_present(true, now);
                self.machine.break_in();
            }
            Heard::Restarted => {
                self.machine.set_present(true, now);
                if self.machine.is_waiting()
                    && self.engine.idle()
                    && let Some((kind, payload)) = self.pending.clone()
                {
                    self.send(kind, payload, now);
                }
            }
            // Resets are a host's; real targets do not send any of their own accord.
            Heard::Unanswered {
                kind: PacketType::Reset,
                ..
            }
            | Heard::ResetAnswered => {}
            Heard::Unanswered { .. } => self.machine.set_present(false, now),
            Heard::Acknowledged | Heard::Damaged { .. } => {}
        }
    }
}

/// KD over a byte stream.
#[derive(Debug)]
pub struct Stream {
    serial: Serial,
    timing: Timing,
    /// Somebody holds the other end.
    connected: bool,
}

impl Stream {
    /// A stream that nobody has connected to yet.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self {
            serial: Serial::new(Side::Target, timing),
            timing,
            connected: false,
        }
    }

    /// Somebody has connected, or has left.
    pub fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
    }

    /// Bytes came.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.serial.handle_bytes(now, bytes);
    }
}

impl Engine for Stream {
    type Outgoing = Vec<u8>;

    const DATA_BYTES: usize = crate::proto::kd::request::DATA_BYTES_MAX;

    fn handle_timeout(&mut self, now: Instant) {
        self.serial.handle_timeout(now);
    }

    fn send(&mut self, now: Instant, kind: PacketType, payload: Vec<u8>) -> Result<(), SendError> {
        self.serial.send(now, kind, payload)
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.serial.poll_transmit()
    }

    fn poll_event(&mut self) -> Option<Heard> {
        self.serial.poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.serial.poll_timeout()
    }

    fn idle(&self) -> bool {
        self.serial.idle()
    }

    fn restart(&mut self, _now: Instant) -> bool {
        self.serial = Serial::new(Side::Target, self.timing);
        self.connected
    }
}

/// Where a datagram goes or comes from, and what it says.
pub type Datagram = (SocketAddr, Vec<u8>);
