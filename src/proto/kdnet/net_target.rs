//! The target's side of KDNET: offers itself, takes the host that answers, keeps the session.
//!
//! For simulated targets. It knows no sockets and no clock, and of the machine behind it only what a KD [`Session`]
//! knows. It does what real targets were seen to do.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::channel::{Body, DataChannel, connection_check};
use super::envelope::{Channel, Cipher, Header, Sender, look};
use super::event::{After, Event, SendError};
use super::handshake::{Boot, Control, Offer, Response, UNBOUND};
use super::keys::Keys;
use super::net::{DATAGRAM_BYTES_MAX, EVENTS_MAX, OUTGOING_MAX, Random};
use super::sightings::{Counters, Dropped};
use crate::connect::Key;
use crate::proto::kd::{Numbering, PacketType, Session, Side, Timing};

/// What a target was told, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The version of the protocol it speaks; 2, 4 and 5 were seen.
    pub version: u8,
    /// Its own address.
    pub target: SocketAddr,
    /// Where it is told its host is.
    pub host: SocketAddr,
}

/// A target that looks for its host, or talks to it.
pub struct NetTarget {
    keys: Keys,
    control: Cipher,
    random: Random,
    timing: Timing,
    place: Place,
    kd: Session,
    boot: Boot,
    /// The counter of the last offer.
    counter: u64,
    /// The sequence number of the last offer.
    sequence: u64,
    /// That of the offer whose response was taken.
    answered: u64,
    offer_at: Instant,
    channel: Option<DataChannel>,
    /// Whether there was a session since it was started.
    was_bound: bool,
    outgoing: VecDeque<(SocketAddr, Vec<u8>)>,
    events: VecDeque<Event>,
    counters: Counters,
    scratch: Vec<u8>,
}

impl NetTarget {
    /// A target that is started `now` and offers itself at once.
    #[must_use]
    pub fn new(key: &Key, place: Place, timing: Timing, random: Random, now: Instant) -> Self {
        let keys = Keys::new(key);
        let mut target = Self {
            control: Cipher::new(keys.control(), keys.tag()),
            keys,
            random,
            timing,
            place,
            kd: Session::new(Numbering::Network, Side::Target, timing),
            boot: Boot([0; 24]),
            counter: 0,
            sequence: 0,
            answered: 0,
            offer_at: now,
            channel: None,
            was_bound: false,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
            scratch: Vec::new(),
        };
        target.restart(now);
        target
    }

    /// The machine is started anew: all that it had to say is gone, and whatever came for it.
    pub fn restart(&mut self, now: Instant) {
        (self.random)(&mut self.boot.0);
        let mut counter = [0; 8];
        (self.random)(&mut counter);
        self.counter = u64::from_le_bytes(counter);
        self.sequence = 0;
        self.answered = 0;
        self.kd = Session::new(Numbering::Network, Side::Target, self.timing);
        self.events.clear();
        self.was_bound = false;
        self.leave(now);
    }

    /// Gives its host up and looks for one again, at once; what it has to say it keeps.
    pub fn leave(&mut self, now: Instant) {
        self.channel = None;
        self.outgoing.clear();
        self.offer_at = now;
    }

