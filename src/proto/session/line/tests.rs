//! Two ends on a virtual wire that loses, damages and doubles frames.

use proptest::prelude::*;

use super::*;

const A: usize = 0;
const B: usize = 1;

/// What happens to a frame on its way; seeded.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    lose: u32,
    damage: u32,
    double: u32,
}

struct Wire {
    now: Instant,
    ends: [Line; 2],
    /// Bytes under way to each end, and when they arrive.
    under_way: [VecDeque<(Instant, Vec<u8>)>; 2],
    events: [Vec<Event>; 2],
    faults: Faults,
    random: fastrand::Rng,
    sent: u64,
}

impl Wire {
    fn new(baud: u32, faults: Faults, seed: u64) -> Self {
        Self {
            now: Instant::now(),
            ends: [Line::new(baud), Line::new(baud)],
            under_way: Default::default(),
            events: Default::default(),
            faults,
            random: fastrand::Rng::with_seed(seed),
            sent: 0,
        }
    }

    /// Listens at B and opens from A.
    fn connected(baud: u32, faults: Faults, seed: u64) -> (Self, Id) {
        let mut wire = Self::new(baud, faults, seed);
        let id = id(7, 1);
        assert!(wire.ends[B].listen(7));
        assert!(wire.ends[A].open(wire.now, id));
        wire.run_until(|wire| wire.events[A].contains(&Event::Opened(id)));
        assert_eq!(wire.events[B], [Event::Accepted(id)]);
        (wire, id)
    }

    /// Carries what is due and jumps to the next moment something is; `false` if nothing ever is.
    fn step(&mut self) -> bool {
        for end in [A, B] {
            self.ends[end].handle_timeout(self.now);
            while let Some(bytes) = self.ends[end].poll_transmit(self.now) {
                self.send(1 - end, bytes);
            }
            while let Some(event) = self.ends[end].poll_event() {
                self.events[end].push(event);
            }
        }
        let arrivals = self
            .under_way
            .iter()
            .filter_map(|way| way.front())
            .map(|(at, _)| *at);
        let timeouts = self.ends.iter().filter_map(Line::poll_timeout);
        let Some(next) = arrivals.chain(timeouts).min() else {
            return false;
        };
        self.now = next.max(self.now + Duration::from_micros(10));
        for end in [A, B] {
            while self.under_way[end]
                .front()
                .is_some_and(|(at, _)| *at <= self.now)
            {
                let (_, bytes) = self.under_way[end].pop_front().unwrap();
                self.ends[end].handle_bytes(self.now, &bytes);
            }
        }
        true
    }

    fn send(&mut self, to: usize, mut bytes: Vec<u8>) {
        self.sent += bytes.len() as u64;
        let arrives = self.now + Duration::from_millis(2);
        let mut chance = |percent: u32| self.random.u32(..100) < percent;
        if chance(self.faults.lose) {
            return;
        }
        if chance(self.faults.damage) {
            let at = bytes.len() / 2;
            bytes[at] ^= 0x10;
            if chance(50) {
                bytes.remove(0);
            }
        }
        if chance(self.faults.double) {
            self.under_way[to].push_back((arrives, bytes.clone()));
        }
        self.under_way[to].push_back((arrives, bytes));
    }

    fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..200_000 {
            if done(self) {
                return;
            }
            if !self.step() {
                assert!(done(self), "nothing happens any more");
                return;
            }
        }
        panic!("it never comes to that: {:?}", self.events);
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end && self.step() {}
    }

    /// Writes `bytes` at one end and reads at the other until all are there.
    fn carry(&mut self, id: Id, from: usize, bytes: &[u8]) -> Vec<u8> {
        let (mut written, mut read) = (0, Vec::new());
        let mut buffer = [0; 512];
        for _ in 0..500_000 {
            written += self.ends[from].write(id, &bytes[written..]).unwrap();
            while let Read::Bytes(length) = self.ends[1 - from].read(id, &mut buffer) {
                read.extend_from_slice(&buffer[..length]);
            }
            if read.len() >= bytes.len() {
                return read;
            }
            assert!(self.step());
        }
        panic!("{} of {} bytes arrived", read.len(), bytes.len());
    }
}

fn id(channel: u8, connection: u32) -> Id {
    Id {
        channel,
        connection,
    }
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.u8(..)).collect()
}

#[test]
fn bytes_go_both_ways() {
    let (mut wire, id) = Wire::connected(115_200, Faults::default(), 0);
    let bytes = noise(20_000, 1);
    let started = wire.now;
    assert_eq!(wire.carry(id, A, &bytes), bytes);
    let took = wire.now - started;
    assert!(
        took < Duration::from_secs(3),
        "the line is not filled: {took:?}"
    );
    assert_eq!(wire.carry(id, B, b"reply"), b"reply");
}

