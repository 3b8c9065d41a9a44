//! The host's side of KDNET: waits for its target, agrees on a key, keeps the session.
//!
//! It knows no sockets and no clock, and of KD only that a [`Session`] makes packets. What a datagram must pass to be
//! heard is in [`super::envelope`] and `super::channel`; whatever fails is counted and dropped, and ends nothing. A
//! new key replaces the old one only when data comes that was made with it, so that an offer sent again by somebody
//! else does no harm. Rules from the packets of real targets and hosts.

mod answers;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::channel::{Body, DataChannel};
use super::envelope::{Channel, Cipher, Header, SEQUENCE_MAX, Sender, look};
use super::event::{After, Event, SendError};
use super::handshake::{Boot, Control, Offer};
use super::keys::Keys;
use super::sightings::{Counters, Dropped, Sightings};
use crate::connect::Key;
use crate::proto::kd::{self, Numbering, PacketType, Session, Side, Timing};

/// Fills a buffer with bytes nobody can guess.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// A host that waits for one target, or talks to it.
pub struct Net {
    keys: Keys,
    control: Cipher,
    random: Random,
    timing: Timing,
    kd: Session,
    /// The session that is used.
    current: Option<Conversation>,
    /// Sessions that were offered to the target, of which it has used none yet. Newest first.
    offered: VecDeque<Conversation>,
    /// For each run of a target, its highest sequence number on the control channel. Last used first.
    marks: VecDeque<(Boot, u64)>,
    last_offer: Option<LastOffer>,
    /// When something authentic came last.
    heard: Option<Instant>,
    silent: bool,
    poking: Poking,
    outgoing: VecDeque<(SocketAddr, Vec<u8>)>,
    events: VecDeque<Event>,
    counters: Counters,
    sightings: Sightings,
    /// Datagrams are decrypted here.
    scratch: Vec<u8>,
}

/// A session and the run of the target it is with.
struct Conversation {
    boot: Boot,
    channel: DataChannel,
    /// When it was first used.
    since: Instant,
    /// Whether the target may use another key by now, so that its next offer has to be answered.
    doubtful: bool,
    /// Break-ins since the target's last datagram.
    break_ins: u32,
}

/// The offer that came last, from whomever has the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastOffer {
    /// When it came.
    pub at: Instant,
    /// Where from; address translation may make this another one than it says itself.
    pub from: SocketAddr,
    /// The version of the protocol it uses.
    pub version: u8,
    /// What it says.
    pub offer: Offer,
}

/// How the target is asked for an offer.
struct Poking {
    target: Option<SocketAddr>,
    /// When next.
    at: Instant,
    /// The last sequence number used or seen, which must be exceeded.
    sequence: u64,
    count: usize,
}

impl Net {
    /// A host that waits for a target with `key`, from `now` on.
    #[must_use]
    pub fn new(key: &Key, timing: Timing, random: Random, now: Instant) -> Self {
        let keys = Keys::new(key);
        Self {
            control: Cipher::new(keys.control(), keys.tag()),
            keys,
            random,
            timing,
            kd: Session::new(Numbering::Network, Side::Host, timing),
            current: None,
            offered: VecDeque::new(),
            marks: VecDeque::new(),
            last_offer: None,
            heard: None,
            silent: false,
            poking: Poking {
                target: None,
                at: now,
                sequence: 0,
                count: 0,
            },
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
            sightings: Sightings::default(),
            scratch: Vec::new(),
        }
    }

    /// Calls the target at `target` instead of waiting for it (`target=`). It leaves whatever host it is with.
    pub fn call(&mut self, now: Instant, target: Option<SocketAddr>) {
        self.poking.target = target;
        self.poking.at = now;
    }

