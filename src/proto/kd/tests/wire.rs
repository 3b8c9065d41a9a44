//! A bad line between two ends, in a time of its own: it loses, repeats, reorders, damages and delays what a seed says.

use std::time::{Duration, Instant};

use super::super::PacketType;
use super::super::frame::BREAK_IN;
use super::super::serial::Serial;
use super::super::session::{Event, Numbering, Session, Side, Timing, Transmit};

/// How bad a line is: chances in a thousand.
#[derive(Debug, Clone, Copy)]
pub struct Badness {
    pub lost: u32,
    pub repeated: u32,
    pub reordered: u32,
    pub damaged: u32,
}

/// What a line carries.
#[derive(Debug, Clone)]
enum Cargo {
    Bytes(Vec<u8>),
    Datagram(Transmit),
}

/// One end of the line.
#[derive(Debug)]
pub enum End {
    Serial(Box<Serial>),
    Network(Box<Session>),
}

impl End {
    pub fn new(numbering: Numbering, side: Side) -> Self {
        // Patience is not what is tested here.
        let patient = |timing: Timing| Timing {
            attempts: 500,
            reset_attempts: 500,
            ..timing
        };
        match numbering {
            Numbering::Serial => {
                Self::Serial(Box::new(Serial::new(side, patient(Timing::serial(None)))))
            }
            Numbering::Network => {
                let timing = patient(Timing::network());
                Self::Network(Box::new(Session::new(numbering, side, timing)))
            }
        }
    }

    pub fn send(&mut self, now: Instant, (kind, payload): (PacketType, Vec<u8>)) {
        match self {
            Self::Serial(serial) => serial.send(now, kind, payload),
            Self::Network(session) => session.send(now, kind, payload),
        }
        .unwrap();
    }

    pub fn reset(&mut self, now: Instant) {
        match self {
            Self::Serial(serial) => serial.reset(now),
            Self::Network(session) => session.reset(now),
        }
    }

    /// The link began anew; on a byte stream there is none to do so.
    pub fn restart(&mut self, now: Instant) {
        if let Self::Network(session) = self {
            session.restart(now);
        }
    }

    pub fn idle(&self) -> bool {
        match self {
            Self::Serial(serial) => serial.idle(),
            Self::Network(session) => session.idle(),
        }
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        match self {
            Self::Serial(serial) => serial.poll_event(),
            Self::Network(session) => session.poll_event(),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Serial(serial) => serial.poll_timeout(),
            Self::Network(session) => session.poll_timeout(),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Serial(serial) => serial.handle_timeout(now),
            Self::Network(session) => session.handle_timeout(now),
        }
    }

    fn poll_transmit(&mut self) -> Option<Cargo> {
        match self {
            Self::Serial(serial) => serial.poll_transmit().map(Cargo::Bytes),
            Self::Network(session) => session.poll_transmit().map(Cargo::Datagram),
        }
    }

    fn receive(&mut self, now: Instant, cargo: Cargo) {
        match (self, cargo) {
            (Self::Serial(serial), Cargo::Bytes(bytes)) => serial.handle_bytes(now, &bytes),
            (Self::Network(session), Cargo::Datagram(Transmit::Packet(packet))) => {
                session.handle_packet(now, &packet);
            }
            (Self::Network(session), Cargo::Datagram(Transmit::BreakIn)) => {
                session.handle_break_in();
            }
            _ => unreachable!("both ends are of one kind"),
        }
    }
}

/// The line.
#[derive(Debug)]
pub struct Wire {
    random: fastrand::Rng,
    badness: Badness,
    travelling: Vec<(Instant, u64, Side, Cargo)>,
    count: u64,
    /// When the last bytes of each direction arrive: a stream keeps its order.
    arrives: [Instant; 2],
}

impl Wire {
    pub fn new(now: Instant, seed: u64, badness: Badness) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self {
            random,
            badness,
            travelling: Vec::new(),
            count: 0,
            arrives: [now; 2],
        }
    }

    /// Takes what the end `to` is not has to send.
    pub fn collect(&mut self, now: Instant, from: &mut End, to: Side) {
        while let Some(cargo) = from.poll_transmit() {
            match cargo {
                Cargo::Bytes(bytes) => self.stream(now, bytes, to),
                Cargo::Datagram(_) => self.datagram(now, cargo, to),
            }
        }
    }

    /// Gives the end what arrived.
    pub fn deliver(&mut self, now: Instant, end: &mut End, side: Side) {
        let here = |one: &&(Instant, u64, Side, Cargo)| one.2 == side && one.0 <= now;
        while let Some(next) = self
            .travelling
            .iter()
            .filter(here)
            .map(|one| (one.0, one.1))
            .min()
        {
            let index = self
                .travelling
                .iter()
                .position(|one| (one.0, one.1) == next);
            let (.., cargo) = self.travelling.swap_remove(index.unwrap());
            end.receive(now, cargo);
        }
    }

    /// When something arrives next.
    pub fn next(&self) -> Option<Instant> {
        self.travelling.iter().map(|one| one.0).min()
    }

    /// Whatever is under way never arrives.
    pub fn cut(&mut self) {
        self.travelling.clear();
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        self.random.u32(0..1000) < per_mille
    }

    fn travel(&mut self, arrival: Instant, to: Side, cargo: Cargo) {
        self.count += 1;
        self.travelling.push((arrival, self.count, to, cargo));
    }

    fn datagram(&mut self, now: Instant, cargo: Cargo, to: Side) {
        // A damaged datagram does not authenticate, which is as good as lost.
        let copies = if self.chance(self.badness.lost) || self.chance(self.badness.damaged) {
            0
        } else {
            1 + u32::from(self.chance(self.badness.repeated))
        };
        for _ in 0..copies {
            let late = if self.chance(self.badness.reordered) {
                40
            } else {
                3
            };
            let delay = Duration::from_millis(self.random.u64(1..=late));
            self.travel(now + delay, to, cargo.clone());
        }
    }

    fn stream(&mut self, now: Instant, mut bytes: Vec<u8>, to: Side) {
        if bytes != [BREAK_IN] && self.chance(self.badness.lost) {
            let from = self.random.usize(0..bytes.len());
            let until = self.random.usize(from..=bytes.len());
            bytes.drain(from..until);
        } else if self.chance(self.badness.damaged) {
            // Type and number of a packet are not covered by its checksum: nobody can notice damage to them.
            let offset = self.random.usize(0..bytes.len());
            if let Some(byte) = bytes.get_mut(offset)
                && !(4..6).contains(&offset)
                && !(8..12).contains(&offset)
            {
                *byte ^= 1 << self.random.u32(0..8);
            }
        } else if self.chance(self.badness.damaged) {
            let noise =
                std::iter::repeat_with(|| self.random.u8(..)).filter(|byte| *byte != BREAK_IN);
            bytes.extend(noise.take(20).collect::<Vec<u8>>());
        }
        let cut = self.random.usize(0..=bytes.len());
        let rest = bytes.split_off(cut);
        for part in [bytes, rest] {
            let delay = Duration::from_micros(100 + 87 * part.len() as u64);
            let line = usize::from(to == Side::Host);
            let arrival = self.arrives[line].max(now) + delay;
            self.arrives[line] = arrival;
            self.travel(arrival, to, Cargo::Bytes(part));
        }
    }
}