#[test]
fn a_slow_line_is_filled_and_not_flooded() {
    let (mut wire, id) = Wire::connected(9_600, Faults::default(), 0);
    let bytes = noise(10_000, 1);
    let (started, before) = (wire.now, wire.sent);
    assert_eq!(wire.carry(id, A, &bytes), bytes);
    let took = wire.now - started;
    assert!(took < Duration::from_secs(13), "{took:?}");
    let sent = wire.sent - before;
    assert!(sent < 13_000, "{sent} bytes for {}", bytes.len());
}

#[test]
fn an_end_is_read_after_the_last_byte() {
    let (mut wire, id) = Wire::connected(115_200, Faults::default(), 0);
    assert_eq!(wire.ends[A].write(id, b"bye"), Ok(3));
    wire.ends[A].release(wire.now, id);
    wire.run_for(Duration::from_secs(1));
    let mut buffer = [0; 8];
    assert_eq!(wire.ends[B].read(id, &mut buffer), Read::Bytes(3));
    assert_eq!(wire.ends[B].read(id, &mut buffer), Read::End);
    wire.ends[B].release(wire.now, id);
    wire.run_for(Duration::from_secs(20));
    wire.ends[B].unlisten(7);
    assert!(wire.ends.iter().all(Line::is_idle));
    assert_eq!(wire.events[B], [Event::Accepted(id)]);
}

#[test]
fn a_channel_nobody_listens_on_is_refused() {
    let mut wire = Wire::new(115_200, Faults::default(), 0);
    assert!(wire.ends[A].open(wire.now, id(3, 9)));
    let refused = Event::Ended(id(3, 9), End::Refused);
    wire.run_until(|wire| wire.events[A].contains(&refused));
}

#[test]
fn a_line_without_another_end_is_told_from_a_refusal() {
    let faults = Faults {
        lose: 100,
        ..Faults::default()
    };
    let mut wire = Wire::new(115_200, faults, 0);
    assert!(wire.ends[A].open(wire.now, id(3, 9)));
    let started = wire.now;
    let unanswered = Event::Ended(id(3, 9), End::NoAnswer);
    wire.run_until(|wire| wire.events[A].contains(&unanswered));
    assert!(wire.now - started < Duration::from_secs(12));
}

#[test]
fn an_end_that_was_started_again_is_noticed() {
    let (mut wire, old) = Wire::connected(115_200, Faults::default(), 0);
    wire.ends[A] = Line::new(115_200);
    let new = id(7, 2);
    assert!(wire.ends[A].open(wire.now, new));
    wire.run_until(|wire| wire.events[A].contains(&Event::Opened(new)));
    let told = [
        Event::Accepted(old),
        Event::Ended(old, End::Replaced),
        Event::Accepted(new),
    ];
    assert_eq!(wire.events[B], told);
    assert_eq!(
        wire.ends[B].read(old, &mut [0; 8]),
        Read::Failed(End::Replaced)
    );
    assert_eq!(wire.carry(new, A, b"again"), b"again");
}

#[test]
fn a_server_that_was_started_again_resets_what_it_does_not_know() {
    let (mut wire, id) = Wire::connected(115_200, Faults::default(), 0);
    wire.ends[B] = Line::new(115_200);
    wire.ends[A].write(id, b"hello?").unwrap();
    let reset = Event::Ended(id, End::Reset);
    wire.run_until(|wire| wire.events[A].contains(&reset));
    assert_eq!(wire.ends[A].write(id, b"!"), Err(End::Reset));
}

#[test]
fn a_dead_end_is_noticed_though_nothing_is_said() {
    let (mut wire, id) = Wire::connected(115_200, Faults::default(), 0);
    wire.run_for(Duration::from_secs(60));
    assert_eq!(wire.events[A], [Event::Opened(id)], "idle is not dead");
    wire.faults.lose = 100;
    let started = wire.now;
    wire.run_until(|wire| {
        wire.events
            .iter()
            .all(|seen| seen.contains(&Event::Ended(id, End::Silent)))
    });
    assert!(wire.now - started < Duration::from_secs(25));
}

#[test]
fn a_stuck_reader_holds_up_its_own_channel_alone() {
    let mut wire = Wire::new(115_200, Faults::default(), 0);
    for channel in [1, 2] {
        wire.ends[B].listen(channel);
        assert!(wire.ends[A].open(wire.now, id(channel, 5)));
    }
    wire.run_until(|wire| wire.events[A].len() == 2);
    let mut stuck = 0;
    for _ in 0..2_000 {
        stuck += wire.ends[A].write(id(1, 5), &[7; 1000]).unwrap();
        wire.step();
    }
    assert!(
        stuck < 10_000,
        "{stuck} bytes were taken for a reader that is stuck"
    );
    let bytes = noise(5_000, 2);
    assert_eq!(wire.carry(id(2, 5), A, &bytes), bytes);
    // read again, it goes on where it was
    let mut buffer = [0; 512];
    let mut read = 0;
    for _ in 0..100_000 {
        while let Read::Bytes(length) = wire.ends[B].read(id(1, 5), &mut buffer) {
            read += length;
        }
        if read == stuck {
            return;
        }
        wire.step();
    }
    panic!("{read} of {stuck}");
}

