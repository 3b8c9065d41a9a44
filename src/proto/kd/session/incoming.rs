//! Data packets that come: which are new, and what they tell of ours.

use std::time::{Duration, Instant};

use super::event::{Event, Transmit};
use super::numbers::{Numbering, Side};
use super::{EVENTS_MAX, SYNC_REPEAT_MS, Session};
use crate::proto::kd::api::Api;
use crate::proto::kd::debug_io;
use crate::proto::kd::field::{u32_at, u64_at};
use crate::proto::kd::frame::{Packet, PacketType};
use crate::proto::kd::request::UNION;

/// The last data packet taken.
#[derive(Debug)]
pub(super) struct Last {
    pub kind: PacketType,
    pub id: u32,
    pub payload: Vec<u8>,
    /// When it came last, if its sender began anew with it.
    pub sync: Option<Instant>,
    /// Whether numbers began anew since, so that it may come again under a new one.
    pub may_repeat: bool,
}

impl Last {
    pub(super) fn none() -> Self {
        Self {
            kind: PacketType::Reset,
            id: 0,
            payload: Vec::new(),
            sync: None,
            may_repeat: false,
        }
    }
}

impl Session {
    pub(super) fn take(&mut self, now: Instant, packet: &Packet) {
        if self.events.len() >= EVENTS_MAX {
            self.counters.refused += 1;
            return;
        }
        if self.sync {
            // Meant for what ran here before: whoever sent it has not seen our first packet yet.
            self.counters.repeated += 1;
            return;
        }
        let id = self.numbering.plain(packet.id);
        let sync = self.numbering.is_sync(packet.id);
        if !self.numbering.is_possible(packet.id) {
            self.handle_damaged(now);
            return;
        }
        let known =
            self.numbering == Numbering::Network && self.numbering.is_new(id, self.expected);
        if self.resetting.is_some() && !sync && !known {
            // Numbered the old way or the new: nobody can tell before the reset is answered, which its sender, waiting
            // for an acknowledgement, does. Then it comes again. While it ran, it heard of no reset.
            self.counters.repeated += 1;
            self.reset_again(now);
            return;
        }
        let same = self.last.kind == packet.kind && self.last.payload == packet.payload;
        self.control(Transmit::Packet(Packet::control(
            PacketType::Acknowledge,
            id,
        )));
        if sync {
            let recent = |then: Instant| now < then + Duration::from_millis(SYNC_REPEAT_MS);
            if same && self.last.sync.is_some_and(recent) {
                self.last.sync = Some(now);
                self.counters.repeated += 1;
                return;
            }
            self.resetting = None;
            self.forget();
            self.restarted();
        } else if !self.numbering.is_new(id, self.expected) {
            self.counters.repeated += 1;
            return;
        } else {
            let may_repeat = std::mem::take(&mut self.last.may_repeat);
            let same_number = self.numbering == Numbering::Serial || self.last.id == id;
            if may_repeat && same && same_number && is_print(packet.kind, &packet.payload) {
                self.expected = Some(self.numbering.after(id));
                self.counters.repeated += 1;
                return;
            }
            if self.proves_arrival(packet) {
                self.landed(now);
            }
        }
        self.expected = Some(self.numbering.after(id));
        self.damaged = 0;
        self.counters.packets += 1;
        self.last.kind = packet.kind;
        self.last.id = id;
        self.last.payload.clone_from(&packet.payload);
        self.last.sync = sync.then_some(now);
        self.last.may_repeat = false;
        self.events
            .push_back(Event::Packet(packet.kind, packet.payload.clone()));
    }

    /// Whether only a target that got the packet in flight can have sent this one. A host's packets prove nothing: it
    /// may not have heard yet that the target began anew and repeats its stop.
    fn proves_arrival(&self, packet: &Packet) -> bool {
        let Some(flight) = self.in_flight.as_ref().filter(|_| self.side == Side::Host) else {
            return false;
        };
        if flight.kind != PacketType::Manipulate {
            return true;
        }
        let api = Api(u32_at(&flight.payload, 0));
        if !api.has_reply() {
            return packet.kind != PacketType::Manipulate;
        }
        // A reply may be a late one to somebody before us: only those count that repeat the address asked for.
        let addressed = matches!(
            api,
            Api::READ_VIRTUAL
                | Api::WRITE_VIRTUAL
                | Api::READ_PHYSICAL
                | Api::WRITE_PHYSICAL
                | Api::READ_CONTROL
                | Api::WRITE_CONTROL
        );
        addressed
            && packet.kind == PacketType::Manipulate
            && u32_at(&packet.payload, 0) == api.0
            && u64_at(&packet.payload, UNION) == u64_at(&flight.payload, UNION)
    }
}

fn is_print(kind: PacketType, payload: &[u8]) -> bool {
    kind == PacketType::DebugIo && u32_at(payload, 0) == debug_io::PRINT
}
