//! One data packet in flight each way, acknowledged, sent again, and begun anew when the ends disagree.
//!
//! One implementation for both ends and both ways of numbering. It knows of payloads only what tells a repeated
//! packet from a new one and a packet that must arrive from one that need not. Finding packets in bytes is
//! [`super::assembler`]'s; time comes in, and what to send comes out of [`Session::poll_transmit`].
//! Facts: the packets of real targets over KDNET and of a real NT-family kernel over serial lines.

mod event;
mod incoming;
mod numbers;
mod timing;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use event::{Counters, Event, SendError, Transmit};
pub use numbers::{Numbering, Side};
pub use timing::{
    BAUD_DEFAULT, NETWORK_ACKNOWLEDGE_MS, NETWORK_ACKNOWLEDGE_MS_MAX, NETWORK_ATTEMPTS,
    RESET_ATTEMPTS, SERIAL_ACKNOWLEDGE_MS, SERIAL_ATTEMPTS, TARGET_ATTEMPTS, Timing,
};

use incoming::Last;

use super::field::u32_at;
use super::frame::{PAYLOAD_BYTES_MAX, Packet, PacketType};
use super::{debug_io, file_io, state_change};

/// Packets that may wait for their turn. A host has one request under way, a target's printing waits for nobody.
pub const WAITING_MAX: usize = 64;
/// Packets that may wait to be fetched. What comes on top is not acknowledged, so that its sender keeps it.
pub const EVENTS_MAX: usize = 64;
/// Control packets and break-ins that may wait to be sent. The oldest go first: their senders ask again.
pub const CONTROLS_MAX: usize = 32;
/// How often the peer is asked to repeat what is damaged each time. A kernel whose prompt changes while it is sent
/// would be asked for ever.
pub const RESENDS_ASKED_MAX: u32 = 8;
/// How often a packet is sent again on request within one wait for its acknowledgement.
pub const RESENDS_OBEYED_MAX: u32 = 16;
/// How long after a reset of ours one of the peer counts as the answer and is not answered. Milliseconds.
pub const RESET_QUIET_MS: u64 = 500;
/// How long after a reset of ours it is sent again to a target that turns out to listen. Milliseconds; with less, one
/// that is answering would be asked twice, with more, one that repeats a print twenty times, 36 ms apart, gives up.
pub const RESET_AGAIN_MS: u64 = 100;
/// How long a target's first packet, coming again, counts as sent again rather than as another start. Milliseconds
/// since it came last; targets repeat it up to twenty times, about a second apart, and on a bad line most are lost.
pub const SYNC_REPEAT_MS: u64 = 20_000;

/// One end of a KD conversation.
#[derive(Debug)]
pub struct Session {
    numbering: Numbering,
    side: Side,
    timing: Timing,
    /// Number of the packet in flight, else of the next.
    next: u32,
    /// Whether our first packet since we began is still unacknowledged. Targets on byte streams only.
    sync: bool,
    /// The peer's next number, once known.
    expected: Option<u32>,
    in_flight: Option<InFlight>,
    /// Whether the packet in flight is to be put on the line.
    due: bool,
    waiting: VecDeque<(PacketType, Vec<u8>)>,
    controls: VecDeque<Transmit>,
    resetting: Option<Resetting>,
    quiet_until: Option<Instant>,
    /// Whether the peer may or may not have taken our last packet, so that a number alone does not tell.
    doubtful: bool,
    last: Last,
    /// Damaged packets since the last good one.
    damaged: u32,
    events: VecDeque<Event>,
    counters: Counters,
}

#[derive(Debug)]
struct InFlight {
    kind: PacketType,
    payload: Vec<u8>,
    attempts: u32,
    /// Repeats on request since the last time-out.
    obeyed: u32,
    deadline: Instant,
    /// Numbers began anew since it was sent: nobody has seen it under the one it has now.
    is_rewound: bool,
}

#[derive(Debug)]
struct Resetting {
    attempts: u32,
    deadline: Instant,
}

