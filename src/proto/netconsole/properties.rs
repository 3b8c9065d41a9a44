//! What must hold on every wire: the netconsole engine behind loss, duplication, reordering and noise.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A wire that loses, doubles and delays; what it does follows from its seed alone.
struct Wire {
    random: fastrand::Rng,
    loss: f64,
    duplication: f64,
    /// Longest delay; below the reorder window nothing may come too late.
    delay_ms: u64,
}

impl Wire {
    /// Arrival times in milliseconds and what arrives, in the order of arrival.
    fn carry(&mut self, sent: &[(u64, Vec<u8>)]) -> Vec<(u64, Vec<u8>)> {
        let mut arrivals = Vec::new();
        for (at, datagram) in sent {
            if self.random.f64() < self.loss {
                continue;
            }
            let copies = if self.random.f64() < self.duplication {
                2
            } else {
                1
            };
            for _ in 0..copies {
                arrivals.push((at + self.random.u64(0..=self.delay_ms), datagram.clone()));
            }
        }
        arrivals.sort_by_key(|(at, _)| *at);
        arrivals
    }
}

/// A kernel's log: one record every `pace` ms, every fifth one in fragments of eight bytes.
fn log(records: u64, pace: u64) -> Vec<(u64, Vec<u8>)> {
    let mut sent = Vec::new();
    for record in 0..records {
        let (at, sequence) = (record * pace, 500 + record);
        let head = format!("6,{sequence},{},-", at * 1000);
        let body = format!("record \\x23{record} of a log\n");
        if record % 5 != 4 {
            sent.push((at, format!("{head};{body}").into_bytes()));
            continue;
        }
        for (part, bytes) in body.as_bytes().chunks(8).enumerate() {
            let mut datagram = format!("{head},ncfrag={}/{};", part * 8, body.len()).into_bytes();
            datagram.extend_from_slice(bytes);
            sent.push((at, datagram));
        }
    }
    sent
}

fn sequence_of(datagram: &[u8]) -> u64 {
    let (header, _) = Header::split(datagram).unwrap();
    header.sequence
}

fn play(arrivals: &[(u64, Vec<u8>)]) -> Vec<Event> {
    let start = Instant::now();
    let mut engine = Netconsole::new();
    let mut events = Vec::new();
    for (at, datagram) in arrivals {
        let now = start + Duration::from_millis(*at);
        while let Some(due) = engine.poll_timeout().filter(|&due| due <= now) {
            engine.handle_timeout(due);
        }
        engine.handle_datagram(now, datagram);
        events.extend(std::iter::from_fn(|| engine.poll_event()));
    }
    engine.finish();
    events.extend(std::iter::from_fn(|| engine.poll_event()));
    events
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_record_shows_once_in_order_or_is_counted(seed: u64, loss in 0.0..0.4, duplication in 0.0..0.4, delay_ms in 0u64..90, pace in 2u64..60) {
        let mut wire = Wire { random: fastrand::Rng::with_seed(seed), loss, duplication, delay_ms };
        let arrivals = wire.carry(&log(120, pace));
        let arrived: BTreeSet<u64> = arrivals.iter().map(|(_, bytes)| sequence_of(bytes)).collect();
        let mut shown = Vec::new();
        let mut counted = 0;
        for event in play(&arrivals) {
            match event {
                Event::Line(line) => {
                    let sequence = line.sequence.unwrap();
                    if line.missing_bytes == 0 {
                        let text = format!("record #{} of a log", sequence - 500);
                        prop_assert_eq!(line.text, text.into_bytes());
                    }
                    shown.push(sequence);
                }
                Event::Gap(count) => counted += count,
                other => prop_assert!(false, "{:?}", other),
            }
        }
        let expected: Vec<u64> = arrived.iter().copied().collect();
        prop_assert_eq!(&shown, &expected);
        if let (Some(first), Some(last)) = (expected.first(), expected.last()) {
            prop_assert_eq!(counted + shown.len() as u64, last - first + 1);
        }
    }

    #[test]
    fn nothing_shows_twice_however_late_it_comes(seed: u64, loss in 0.0..0.3, delay_ms in 100u64..1500) {
        let mut wire = Wire { random: fastrand::Rng::with_seed(seed), loss, duplication: 0.3, delay_ms };
        let mut shown = BTreeSet::new();
        for event in play(&wire.carry(&log(120, 10))) {
            if let Event::Line(line) | Event::Late(line) = event {
                prop_assert!(shown.insert(line.sequence));
            }
        }
    }

    #[test]
    fn noise_neither_panics_nor_grows(datagrams in prop::collection::vec(noise(), 0..200), step_ms in 0u64..400) {
        let start = Instant::now();
        let mut engine = Netconsole::new();
        for (turn, datagram) in datagrams.iter().enumerate() {
            let now = start + Duration::from_millis(turn as u64 * step_ms);
            engine.handle_timeout(now);
            engine.handle_datagram(now, datagram);
            prop_assert!(engine.held.len() <= HELD_RECORDS_MAX);
            prop_assert!(engine.partial.len() <= LINE_BYTES_MAX);
            prop_assert!(engine.gaps.len() <= GAPS_MAX);
            prop_assert!(engine.events.len() <= EVENTS_MAX);
        }
        engine.finish();
        prop_assert_eq!(engine.poll_timeout(), None);
        prop_assert!(engine.partial.is_empty() && engine.held.is_empty());
    }
}

/// Bytes of any kind, and headers that are nearly right.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let number = || prop_oneof![0u64..40, any::<u64>()];
    let extended = (
        (any::<u16>(), number(), number()),
        prop::option::of((number(), number())),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|((prefix, sequence, us), part, body)| {
            let mut datagram = format!("{prefix},{sequence},{us},-").into_bytes();
            if let Some((offset, total)) = part {
                datagram.extend_from_slice(format!(",ncfrag={offset}/{total}").as_bytes());
            }
            datagram.push(b';');
            datagram.extend_from_slice(&body);
            datagram
        });
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..100),
        4 => extended,
    ]
}
