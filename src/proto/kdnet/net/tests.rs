//! The host against a target and against datagrams made by hand, one after the other.

mod intruders;

use super::*;
use crate::proto::kd::{FromTarget, Print};
use crate::proto::kdnet::handshake::{Response, UNBOUND};
use crate::proto::kdnet::{NetTarget, Place, Sighting};

const VERSION: u8 = 4;

fn key() -> Key {
    Key::new([1, 2, 3, 4])
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn host_address() -> SocketAddr {
    address("10.0.0.2:50000")
}

fn target_address() -> SocketAddr {
    address("10.0.0.9:50000")
}

pub(super) fn seeded(seed: u64) -> Random {
    let mut random = fastrand::Rng::with_seed(seed);
    Box::new(move |bytes| random.fill(bytes))
}

pub(super) fn print(text: &str) -> Vec<u8> {
    let text = text.as_bytes().to_vec();
    let print = Print {
        text,
        ..Print::default()
    };
    FromTarget::Print(print).encode().1
}

/// A host, a target, and the line between them on which nothing is lost.
struct Pair {
    now: Instant,
    host: Net,
    target: NetTarget,
    /// Where the target seems to be.
    from: SocketAddr,
    /// What the target sent, for those who keep such things.
    recorded: Vec<Vec<u8>>,
    events: Vec<Event>,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let place = Place {
            version: VERSION,
            target: target_address(),
            host: host_address(),
        };
        let timing = Timing::network();
        Self {
            now,
            host: Net::new(&key(), timing, seeded(1), now),
            target: NetTarget::new(&key(), place, timing.for_target(), seeded(2), now),
            from: target_address(),
            recorded: Vec::new(),
            events: Vec::new(),
        }
    }

    fn connected() -> Self {
        let mut pair = Self::new();
        pair.settle();
        assert_eq!(pair.host.peer(), Some(target_address()));
        assert_eq!(pair.connections(), [After::Nothing]);
        pair.events.clear();
        pair
    }

    /// Carries everything until nobody has anything to say.
    fn settle(&mut self) {
        self.host.handle_timeout(self.now);
        self.target.handle_timeout(self.now);
        loop {
            let mut quiet = true;
            while let Some((to, datagram)) = self.target.poll_transmit() {
                quiet = false;
                assert_eq!(to, host_address());
                self.recorded.push(datagram.clone());
                self.host.handle_datagram(self.now, self.from, &datagram);
            }
            while let Some((to, datagram)) = self.host.poll_transmit() {
                quiet = false;
                if to == self.from {
                    self.target
                        .handle_datagram(self.now, host_address(), &datagram);
                }
            }
            while let Some(event) = self.host.poll_event() {
                self.events.push(event);
            }
            while self.target.poll_event().is_some() {}
            if quiet {
                return;
            }
        }
    }

    fn wait(&mut self, ms: u64) {
        for _ in 0..ms / 100 {
            self.now += Duration::from_millis(100);
            self.settle();
        }
    }

    fn print(&mut self, text: &str) {
        let sent = self.target.send(self.now, PacketType::DebugIo, print(text));
        sent.unwrap();
        self.settle();
    }

    /// What was printed since the last look; other events are gone with it.
    fn printed(&mut self) -> Vec<String> {
        let texts = self.events.drain(..).filter_map(|event| match event {
            Event::Kd(kd::Event::Packet(kind, payload)) => {
                match FromTarget::decode(kind, &payload) {
                    Ok(FromTarget::Print(print)) => Some(String::from_utf8(print.text).unwrap()),
                    other => panic!("{other:?}"),
                }
            }
            _ => None,
        });
        texts.collect()
    }

    fn connections(&self) -> Vec<After> {
        let after = self.events.iter().filter_map(|event| match event {
            Event::Connected { after, .. } => Some(*after),
            _ => None,
        });
        after.collect()
    }

    fn sighting(&self, of: SocketAddr) -> Sighting {
        let mut all = self.host.sightings().all().iter();
        *all.find(|seen| seen.address == of).unwrap()
    }
}