impl Session {
    /// A session that has neither sent nor heard anything.
    pub fn new(numbering: Numbering, side: Side, timing: Timing) -> Self {
        let serial_target = numbering == Numbering::Serial && side == Side::Target;
        Self {
            numbering,
            side,
            timing,
            next: numbering.first(side),
            sync: serial_target,
            expected: serial_target.then(|| numbering.first(Side::Host)),
            in_flight: None,
            due: false,
            waiting: VecDeque::new(),
            controls: VecDeque::new(),
            resetting: None,
            quiet_until: None,
            doubtful: false,
            last: Last::none(),
            damaged: 0,
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// A packet came.
    pub fn handle_packet(&mut self, now: Instant, packet: &Packet) {
        match packet.kind {
            PacketType::Acknowledge => self.acknowledged(now, packet.id),
            PacketType::Resend => self.asked_again(now),
            PacketType::Reset => self.peer_reset(now, packet.id),
            _ => self.take(now, packet),
        }
    }

    /// What came began like a packet and is none.
    pub fn handle_damaged(&mut self, _now: Instant) {
        self.counters.damaged += 1;
        self.damaged = self.damaged.saturating_add(1);
        if self.damaged <= RESENDS_ASKED_MAX {
            self.ask_again();
        } else if self.damaged == RESENDS_ASKED_MAX + 1 {
            self.notice(Event::Damaged {
                times: self.damaged,
            });
        }
    }

    /// The break-in byte came. To a host it is noise.
    pub fn handle_break_in(&mut self) {
        if self.side == Side::Target {
            self.notice(Event::BreakIn);
        }
    }

    /// The time of [`Session::poll_timeout`] has come, or any other.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(resetting) = &mut self.resetting {
            if now < resetting.deadline {
                return;
            }
            if resetting.attempts < self.timing.reset_attempts {
                resetting.attempts += 1;
                resetting.deadline = now + self.timing.acknowledge_max;
                self.send_reset(now);
            } else {
                let attempts = resetting.attempts;
                self.resetting = None;
                self.give_up();
                self.notice(Event::Unanswered {
                    kind: PacketType::Reset,
                    payload: Vec::new(),
                    attempts,
                });
            }
            return;
        }
        let Some(flight) = &mut self.in_flight else {
            return;
        };
        if now < flight.deadline {
            return;
        }
        let patient = self.side == Side::Target && must_arrive(flight.kind, &flight.payload);
        if patient || flight.attempts < self.timing.attempts {
            flight.attempts = flight.attempts.saturating_add(1);
            flight.obeyed = 0;
            flight.deadline = now + self.timing.wait(flight.attempts);
            self.due = true;
            self.counters.resent += 1;
        } else if let Some(flight) = self.give_up() {
            self.notice(Event::Unanswered {
                kind: flight.kind,
                payload: flight.payload,
                attempts: flight.attempts,
            });
        }
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
        if kind.is_control() {
            return Err(SendError::Control(kind));
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            let got = payload.len();
            return Err(SendError::TooLong {
                most: PAYLOAD_BYTES_MAX,
                got,
            });
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(SendError::Full(self.waiting.len()));
        }
        self.waiting.push_back((kind, payload));
        self.next_flight(now);
        Ok(())
    }

    /// Asks a running target to stop.
    pub fn break_in(&mut self) {
        if !self.controls.contains(&Transmit::BreakIn) {
            self.control(Transmit::BreakIn);
        }
    }

    /// Asks the peer to begin anew. Data packets are held until it has answered; only a target that is stopped, or
    /// waits for an acknowledgement, does.
    pub fn reset(&mut self, now: Instant) {
        self.resetting = Some(Resetting {
            attempts: 1,
            // A target that is stopped answers at once; one that is busy is given the longest time.
            deadline: now + self.timing.acknowledge_max,
        });
        self.send_reset(now);
    }

    /// Asks the peer to repeat what it has in flight.
    pub fn ask_again(&mut self) {
        let resend = Transmit::Packet(Packet::control(PacketType::Resend, 0));
        if !self.controls.contains(&resend) {
            self.counters.resends_asked += 1;
            self.control(resend);
        }
    }

    /// The link under the session began anew, as KDNET does when it agrees on a new key. A host forgets everything; a
    /// target keeps its numbers and what it has to say.
    pub fn restart(&mut self, now: Instant) {
        self.controls.clear();
        self.resetting = None;
        self.quiet_until = None;
        self.damaged = 0;
        match self.side {
            Side::Host => {
                self.forget();
                self.expected = None;
            }
            Side::Target => {
                self.expected = None;
                self.repeat_flight(now);
            }
        }
        self.last.may_repeat = true;
        self.restarted();
    }