    /// A datagram came from `from`.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.counters.datagrams += 1;
        self.counters.bytes += datagram.len() as u64;
        let fits = datagram.len() <= DATAGRAM_BYTES_MAX;
        let taken = match look(datagram) {
            Ok((_, Channel::Control)) if fits => self.take_control(now, from, datagram),
            Ok((_, Channel::Data)) if fits => self.take_data(now, from, datagram),
            _ => Err(Dropped::NotKdnet),
        };
        if let Err(why) = taken {
            self.counters.drop(why);
            let seen = self.sightings.of(now, from);
            seen.drops += 1;
            seen.dropped = Some(why);
        }
    }

    /// The time of [`Net::poll_timeout`] has come, or any other.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.current.is_some() {
            self.kd.handle_timeout(now);
        }
        if self.silence().is_some_and(|deadline| now >= deadline) {
            self.silent = true;
            self.poking.at = now;
            self.notice(Event::Silent);
        }
        if let Some(target) = self.poked()
            && now >= self.poking.at
        {
            self.poke(now, target);
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
        if self.current.is_none() {
            return Err(SendError::NotConnected);
        }
        Ok(self.kd.send(now, kind, payload)?)
    }

    /// Asks a running target to stop; nothing without a session.
    pub fn break_in(&mut self) {
        if let Some(current) = &mut self.current {
            current.break_ins = current.break_ins.saturating_add(1);
            current.doubtful |= current.break_ins >= BREAK_INS_DOUBTED;
            self.kd.break_in();
        }
    }

    /// Asks the target to begin anew with packet numbers, see [`Session::reset`]; nothing without a session.
    pub fn reset(&mut self, now: Instant) {
        if self.current.is_some() {
            self.kd.reset(now);
        }
    }

    /// The next datagram to send, and where to.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let next = self.outgoing.pop_front().or_else(|| {
            let channel = &mut self.current.as_mut()?.channel;
            let transmit = self.kd.poll_transmit()?;
            Some((channel.peer(), channel.seal_kd(&transmit)))
        })?;
        self.counters.sent += 1;
        Some(next)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let event = self.kd.poll_event()?;
        if let (kd::Event::Unanswered { .. }, Some(current)) = (&event, &mut self.current) {
            current.doubtful = true;
        }
        Some(Event::Kd(event))
    }

    /// When [`Net::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let kd = self.current.as_ref().and_then(|_| self.kd.poll_timeout());
        let poke = self.poked().map(|_| self.poking.at);
        [kd, self.silence(), poke].into_iter().flatten().min()
    }

    /// Whether nothing is unacknowledged or waits for its turn.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.kd.idle()
    }

    /// Where the target is, while there is a session.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.current.as_ref().map(|current| current.channel.peer())
    }

    /// When something authentic came last, with or without a session.
    #[must_use]
    pub fn last_heard(&self) -> Option<Instant> {
        self.heard
    }

    /// The offer that came last.
    #[must_use]
    pub fn last_offer(&self) -> Option<&LastOffer> {
        self.last_offer.as_ref()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What the KD session counted, since the target was last started anew.
    #[must_use]
    pub fn kd_counters(&self) -> kd::session::Counters {
        self.kd.counters()
    }

    /// Who sent something.
    #[must_use]
    pub fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    fn take_data(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Dropped> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut open = |conversation: &mut Conversation| {
            scratch.clear();
            scratch.extend_from_slice(datagram);
            conversation.channel.open(&mut scratch)
        };
        let mut found = match &mut self.current {
            Some(current) => open(current),
            None => Err(Dropped::UnknownSession),
        };
        let mut used = None;
        let unknown = matches!(
            found,
            Err(Dropped::Unauthenticated | Dropped::UnknownSession)
        );
        // Whoever does not fetch what came gets no more of it.
        if unknown && self.events.len() < EVENTS_MAX {
            for (place, conversation) in self.offered.iter_mut().enumerate() {
                if let Ok(body) = open(conversation) {
                    (found, used) = (Ok(body), Some(place));
                    break;
                }
            }
        }
        self.scratch = scratch;
        if found == Err(Dropped::UnknownSession) && self.offered.is_empty() {
            self.poke_stranger(now, from);
        }
        let body = found?;
        if let Some(place) = used {
            self.begin(now, from, place);
        }
        self.counters.data += 1;
        self.sightings.of(now, from).data += 1;
        self.hear(now, from);
        if let Some(current) = &mut self.current {
            current.doubtful = false;
            current.break_ins = 0;
        }
        match body {
            Body::ConnectionCheck => self.kd.ask_again(),
            Body::Packet(packet) => self.kd.handle_packet(now, &packet),
            Body::BreakIn => return Err(Dropped::Malformed),
            Body::Malformed(_) => {
                self.kd.handle_damaged(now);
                return Err(Dropped::Malformed);
            }
        }
        Ok(())
    }

    /// The target has used the session at `place` of those offered: from now on it is the one.
    fn begin(&mut self, now: Instant, from: SocketAddr, place: usize) {
        // Those before it are newer, and may be used yet; those after it never.
        self.offered.truncate(place + 1);
        let Some(mut next) = self.offered.pop_back() else {
            return;
        };
        next.since = now;
        self.offered.retain(|other| other.boot == next.boot);
        next.channel.follow(from);
        let after = match &self.current {
            None => After::Nothing,
            Some(current) if current.boot == next.boot => After::SameBoot,
            Some(_) => After::OtherBoot,
        };
        // What came before this stays before it.
        while let Some(event) = self.kd.poll_event() {
            self.events.push_back(Event::Kd(event));
        }
        self.events.push_back(Event::Connected {
            peer: from,
            version: next.channel.version(),
            after,
        });
        if after == After::OtherBoot {
            // Nothing of it can come again, not even what looks alike.
            self.kd = Session::new(Numbering::Network, Side::Host, self.timing);
        }
        self.kd.restart(now);
        self.current = Some(next);
        self.silent = false;
        self.counters.sessions += 1;
    }

    /// Something authentic of the target in use came from `from`.
    fn hear(&mut self, now: Instant, from: SocketAddr) {
        self.heard = Some(now);
        if std::mem::take(&mut self.silent) {
            self.notice(Event::Heard);
        }
        let before = self
            .current
            .as_mut()
            .and_then(|current| current.channel.follow(from));
        if let Some(before) = before {
            self.counters.moves += 1;
            self.notice(Event::Moved {
                from: before,
                to: from,
            });
        }
    }

    fn silence(&self) -> Option<Instant> {
        let watched = self.current.is_some() && !self.silent;
        let heard = self.heard.filter(|_| watched)?;
        Some(heard + Duration::from_millis(SILENT_MS))
    }

    /// Notices that nobody fetches give way to what may not be lost.
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

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net")
            .field("peer", &self.peer())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// Nothing authentic for so long is told. Milliseconds; three of a target's offers would have come.
pub const SILENT_MS: u64 = 10_000;
/// How often a target is called. Milliseconds.
pub const POKE_MS: u64 = 500;
/// How long after a session began an offer of the same run without one is one that was under way. Milliseconds.
pub const SETTLE_MS: u64 = 1000;
/// Longest datagram that is looked at. Bytes; several times the longest a target was seen to send.
pub const DATAGRAM_BYTES_MAX: usize = 8192;
/// Break-ins without any data after which the target may have another key. A busy one takes some seconds.
pub const BREAK_INS_DOUBTED: u32 = 8;
/// Sessions that may be offered at a time: an offer comes every three seconds, what it leads to within one.
pub const OFFERED_MAX: usize = 4;
/// Runs of targets whose sequence numbers are remembered.
pub const MARKS_MAX: usize = 8;
/// Events that may wait to be fetched before no new session begins.
pub const EVENTS_MAX: usize = 64;
/// Responses and calls that may wait to be sent; the oldest go first, for they are outdated.
pub const OUTGOING_MAX: usize = 8;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod virtual_wire;