    /// A datagram came from `from`.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.counters.datagrams += 1;
        self.counters.bytes += datagram.len() as u64;
        let fits = datagram.len() <= DATAGRAM_BYTES_MAX;
        self.scratch.clear();
        self.scratch
            .extend(datagram.iter().take(DATAGRAM_BYTES_MAX));
        let taken = match look(datagram) {
            Ok((_, Channel::Control)) if fits => self.take_control(now, from),
            Ok((_, Channel::Data)) if fits => self.take_data(now, from),
            _ => Err(Dropped::NotKdnet),
        };
        if let Err(why) = taken {
            self.counters.drop(why);
        }
    }

    /// The time of [`NetTarget::poll_timeout`] has come, or any other.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.channel.is_some() {
            self.kd.handle_timeout(now);
        }
        if now >= self.offer_at {
            self.offer(now, self.place.host);
        }
    }

    /// Sends a data packet when there is a host and its turn comes.
    ///
    /// # Errors
    /// [`SendError::Kd`], in which case nothing is sent.
    pub fn send(
        &mut self,
        now: Instant,
        kind: PacketType,
        payload: Vec<u8>,
    ) -> Result<(), SendError> {
        Ok(self.kd.send(now, kind, payload)?)
    }

    /// Asks the host to begin anew with packet numbers; see [`Session::reset`].
    pub fn reset(&mut self, now: Instant) {
        self.kd.reset(now);
    }

    /// The next datagram to send, and where to.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let next = self.outgoing.pop_front().or_else(|| {
            let channel = self.channel.as_mut()?;
            let transmit = self.kd.poll_transmit()?;
            Some((channel.peer(), channel.seal_kd(&transmit)))
        })?;
        self.counters.sent += 1;
        Some(next)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        let notice = self.events.pop_front();
        notice.or_else(|| self.kd.poll_event().map(Event::Kd))
    }

    /// When [`NetTarget::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        let kd = self.channel.as_ref().and_then(|_| self.kd.poll_timeout());
        kd.map_or(self.offer_at, |kd| kd.min(self.offer_at))
    }

    /// Whether nothing is unacknowledged or waits for its turn.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.kd.idle()
    }

    /// Where its host is, while it has one.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.channel.as_ref().map(DataChannel::peer)
    }

    /// What was counted; those of it that concern a host stay 0.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn offer(&mut self, now: Instant, to: SocketAddr) {
        self.counter = self.counter.wrapping_add(1);
        self.sequence += OFFER_STEP;
        self.offer_at = now + Duration::from_millis(OFFER_MS);
        let bound = self.peer().unwrap_or(UNBOUND);
        let offer = Offer {
            counter: self.counter,
            boot: self.boot,
            target: self.place.target,
            host: self.place.host,
            bound,
        };
        let header = Header {
            version: self.place.version,
            channel: Channel::Control,
            sender: Sender::Target,
            sequence: self.sequence,
        };
        let datagram = self.control.seal(header, &offer.encode());
        if bound == UNBOUND {
            self.counters.offers += 1;
        } else {
            self.counters.keepalives += 1;
        }
        self.transmit(to, datagram);
    }

    fn take_control(&mut self, now: Instant, from: SocketAddr) -> Result<(), Dropped> {
        let opened = self.control.open(&mut self.scratch);
        let opened = opened.map_err(|_| Dropped::Unauthenticated)?;
        if opened.header.sender == Sender::Target {
            return Err(Dropped::WrongDirection);
        }
        let sequence = opened.header.sequence;
        match Control::decode(opened.body) {
            Ok(Control::Poke) => {
                self.counters.pokes += 1;
                self.offer(now, from);
                Ok(())
            }
            Ok(Control::Response(response)) => self.take_response(now, from, sequence, &response),
            _ => Err(Dropped::Malformed),
        }
    }

    fn take_response(
        &mut self,
        now: Instant,
        from: SocketAddr,
        sequence: u64,
        response: &Response,
    ) -> Result<(), Dropped> {
        let (_, boot) = response.client_key.split_at(8);
        if *boot != self.boot.0 || sequence > self.sequence {
            return Err(Dropped::UnknownSession);
        }
        if sequence <= self.answered {
            return Err(Dropped::Replayed);
        }
        self.answered = sequence;
        let key = self.keys.data(&response.encode());
        let cipher = Cipher::new(&key, self.keys.tag());
        let mut channel = DataChannel::new(cipher, Sender::Target, self.place.version, from);
        let check = channel.seal(&connection_check(from));
        self.outgoing.clear();
        self.transmit(from, check);
        self.channel = Some(channel);
        self.counters.sessions += 1;
        let after = if std::mem::replace(&mut self.was_bound, true) {
            After::SameBoot
        } else {
            After::Nothing
        };
        self.notice(Event::Connected {
            peer: from,
            version: self.place.version,
            after,
        });
        self.kd.restart(now);
        Ok(())
    }

    fn take_data(&mut self, now: Instant, from: SocketAddr) -> Result<(), Dropped> {
        let channel = self.channel.as_mut().ok_or(Dropped::UnknownSession)?;
        let body = channel.open(&mut self.scratch)?;
        let before = channel.follow(from);
        self.counters.data += 1;
        if let Some(before) = before {
            self.counters.moves += 1;
            self.notice(Event::Moved {
                from: before,
                to: from,
            });
        }
        match body {
            Body::BreakIn => self.kd.handle_break_in(),
            Body::Packet(packet) => self.kd.handle_packet(now, &packet),
            Body::ConnectionCheck => return Err(Dropped::Malformed),
            Body::Malformed(_) => {
                self.kd.handle_damaged(now);
                return Err(Dropped::Malformed);
            }
        }
        Ok(())
    }

    fn notice(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }

    fn transmit(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        if self.outgoing.len() >= OUTGOING_MAX {
            self.outgoing.pop_front();
            self.counters.unsent += 1;
        }
        self.outgoing.push_back((to, datagram));
    }
}

impl std::fmt::Debug for NetTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetTarget")
            .field("place", &self.place)
            .field("peer", &self.peer())
            .finish_non_exhaustive()
    }
}

/// How often a target offers itself, with a host and without. Milliseconds, as real ones do.
pub const OFFER_MS: u64 = 3000;
/// By how much the sequence number rises from offer to offer, as with real ones.
const OFFER_STEP: u64 = 3;
