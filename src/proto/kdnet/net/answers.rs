//! The control channel: which offers are answered, and how a target is asked for one.

use super::*;
use crate::proto::kdnet::handshake::Response;

impl Net {
    pub(super) fn take_control(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Dropped> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(datagram);
        let opened = self.control.open(&mut scratch);
        let read = opened
            .map_err(|_| Dropped::Unauthenticated)
            .and_then(|opened| match opened.header.sender {
                Sender::Host => Err(Dropped::WrongDirection),
                Sender::Target => match Control::decode(opened.body) {
                    Ok(Control::Offer(offer)) => Ok((opened.header, offer)),
                    _ => Err(Dropped::Malformed),
                },
            });
        self.scratch = scratch;
        let (header, offer) = read?;
        self.take_offer(now, from, header, &offer)
    }

    fn take_offer(
        &mut self,
        now: Instant,
        from: SocketAddr,
        header: Header,
        offer: &Offer,
    ) -> Result<(), Dropped> {
        if !self.is_newer(offer.boot, header.sequence) {
            return Err(Dropped::Replayed);
        }
        let stranger = self.current.as_ref().is_some_and(|current| {
            current.boot != offer.boot && current.channel.peer().ip() != from.ip() && !self.silent
        });
        if stranger {
            return Err(Dropped::OtherMachine);
        }
        if offer.is_bound() {
            self.counters.keepalives += 1;
        } else {
            self.counters.offers += 1;
        }
        self.sightings.of(now, from).offers += 1;
        self.last_offer = Some(LastOffer {
            at: now,
            from,
            version: header.version,
            offer: *offer,
        });
        self.poking.sequence = self.poking.sequence.max(header.sequence);
        let answered = match &self.current {
            Some(current) if current.boot == offer.boot => {
                let settled = now >= current.since + Duration::from_millis(SETTLE_MS);
                current.doubtful || (!offer.is_bound() && settled)
            }
            // It was started anew, or has not used what it was offered yet, or is still with an earlier host.
            _ => true,
        };
        match &self.current {
            Some(current) if current.boot == offer.boot => self.hear(now, from),
            Some(_) => {}
            None => self.heard = Some(now),
        }
        if answered {
            self.respond(now, from, header, offer);
        }
        Ok(())
    }

    fn respond(&mut self, now: Instant, to: SocketAddr, asked: Header, offer: &Offer) {
        let mut host_key = [0; 32];
        (self.random)(&mut host_key);
        let response = Response {
            client_key: offer.client_key(),
            host_key,
        };
        let body = response.encode();
        let header = Header {
            sender: Sender::Host,
            ..asked
        };
        let datagram = self.control.seal(header, &body);
        self.transmit(to, datagram);
        self.counters.responses += 1;
        let cipher = Cipher::new(&self.keys.data(&body), self.keys.tag());
        self.offered.truncate(OFFERED_MAX - 1);
        self.offered.push_front(Conversation {
            boot: offer.boot,
            channel: DataChannel::new(cipher, Sender::Host, asked.version, to),
            since: now,
            doubtful: false,
            break_ins: 0,
        });
        if let Some(current) = &mut self.current {
            current.doubtful |= current.boot == offer.boot;
        }
    }

    /// Whether nothing as new has come of this run of a target; from now on this has.
    fn is_newer(&mut self, boot: Boot, sequence: u64) -> bool {
        let place = self.marks.iter().position(|(seen, _)| *seen == boot);
        let known = place.and_then(|place| self.marks.remove(place));
        let before = known.map(|(_, mark)| mark);
        let newer = before.is_none_or(|mark| sequence > mark);
        let mark = before.unwrap_or(sequence).max(sequence);
        self.marks.truncate(MARKS_MAX - 1);
        self.marks.push_front((boot, mark));
        newer
    }

    /// Whom to call: the target that was named, until it is there.
    pub(super) fn poked(&self) -> Option<SocketAddr> {
        let wanted = self.current.is_none() || self.silent;
        self.poking.target.filter(|_| wanted)
    }

    pub(super) fn poke(&mut self, now: Instant, to: SocketAddr) {
        let guess = POKE_VERSIONS.get(self.poking.count % POKE_VERSIONS.len());
        let known = self.last_offer.map(|last| last.version);
        self.poking.count = self.poking.count.wrapping_add(1);
        self.poking.sequence = (self.poking.sequence + 1).min(SEQUENCE_MAX);
        self.poking.at = now + Duration::from_millis(POKE_MS);
        let header = Header {
            version: known.or(guess.copied()).unwrap_or_default(),
            channel: Channel::Control,
            sender: Sender::Host,
            sequence: self.poking.sequence,
        };
        let datagram = self.control.seal(header, &[]);
        self.counters.pokes += 1;
        self.transmit(to, datagram);
    }

    /// Data of an unknown session came: its target is with an earlier host, and an offer of it is what is needed.
    pub(super) fn poke_stranger(&mut self, now: Instant, from: SocketAddr) {
        if self.poking.target.is_none() && now >= self.poking.at {
            self.poke(now, from);
        }
    }
}

/// The version of the protocol a target speaks is not known before it has spoken: these are tried in turn.
const POKE_VERSIONS: [u8; 4] = [5, 4, 3, 2];