fn offer_of(boot: Boot, sequence: u64, bound: SocketAddr) -> Vec<u8> {
    let keys = Keys::new(&key());
    let offer = Offer {
        counter: sequence,
        boot,
        target: target_address(),
        host: host_address(),
        bound,
    };
    let header = Header {
        version: VERSION,
        channel: Channel::Control,
        sender: Sender::Target,
        sequence,
    };
    Cipher::new(keys.control(), keys.tag()).seal(header, &offer.encode())
}

#[test]
fn a_target_that_calls_is_connected_and_its_prints_arrive() {
    let mut pair = Pair::connected();
    for text in ["one", "two", "three"] {
        pair.print(text);
    }
    assert_eq!(pair.printed(), ["one", "two", "three"]);
    assert!(pair.host.idle() && pair.target.idle());
    let counters = pair.host.counters();
    assert_eq!(
        (counters.offers, counters.responses, counters.sessions),
        (1, 1, 1)
    );
    assert_eq!(pair.sighting(target_address()).data, counters.data);
}

#[test]
fn keepalives_are_not_answered_and_keep_the_session_alive() {
    let mut pair = Pair::connected();
    pair.wait(60_000);
    assert_eq!(pair.events, []);
    let counters = pair.host.counters();
    assert_eq!((counters.responses, counters.keepalives), (1, 20));
    let age = pair.now - pair.host.last_offer().unwrap().at;
    assert!(age < Duration::from_secs(3));
}

#[test]
fn nothing_is_sent_without_a_session() {
    let now = Instant::now();
    let mut host = Net::new(&key(), Timing::network(), seeded(1), now);
    host.break_in();
    host.reset(now);
    let refused = host.send(now, PacketType::Manipulate, vec![0; 56]);
    assert_eq!(refused, Err(SendError::NotConnected));
    host.handle_timeout(now);
    assert_eq!(host.poll_transmit(), None);
    assert_eq!(host.poll_timeout(), None);
}

#[test]
fn a_break_in_reaches_the_target_in_a_datagram_of_its_own() {
    let mut pair = Pair::connected();
    pair.host.break_in();
    let (to, datagram) = pair.host.poll_transmit().unwrap();
    assert_eq!((to, datagram.len()), (target_address(), 38));
    pair.target
        .handle_datagram(pair.now, host_address(), &datagram);
    let mut events = std::iter::from_fn(|| pair.target.poll_event());
    assert!(events.any(|event| event == Event::Kd(kd::Event::BreakIn)));
}

#[test]
fn a_target_that_was_restarted_is_connected_again_with_a_new_key() {
    let mut pair = Pair::connected();
    pair.print("same words");
    assert_eq!(pair.printed(), ["same words"]);
    pair.target.restart(pair.now);
    pair.settle();
    assert_eq!(pair.connections(), [After::OtherBoot]);
    assert!(pair.events.contains(&Event::Kd(kd::Event::Restarted)));
    pair.print("same words");
    assert_eq!(pair.printed(), ["same words"]);
}

#[test]
fn a_target_that_gave_its_host_up_is_connected_again_and_prints_nothing_twice() {
    let mut pair = Pair::connected();
    // The print arrives, its acknowledgement does not, and the target gives up.
    pair.target
        .send(pair.now, PacketType::DebugIo, print("once"))
        .unwrap();
    let (_, datagram) = pair.target.poll_transmit().unwrap();
    pair.now += Duration::from_millis(SETTLE_MS);
    pair.host.handle_datagram(pair.now, pair.from, &datagram);
    while pair.host.poll_transmit().is_some() {}
    pair.target.leave(pair.now);
    pair.settle();
    assert_eq!(pair.connections(), [After::SameBoot]);
    assert!(pair.target.idle());
    pair.print("and on");
    assert_eq!(pair.printed(), ["once", "and on"]);
}