    /// What to put on the line next.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(control) = self.controls.pop_front() {
            return Some(control);
        }
        if !self.due || self.resetting.is_some() {
            return None;
        }
        self.due = false;
        let flight = self.in_flight.as_mut()?;
        flight.is_rewound = false;
        let id = if self.sync {
            self.numbering.with_sync(self.next)
        } else {
            self.next
        };
        let payload = flight.payload.clone();
        Some(Transmit::Packet(Packet {
            kind: flight.kind,
            id,
            payload,
        }))
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Session::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.resetting {
            Some(resetting) => Some(resetting.deadline),
            None => self.in_flight.as_ref().map(|flight| flight.deadline),
        }
    }

    /// Whether nothing is unacknowledged or waits for its turn.
    pub fn idle(&self) -> bool {
        self.in_flight.is_none() && self.waiting.is_empty() && self.resetting.is_none()
    }

    /// What was counted since the beginning.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn acknowledged(&mut self, now: Instant, id: u32) {
        // What came before the peer could see the number is of another packet.
        let is_sent = self
            .in_flight
            .as_ref()
            .is_some_and(|flight| !flight.is_rewound);
        if is_sent && self.numbering.plain(id) == self.next {
            self.landed(now);
        }
    }

    fn asked_again(&mut self, now: Instant) {
        self.counters.resends_asked_of_us += 1;
        let Some(flight) = &mut self.in_flight else {
            return;
        };
        if flight.obeyed < RESENDS_OBEYED_MAX && !self.due {
            flight.obeyed += 1;
            flight.deadline = now + self.timing.wait(flight.attempts);
            self.due = true;
            self.counters.resent += 1;
        }
    }

    fn peer_reset(&mut self, now: Instant, id: u32) {
        self.doubtful = false;
        self.last.may_repeat = true;
        self.last.sync = None;
        match self.numbering {
            Numbering::Serial => {
                self.next = self.numbering.first(self.side);
                self.expected = Some(self.next);
                self.sync = false;
            }
            Numbering::Network => self.expected = Some(id),
        }
        if self.resetting.take().is_some() {
            self.notice(Event::ResetAnswered);
        } else if self.quiet_until.is_none_or(|until| now >= until) {
            self.send_reset(now);
            self.restarted();
        }
        self.repeat_flight(now);
        if let Some(flight) = &mut self.in_flight {
            flight.is_rewound = self.numbering == Numbering::Serial;
        }
        self.next_flight(now);
    }

    fn landed(&mut self, now: Instant) {
        self.in_flight = None;
        self.due = false;
        self.sync = false;
        self.doubtful = false;
        self.next = self.numbering.after(self.next);
        self.notice(Event::Acknowledged);
        self.next_flight(now);
    }

    fn next_flight(&mut self, now: Instant) {
        if self.in_flight.is_some() || self.resetting.is_some() || self.waiting.is_empty() {
            return;
        }
        if self.doubtful {
            self.reset(now);
            return;
        }
        if let Some((kind, payload)) = self.waiting.pop_front() {
            let deadline = now + self.timing.wait(1);
            self.in_flight = Some(InFlight {
                kind,
                payload,
                attempts: 1,
                obeyed: 0,
                deadline,
                is_rewound: false,
            });
            self.due = true;
            self.counters.sent += 1;
        }
    }

    fn repeat_flight(&mut self, now: Instant) {
        if let Some(flight) = &mut self.in_flight {
            flight.attempts = 1;
            flight.obeyed = 0;
            flight.deadline = now + self.timing.wait(1);
            self.due = true;
            self.counters.resent += 1;
        }
    }

    /// Nobody is there. A target on a byte stream begins anew; a host's next packet is preceded by a reset there, for
    /// the last one may have been taken after all.
    fn give_up(&mut self) -> Option<InFlight> {
        self.waiting.clear();
        self.due = false;
        match (self.numbering, self.side) {
            (Numbering::Serial, Side::Target) => {
                self.next = self.numbering.first(self.side);
                self.expected = Some(self.next);
                self.sync = true;
            }
            (Numbering::Serial, Side::Host) => self.doubtful = true,
            (Numbering::Network, _) => {
                if self.in_flight.is_some() {
                    self.next = self.numbering.after(self.next);
                }
            }
        }
        self.in_flight.take()
    }

    fn forget(&mut self) {
        self.next = self.numbering.first(self.side);
        self.in_flight = None;
        self.due = false;
        self.doubtful = false;
        self.waiting.clear();
    }

    fn send_reset(&mut self, now: Instant) {
        self.quiet_until = Some(now + Duration::from_millis(RESET_QUIET_MS));
        let id = self.numbering.in_reset(self.next);
        let reset = Transmit::Packet(Packet::control(PacketType::Reset, id));
        if !self.controls.contains(&reset) {
            self.counters.resets += 1;
            self.control(reset);
        }
    }

    /// Sends the reset under way again, unless that was done just now: its receiver listens.
    fn reset_again(&mut self, now: Instant) {
        let again = Duration::from_millis(RESET_QUIET_MS - RESET_AGAIN_MS);
        if self.quiet_until.is_none_or(|until| now + again >= until) {
            self.send_reset(now);
        }
    }

    fn control(&mut self, control: Transmit) {
        if self.controls.len() >= CONTROLS_MAX {
            self.controls.pop_front();
        }
        self.controls.push_back(control);
    }

    fn restarted(&mut self) {
        self.counters.restarts += 1;
        self.notice(Event::Restarted);
    }

    /// Tells of something that is no packet. An owner who never looks gets no more than room for packets again.
    fn notice(&mut self, event: Event) {
        let said = matches!(event, Event::Restarted | Event::BreakIn)
            && self.events.back() == Some(&event);
        if !said && self.events.len() < 2 * EVENTS_MAX {
            self.events.push_back(event);
        }
    }
}

/// Whether a target sends it until it arrives: a stop, a question, a reply. Of the rest nobody misses much.
fn must_arrive(kind: PacketType, payload: &[u8]) -> bool {
    let number = u32_at(payload, 0);
    match kind {
        PacketType::StateChange => !state_change::is_module(number),
        PacketType::DebugIo => number != debug_io::PRINT,
        PacketType::FileIo => number != file_io::CREATE,
        _ => true,
    }
}