#[test]
fn channels_take_turns() {
    let mut wire = Wire::new(9_600, Faults::default(), 0);
    for channel in 0..4 {
        wire.ends[B].listen(channel);
        assert!(wire.ends[A].open(wire.now, id(channel, 5)));
    }
    wire.run_until(|wire| wire.events[A].len() == 4);
    let mut read = [0; 4];
    let mut buffer = [0; 512];
    let end = wire.now + Duration::from_secs(20);
    while wire.now < end {
        for channel in 0..4 {
            wire.ends[A]
                .write(id(channel, 5), &[channel; 4000])
                .unwrap();
            while let Read::Bytes(length) = wire.ends[B].read(id(channel, 5), &mut buffer) {
                read[usize::from(channel)] += length;
            }
        }
        wire.step();
    }
    let (least, most) = (read.iter().min().unwrap(), read.iter().max().unwrap());
    assert!(*least > 3_000 && most - least <= 1_000, "{read:?}");
}

#[test]
fn one_end_has_one_connection_a_channel() {
    let (mut wire, _) = Wire::connected(115_200, Faults::default(), 0);
    assert!(!wire.ends[A].open(wire.now, id(7, 2)));
    assert!(!wire.ends[B].open(wire.now, id(7, 2)), "it listens there");
    assert!(!wire.ends[B].listen(7));
}

#[test]
fn whoever_hung_up_can_call_again_at_once() {
    let (mut wire, old) = Wire::connected(115_200, Faults::default(), 0);
    wire.ends[A].write(old, b"never mind").unwrap();
    wire.ends[A].release(wire.now, old);
    let new = id(7, 2);
    assert!(wire.ends[A].open(wire.now, new));
    wire.run_until(|wire| wire.events[A].contains(&Event::Opened(new)));
    assert_eq!(wire.carry(new, B, b"hello"), b"hello");
}

#[test]
fn what_a_kdeck_of_another_version_asks_for_is_refused_in_words() {
    let mut line = Line::new(115_200);
    line.listen(7);
    let now = Instant::now();
    let open = Frame {
        id: id(7, 1),
        kind: Kind::Open,
        number: 9,
        ack: 0,
        credit: 1,
        payload: Vec::new(),
    };
    line.handle_bytes(now, &open.encode());
    assert_eq!(line.poll_event(), None);
    let mut client = Line::new(115_200);
    client.open(now, id(7, 1));
    client.handle_bytes(now, &line.poll_transmit(now).unwrap());
    assert_eq!(
        client.poll_event(),
        Some(Event::Ended(id(7, 1), End::Version(1)))
    );
}

#[test]
fn a_lost_line_ends_everything() {
    let (mut wire, id) = Wire::connected(115_200, Faults::default(), 0);
    wire.ends[A].handle_loss();
    assert_eq!(wire.ends[A].read(id, &mut [0; 1]), Read::Failed(End::Line));
    wire.ends[A].release(wire.now, id);
    assert!(wire.ends[A].is_idle());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_arrives_once_and_in_order(
        seed: u64,
        lose in 0u32..25,
        damage in 0u32..15,
        double in 0u32..15,
        length in 1usize..12_000,
        baud in prop::sample::select(vec![9_600, 115_200, 3_000_000]),
    ) {
        let faults = Faults { lose, damage, double };
        let (mut wire, id) = Wire::connected(baud, faults, seed);
        let (there, back) = (noise(length, seed), noise(length / 2, !seed));
        prop_assert_eq!(wire.carry(id, A, &there), there);
        if !back.is_empty() {
            prop_assert_eq!(wire.carry(id, B, &back), back);
        }
    }

    #[test]
    fn anything_may_come_over_a_line(bytes in proptest::collection::vec(any::<u8>(), 0..3000), kinds in proptest::collection::vec((1u8..9, any::<u16>(), any::<u16>(), any::<u8>()), 0..50)) {
        let mut line = Line::new(115_200);
        line.listen(7);
        let mut now = Instant::now();
        line.handle_bytes(now, &bytes);
        for (kind, number, ack, credit) in kinds {
            let kinds = [Kind::Open, Kind::Accept, Kind::Data, Kind::Finish, Kind::Ack, Kind::Probe, Kind::Reset, Kind::Refuse];
            let frame = Frame { id: id(7, u32::from(number % 3)), kind: kinds[usize::from(kind - 1)], number: number % 4, ack: ack % 4, credit, payload: if kind == 3 { vec![1; 9] } else { Vec::new() } };
            line.handle_bytes(now, &frame.encode());
            while let Some(event) = line.poll_event() {
                if let Event::Accepted(id) = event {
                    line.write(id, b"hello").ok();
                }
            }
            while line.poll_transmit(now).is_some() {}
            now += Duration::from_millis(u64::from(number % 700));
            line.handle_timeout(now);
        }
    }
}