#[test]
fn an_offer_that_was_under_way_does_not_end_the_session_it_led_to() {
    let mut pair = Pair::connected();
    let boot = pair.host.last_offer().unwrap().offer.boot;
    pair.host
        .handle_datagram(pair.now, target_address(), &offer_of(boot, 4, UNBOUND));
    assert_eq!(pair.host.counters().responses, 1);
    // Later it means what it says.
    pair.now += Duration::from_millis(SETTLE_MS);
    pair.host
        .handle_datagram(pair.now, target_address(), &offer_of(boot, 5, UNBOUND));
    assert_eq!(pair.host.counters().responses, 2);
}

#[test]
fn a_lost_response_is_answered_again_with_another_key() {
    let now = Instant::now();
    let mut host = Net::new(&key(), Timing::network(), seeded(1), now);
    let mut responses = Vec::new();
    for sequence in [3, 6, 9] {
        let offer = offer_of(Boot([7; 24]), sequence, UNBOUND);
        host.handle_datagram(now, target_address(), &offer);
        let (to, mut datagram) = host.poll_transmit().unwrap();
        assert_eq!(to, target_address());
        let keys = Keys::new(&key());
        let control = Cipher::new(keys.control(), keys.tag());
        let opened = control.open(&mut datagram).unwrap();
        assert_eq!(opened.header.sequence, sequence);
        assert_eq!(opened.header.version, VERSION);
        let Ok(Control::Response(Response { host_key, .. })) = Control::decode(opened.body) else {
            panic!("{opened:?}")
        };
        assert!(!responses.contains(&host_key));
        responses.push(host_key);
    }
}

#[test]
fn a_host_that_was_restarted_takes_its_target_over_at_the_next_keepalive() {
    let mut pair = Pair::connected();
    pair.host = Net::new(&key(), Timing::network(), seeded(3), pair.now);
    pair.wait(3000);
    assert_eq!(pair.host.peer(), Some(target_address()));
    pair.print("hello again");
    assert_eq!(pair.printed(), ["hello again"]);
}

#[test]
fn data_of_an_unknown_session_asks_for_an_offer_once() {
    let mut pair = Pair::connected();
    pair.host = Net::new(&key(), Timing::network(), seeded(3), pair.now);
    let before = pair.recorded.len();
    pair.print("unknown");
    let counters = pair.host.counters();
    assert_eq!((counters.unknown_session, counters.pokes), (1, 1));
    assert_eq!(pair.host.peer(), Some(target_address()));
    assert_eq!(pair.printed(), ["unknown"]);
    // Not for each datagram: that would be a way to have somebody else flooded.
    let mut other = Net::new(&key(), Timing::network(), seeded(4), pair.now);
    for _ in 0..10 {
        other.handle_datagram(pair.now, address("10.9.9.9:1"), &pair.recorded[before]);
    }
    assert_eq!(other.counters().unknown_session, 10);
    assert_eq!(other.counters().pokes, 1);
}

#[test]
fn a_target_is_called_until_it_is_there() {
    let mut pair = Pair::new();
    // Its first offer is lost.
    pair.target.handle_timeout(pair.now);
    while pair.target.poll_transmit().is_some() {}
    pair.host.call(pair.now, Some(target_address()));
    pair.settle();
    assert_eq!(pair.host.peer(), Some(target_address()));
    pair.wait(5000);
    assert_eq!(pair.host.counters().pokes, 1);
    // It is called again when it falls silent.
    let deadline = pair.host.poll_timeout().unwrap();
    pair.host.handle_timeout(deadline);
    assert_eq!(pair.host.counters().pokes, 2);
}

#[test]
fn calling_tries_each_version_in_turn_twice_a_second() {
    let mut now = Instant::now();
    let mut host = Net::new(&key(), Timing::network(), seeded(1), now);
    host.call(now, Some(target_address()));
    let mut versions = Vec::new();
    for _ in 0..6 {
        assert_eq!(host.poll_timeout(), Some(now));
        host.handle_timeout(now);
        let (_, datagram) = host.poll_transmit().unwrap();
        assert_eq!(datagram.len(), 38);
        versions.push(datagram[4]);
        assert_eq!(host.poll_transmit(), None);
        now += Duration::from_millis(POKE_MS);
    }
    assert_eq!(versions, [5, 4, 3, 2, 5, 4]);
}

