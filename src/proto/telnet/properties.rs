//! What must hold for every stream: the telnet engine against itself and against noise.

use proptest::prelude::*;

use super::tests::{after, feed, run};
use super::*;

/// Streams that are made of what matters to telnet more often than chance would.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => any::<u8>().prop_map(|byte| vec![byte]),
        2 => prop::sample::select(vec![0u8, 10, 13, 255]).prop_map(|byte| vec![byte]),
        3 => (251u8..=254, prop::sample::select(vec![0u8, 1, 3, 5, 24, 31, 44]))
            .prop_map(|(verb, option)| vec![IAC, verb, option]),
        2 => (95u8..=115, prop::collection::vec(any::<u8>(), 0..6)).prop_map(|(command, value)| {
            let mut bytes = Vec::new();
            wire::write_subnegotiation(COM_PORT, &[&[command], &value[..]].concat(), &mut bytes);
            bytes
        }),
        1 => Just(b"\xff\xfa\x18\x01\xff\xf0".to_vec()),
        1 => Just(vec![IAC, wire::SB]),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
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
    fn how_a_stream_is_cut_changes_nothing(stream in stream(), cuts in prop::collection::vec(1usize..9, 1..40)) {
        let now = Instant::now();
        let mut whole = Telnet::new(Options::default());
        let expected = feed(&mut whole, now, &stream);
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        let mut cut = Telnet::new(Options::default());
        let seen = run(&mut cut, now, &pieces);
        prop_assert_eq!(seen.text, expected.text);
        prop_assert_eq!(seen.sent, expected.sent);
        prop_assert_eq!(seen.events, expected.events);
    }

    #[test]
    fn what_is_encoded_arrives(data in prop::collection::vec(any::<u8>(), 0..300), binary: bool, specials in prop::collection::vec(prop::sample::select(vec![0u8, 10, 13, 255]), 0..300)) {
        let now = Instant::now();
        for data in [data, specials] {
            let mut sender = Telnet::new(Options::default());
            let mut receiver = Telnet::new(Options::default());
            if binary {
                feed(&mut sender, now, b"\xff\xfd\x00");
                feed(&mut receiver, now, b"\xff\xfb\x00");
            }
            let mut wire = Vec::new();
            sender.encode(&data, &mut wire);
            let seen = feed(&mut receiver, now, &wire);
            prop_assert_eq!(seen.text, data);
            prop_assert_eq!(seen.sent, b"");
        }
    }

    #[test]
    fn two_engines_fall_silent(opening in stream(), asks: bool) {
        let now = Instant::now();
        let mut left = Telnet::new(Options::default());
        let mut right = Telnet::new(Options { window: Some((80, 24)), ..Options::default() });
        if asks {
            let line = LineSettings { baud: Some(9600), ..LineSettings::default() };
            left.set_line(now, &line);
            right.set_line(now, &line);
        }
        let mut to_left = opening;
        let mut rounds = 0;
        loop {
            let mut to_right = feed(&mut left, now, &to_left).sent;
            to_left = feed(&mut right, now, &std::mem::take(&mut to_right)).sent;
            if to_left.is_empty() {
                break;
            }
            rounds += 1;
            prop_assert!(rounds < 200);
        }
    }

    #[test]
    fn noise_neither_panics_nor_grows(noise in prop::collection::vec(stream(), 0..30), seconds in 0u64..10) {
        let start = Instant::now();
        let mut engine = Telnet::new(Options { window: Some((80, 24)), ..Options::default() });
        let mut text = Vec::new();
        for (turn, bytes) in noise.iter().enumerate() {
            let now = after(start, seconds * 1000 * turn as u64);
            text.clear();
            engine.handle_timeout(now);
            engine.handle_bytes(now, bytes, &mut text);
            engine.send_break(now);
            prop_assert!(text.len() <= bytes.len() + 1);
            prop_assert!(engine.outgoing.len() <= OUTGOING_BYTES_MAX);
            prop_assert!(engine.events.len() <= EVENTS_MAX);
            prop_assert!(engine.decoder.subnegotiation().len() <= SUBNEGOTIATION_BYTES_MAX);
        }
    }
}
