//! Host and target on a wire that loses, repeats, reorders and damages, with a machine that restarts and moves.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use proptest::prelude::*;

use super::tests::{print, seeded};
use super::*;
use crate::proto::kd::{Api, FromTarget};
use crate::proto::kdnet::{NetTarget, Place};

/// How bad the wire is, in parts of a thousand.
#[derive(Clone, Copy, Debug)]
struct Weather {
    lost: u32,
    repeated: u32,
    late: u32,
    damaged: u32,
    /// Restarts, give-ups and moves, each second.
    upsets: u32,
}

const CALM: Weather = Weather {
    lost: 0,
    repeated: 0,
    late: 0,
    damaged: 0,
    upsets: 0,
};

/// A datagram under way: when it arrives, in which order it was sent, whether to the host, where from, and itself.
type Flight = Reverse<(u64, u64, bool, SocketAddr, Vec<u8>)>;

struct World {
    start: Instant,
    ms: u64,
    random: fastrand::Rng,
    weather: Weather,
    host: Net,
    target: NetTarget,
    target_at: SocketAddr,
    wire: BinaryHeap<Flight>,
    flights: u64,
    /// How often the machine was started, and how much this one has printed.
    boot: u32,
    printed: u32,
    /// Prints that the target gave up.
    given_up: BTreeSet<(u32, u32)>,
    /// What the host was told was printed.
    heard: Vec<(u32, u32)>,
    asked: u32,
    answered: u32,
    /// Whether a request is waited for.
    waiting: bool,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn request() -> Vec<u8> {
    let mut payload = vec![0; 56];
    payload[..4].copy_from_slice(&Api::GET_VERSION.0.to_le_bytes());
    payload
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        let start = Instant::now();
        let key = Key::new([seed, 2, 3, 4]);
        let target_at = address("10.0.0.9:50000");
        let place = Place {
            version: 5,
            target: target_at,
            host: address("10.0.0.2:50000"),
        };
        let timing = Timing::network();
        Self {
            start,
            ms: 0,
            random: fastrand::Rng::with_seed(seed),
            weather,
            host: Net::new(&key, timing, seeded(seed ^ 1), start),
            target: NetTarget::new(&key, place, timing.for_target(), seeded(seed ^ 2), start),
            target_at,
            wire: BinaryHeap::new(),
            flights: 0,
            boot: 0,
            printed: 0,
            given_up: BTreeSet::new(),
            heard: Vec::new(),
            asked: 0,
            answered: 0,
            waiting: false,
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    fn happens(&mut self, of_thousand: u32) -> bool {
        self.random.u32(0..1000) < of_thousand
    }

    fn send(&mut self, to_host: bool, from: SocketAddr, mut datagram: Vec<u8>) {
        if self.happens(self.weather.lost) {
            return;
        }
        let copies = 1 + u32::from(self.happens(self.weather.repeated));
        for _ in 0..copies {
            let mut delay = WIRE_MS;
            if self.happens(self.weather.late) {
                delay += self.random.u64(5..1500);
            }
            if self.happens(self.weather.damaged) {
                let at = self.random.usize(0..datagram.len());
                datagram[at] ^= self.random.u8(1..);
            }
            self.flights += 1;
            let flight = (
                self.ms + delay,
                self.flights,
                to_host,
                from,
                datagram.clone(),
            );
            self.wire.push(Reverse(flight));
        }
    }

    /// One millisecond of everything.
    fn step(&mut self) {
        self.ms += 1;
        let now = self.now();
        while let Some(Reverse((at, ..))) = self.wire.peek()
            && *at <= self.ms
            && let Some(Reverse((_, _, to_host, from, datagram))) = self.wire.pop()
        {
            if to_host {
                self.host.handle_datagram(now, from, &datagram);
            } else {
                self.target.handle_datagram(now, from, &datagram);
            }
        }
        if self.host.poll_timeout().is_some_and(|at| now >= at) {
            self.host.handle_timeout(now);
        }
        if now >= self.target.poll_timeout() {
            self.target.handle_timeout(now);
        }
        self.machine(now);
        self.debugger(now);
        while let Some((_, datagram)) = self.target.poll_transmit() {
            self.send(true, self.target_at, datagram);
        }
        while let Some((to, datagram)) = self.host.poll_transmit() {
            // What goes to an address that was left is lost.
            if to == self.target_at {
                self.send(false, address("10.0.0.2:50000"), datagram);
            }
        }
    }

    fn machine(&mut self, now: Instant) {
        while let Some(event) = self.target.poll_event() {
            match event {
                Event::Kd(kd::Event::Packet(PacketType::Manipulate, payload)) => {
                    self.target.send(now, PacketType::Manipulate, payload).ok();
                }
                Event::Kd(kd::Event::Unanswered { payload, .. }) => {
                    self.given_up.extend(number(&payload));
                }
                _ => {}
            }
        }
        if self.ms.is_multiple_of(20) && self.target.idle() && self.target.peer().is_some() {
            self.printed += 1;
            let text = format!("{} {}", self.boot, self.printed);
            let sent = self.target.send(now, PacketType::DebugIo, print(&text));
            sent.unwrap();
        }
        if !self.ms.is_multiple_of(1000) || !self.happens(self.weather.upsets) {
            return;
        }
        match self.random.u32(0..3) {
            0 => {
                self.target.restart(now);
                self.boot += 1;
                self.printed = 0;
            }
            1 => self.target.leave(now),
            _ => {
                let port = self.random.u16(1024..);
                self.target_at = SocketAddr::from(([10, 0, 0, self.random.u8(9..20)], port));
            }
        }
    }

    fn debugger(&mut self, now: Instant) {
        while let Some(event) = self.host.poll_event() {
            match event {
                Event::Kd(kd::Event::Packet(PacketType::Manipulate, _)) => {
                    self.answered += 1;
                    self.waiting = false;
                }
                Event::Kd(kd::Event::Packet(_, payload)) => self.heard.extend(number(&payload)),
                // The owner asks anew: what it asked before may be lost.
                Event::Connected { .. } | Event::Kd(kd::Event::Unanswered { .. }) => {
                    self.waiting = false;
                }
                _ => {}
            }
        }
        if self.ms.is_multiple_of(100) && !self.waiting {
            let sent = self.host.send(now, PacketType::Manipulate, request());
            self.waiting = sent.is_ok();
            self.asked += u32::from(sent.is_ok());
        }
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step();
        }
    }

    /// Each print once and in order, and none left out but by a target that gave it up or was started anew.
    fn check(&self) -> Result<(), TestCaseError> {
        for (before, after) in self.heard.iter().zip(self.heard.iter().skip(1)) {
            prop_assert!(before < after, "{before:?} then {after:?}");
            if before.0 == after.0 {
                for missing in before.1 + 1..after.1 {
                    prop_assert!(
                        self.given_up.contains(&(before.0, missing)),
                        "{missing} of {after:?}"
                    );
                }
            }
        }
        Ok(())
    }
}

/// The numbers in a print.
fn number(payload: &[u8]) -> Option<(u32, u32)> {
    let Ok(FromTarget::Print(print)) = FromTarget::decode(PacketType::DebugIo, payload) else {
        return None;
    };
    let text = String::from_utf8(print.text).ok()?;
    let (boot, number) = text.split_once(' ')?;
    Some((boot.parse().ok()?, number.parse().ok()?))
}

#[test]
fn a_bad_wire_loses_nothing_of_what_a_target_prints() {
    let weather = Weather {
        lost: 300,
        repeated: 100,
        late: 100,
        damaged: 10,
        upsets: 0,
    };
    let mut world = World::new(1, weather);
    world.run(120_000);
    world.check().unwrap();
    assert!(world.given_up.is_empty());
    let printed: Vec<_> = (1..world.printed).map(|number| (0, number)).collect();
    assert!(printed.len() > 50, "{}", printed.len());
    assert_eq!(world.heard[..printed.len()], printed);
    // Only the last may still be under way. The numbers just say that there was something to lose.
    let (answered, asked) = (world.answered, world.asked);
    assert!(answered + 1 >= asked, "{answered} of {asked}");
    assert!(answered > 30, "{answered}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn prints_arrive_once_and_in_order_whatever_happens_and_all_is_well_when_it_stops(
        seed: u64,
        lost in 0u32..400,
        repeated in 0u32..200,
        late in 0u32..300,
        damaged in 0u32..50,
        upsets in 0u32..200,
    ) {
        let weather = Weather { lost, repeated, late, damaged, upsets };
        let mut world = World::new(seed, weather);
        world.run(40_000);
        world.check()?;
        world.weather = CALM;
        // Time for what is late, for one more offer, and for silence to be noticed.
        world.run(20_000);
        let (heard, answered) = (world.heard.len(), world.answered);
        world.run(2_000);
        world.check()?;
        prop_assert!(world.heard.len() >= heard + 40, "{} prints", world.heard.len() - heard);
        prop_assert!(world.answered >= answered + 10, "{} answers", world.answered - answered);
        let last = world.heard.last().copied().unwrap_or_default();
        prop_assert!(last.0 == world.boot && last.1 + 1 >= world.printed);
    }
}

/// How long a datagram takes. Milliseconds; on a calm wire they all do.
const WIRE_MS: u64 = 2;