#[test]
fn a_target_that_moves_is_followed_and_an_old_datagram_from_elsewhere_is_not() {
    let mut pair = Pair::connected();
    pair.print("here");
    let old = pair.recorded.last().unwrap().clone();
    let elsewhere = address("172.16.3.4:61000");
    pair.from = elsewhere;
    pair.print("there");
    assert_eq!(pair.host.peer(), Some(elsewhere));
    let moved = Event::Moved {
        from: target_address(),
        to: elsewhere,
    };
    assert!(pair.events.contains(&moved));
    let attacker = address("10.6.6.6:666");
    pair.host.handle_datagram(pair.now, attacker, &old);
    assert_eq!(pair.host.peer(), Some(elsewhere));
    assert_eq!(pair.sighting(attacker).dropped, Some(Dropped::Replayed));
    // An offer moves it too.
    pair.from = target_address();
    pair.wait(3000);
    assert_eq!(pair.host.peer(), Some(target_address()));
    assert_eq!(pair.printed(), ["here", "there"]);
}

#[test]
fn silence_is_told_once_and_its_end() {
    let mut pair = Pair::connected();
    let deadline = pair.host.poll_timeout().unwrap();
    assert_eq!(deadline, pair.now + Duration::from_millis(SILENT_MS));
    pair.host.handle_timeout(deadline);
    pair.host.handle_timeout(deadline);
    assert_eq!(pair.host.poll_event(), Some(Event::Silent));
    assert_eq!(pair.host.poll_event(), None);
    assert_eq!(pair.host.poll_timeout(), None);
    pair.now = deadline;
    pair.settle();
    assert_eq!(pair.events, [Event::Heard]);
    pair.print("back");
    assert_eq!(pair.printed(), ["back"]);
}

#[test]
fn a_target_whose_key_was_changed_by_another_host_is_won_back() {
    let mut pair = Pair::connected();
    // Another host answers an offer and disappears: the target's data is for nobody.
    pair.now += Duration::from_millis(3000);
    pair.target.handle_timeout(pair.now);
    let (_, offer) = pair.target.poll_transmit().unwrap();
    let mut other = Net::new(&key(), Timing::network(), seeded(6), pair.now);
    other.handle_datagram(pair.now, target_address(), &offer);
    let (_, response) = other.poll_transmit().unwrap();
    pair.target
        .handle_datagram(pair.now, host_address(), &response);
    pair.settle();
    assert!(pair.host.counters().unauthenticated > 0);
    for _ in 0..BREAK_INS_DOUBTED {
        pair.host.break_in();
        pair.wait(500);
    }
    pair.wait(3000);
    assert_eq!(pair.connections(), [After::SameBoot]);
    pair.print("back");
    assert_eq!(pair.printed(), ["back"]);
}

#[test]
fn an_owner_who_fetches_nothing_does_not_make_it_grow() {
    let mut pair = Pair::new();
    for round in 0..200 {
        pair.now += Duration::from_millis(5000);
        if round % 3 == 0 {
            pair.target.restart(pair.now);
        } else {
            pair.target.leave(pair.now);
        }
        pair.target
            .send(pair.now, PacketType::DebugIo, print("more"))
            .ok();
        for _ in 0..4 {
            pair.target.handle_timeout(pair.now);
            pair.host.handle_timeout(pair.now);
            while let Some((_, datagram)) = pair.target.poll_transmit() {
                pair.host.handle_datagram(pair.now, pair.from, &datagram);
            }
            while let Some((_, datagram)) = pair.host.poll_transmit() {
                pair.target
                    .handle_datagram(pair.now, host_address(), &datagram);
            }
            while pair.target.poll_event().is_some() {}
        }
    }
    assert!(pair.host.events.len() <= EVENTS_MAX + 2 * kd::session::EVENTS_MAX + 1);
    assert!(pair.host.offered.len() <= OFFERED_MAX);
    assert!(pair.host.marks.len() <= MARKS_MAX);
}
