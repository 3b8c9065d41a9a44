//! One end of a conversation, packet by packet.

use std::time::Instant;

use super::super::assembler::Item;
use super::super::debug_io::Print;
use super::super::frame::{Packet, PacketType};
use super::super::message::{FromHost, FromTarget};
use super::super::request::{Call, Request};
use super::super::serial::Serial;
use super::super::session::{
    CONTROLS_MAX, EVENTS_MAX, Event, Numbering, RESENDS_ASKED_MAX, RESENDS_OBEYED_MAX,
    SERIAL_ATTEMPTS, SendError, Session, Side, TARGET_ATTEMPTS, Timing, Transmit, WAITING_MAX,
};
use super::super::status::NtStatus;
use super::{at, events};

pub const FIRST: u32 = 0x8080_0000;
const SYNC: u32 = 0x8080_0800;

pub fn host() -> Session {
    Session::new(Numbering::Serial, Side::Host, Timing::serial(None))
}

pub fn target() -> Session {
    Session::new(
        Numbering::Serial,
        Side::Target,
        Timing::serial(None).for_target(),
    )
}

pub fn print(text: &str) -> (PacketType, Vec<u8>) {
    FromTarget::Print(Print {
        text: text.into(),
        ..Print::default()
    })
    .encode()
}

pub fn printed(id: u32, text: &str) -> Packet {
    let (kind, payload) = print(text);
    Packet { kind, id, payload }
}

pub fn request(call: Call) -> (PacketType, Vec<u8>) {
    FromHost::Request(Request::new(call)).encode()
}

pub fn control(kind: PacketType, id: u32) -> Transmit {
    Transmit::Packet(Packet::control(kind, id))
}

pub fn acknowledge(id: u32) -> Transmit {
    control(PacketType::Acknowledge, id)
}

pub fn sent(session: &mut Session) -> Vec<Transmit> {
    std::iter::from_fn(|| session.poll_transmit()).collect()
}

pub fn texts(events: &[Event]) -> Vec<String> {
    let texts = events.iter().filter_map(|event| match event {
        Event::Packet(kind, payload) => match FromTarget::decode(*kind, payload).unwrap() {
            FromTarget::Print(print) => Some(String::from_utf8(print.text).unwrap()),
            other => Some(format!("{other:?}")),
        },
        _ => None,
    });
    texts.collect()
}

pub fn send(session: &mut Session, now: Instant, call: Call) -> Packet {
    let (kind, payload) = request(call);
    session.send(now, kind, payload).unwrap();
    let Some(Transmit::Packet(packet)) = sent(session).pop() else {
        panic!("nothing is sent");
    };
    packet
}

#[test]
fn a_host_acknowledges_the_first_packet_without_its_sync_bit() {
    let mut host = host();
    host.handle_packet(Instant::now(), &printed(SYNC, "one"));
    assert_eq!(sent(&mut host), [acknowledge(FIRST)]);
    let told = events(&mut host);
    assert_eq!(told.first(), Some(&Event::Restarted));
    assert_eq!(texts(&told), ["one"]);
}

#[test]
fn a_repeated_packet_is_acknowledged_again_and_delivered_once() {
    let now = Instant::now();
    let mut host = host();
    for (id, text) in [
        (SYNC, "one"),
        (SYNC, "one"),
        (FIRST | 1, "two"),
        (FIRST | 1, "two"),
        (FIRST, "three"),
    ] {
        host.handle_packet(now, &printed(id, text));
    }
    let acknowledged = [FIRST, FIRST, FIRST | 1, FIRST | 1, FIRST].map(acknowledge);
    assert_eq!(sent(&mut host), acknowledged);
    assert_eq!(texts(&events(&mut host)), ["one", "two", "three"]);
    assert_eq!(host.counters().repeated, 2);
}

#[test]
fn a_target_that_boots_again_is_heard_from_its_first_packet_on() {
    let now = Instant::now();
    let mut host = host();
    host.handle_packet(now, &printed(SYNC, "one"));
    host.handle_packet(now, &printed(FIRST | 1, "two"));
    let request = send(&mut host, now, Call::GetVersion);
    assert_eq!(request.id, FIRST);
    host.handle_packet(now, &Packet::control(PacketType::Acknowledge, FIRST));
    let request = send(&mut host, now, Call::GetVersion);
    assert_eq!(request.id, FIRST | 1);
    events(&mut host);

    host.handle_packet(now, &printed(SYNC, "one"));
    let told = events(&mut host);
    assert_eq!(told.first(), Some(&Event::Restarted));
    assert_eq!(texts(&told), ["one"]);
    assert!(host.idle(), "what was meant for the one before is dropped");
    sent(&mut host);
    assert_eq!(send(&mut host, now, Call::GetVersion).id, FIRST);
}

#[test]
fn the_same_first_packet_long_after_is_another_start() {
    let start = Instant::now();
    let mut host = host();
    for ms in [0, 1000, 2000, 60_000] {
        host.handle_packet(at(start, ms), &printed(SYNC, "one"));
    }
    let told = events(&mut host);
    assert_eq!(texts(&told), ["one", "one"]);
    assert_eq!(
        told.iter()
            .filter(|event| **event == Event::Restarted)
            .count(),
        2
    );
}

#[test]
fn an_unanswered_packet_is_sent_again_and_then_given_up() {
    let start = Instant::now();
    let mut host = host();
    let first = send(&mut host, start, Call::GetVersion);
    let mut copies = 1;
    while let Some(due) = host.poll_timeout() {
        host.handle_timeout(due);
        for packet in sent(&mut host) {
            assert_eq!(packet, Transmit::Packet(first.clone()));
            copies += 1;
        }
    }
    assert_eq!(copies, SERIAL_ATTEMPTS);
    let told = events(&mut host);
    let [
        Event::Unanswered {
            kind,
            payload,
            attempts,
        },
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert_eq!(
        (*kind, payload, *attempts),
        (first.kind, &first.payload, SERIAL_ATTEMPTS)
    );
    assert!(host.idle());
}

#[test]
fn serial_waits_are_no_shorter_than_a_slow_line_needs() {
    assert!(Timing::serial(None).acknowledge.as_millis() >= 1000);
    assert!(Timing::serial(Some(921_600)).acknowledge.as_millis() >= 1000);
    assert!(Timing::serial(Some(9600)).acknowledge.as_millis() > 8000);
    assert!(Timing::serial(Some(0)).acknowledge >= Timing::serial(Some(9600)).acknowledge);
}

#[test]
fn a_data_packet_in_place_of_an_acknowledgement_is_taken() {
    let now = Instant::now();
    let mut host = host();
    host.handle_packet(now, &printed(SYNC, "one"));
    let read = |address| Call::ReadVirtual { address, count: 8 };
    let asked = send(&mut host, now, read(0x1000));
    host.handle_packet(now, &printed(FIRST | 1, "two"));
    assert_eq!(sent(&mut host), [acknowledge(FIRST | 1)]);
    assert!(!host.idle(), "a print proves nothing about a request");
    let (kind, payload) = request(read(0x2000));
    host.handle_packet(
        now,
        &Packet {
            kind,
            id: FIRST,
            payload,
        },
    );
    assert!(!host.idle(), "nor does a reply to another");
    host.handle_packet(
        now,
        &Packet {
            id: FIRST | 1,
            ..asked
        },
    );
    assert!(host.idle(), "its own does");
    let told = events(&mut host);
    assert!(
        matches!(
            told.as_slice(),
            [
                Event::Restarted,
                Event::Packet(..),
                Event::Packet(..),
                Event::Packet(..),
                Event::Acknowledged,
                Event::Packet(..)
            ]
        ),
        "{told:?}"
    );
}

#[test]
fn a_stop_proves_that_the_continue_before_it_arrived() {
    let now = Instant::now();
    let mut host = host();
    host.handle_packet(now, &printed(SYNC, "one"));
    send(
        &mut host,
        now,
        Call::Continue {
            status: NtStatus::CONTINUE,
        },
    );
    let stop = Packet {
        kind: PacketType::StateChange,
        id: FIRST | 1,
        payload: vec![0; 240],
    };
    host.handle_packet(now, &stop);
    assert!(host.idle());
}

#[test]
fn a_stop_that_comes_again_under_the_next_number_is_delivered_again() {
    let now = Instant::now();
    let mut host = host();
    for id in [SYNC, FIRST | 1, FIRST] {
        host.handle_packet(
            now,
            &Packet {
                kind: PacketType::StateChange,
                id,
                payload: vec![0; 244],
            },
        );
    }
    let stops = events(&mut host)
        .into_iter()
        .filter(|event| matches!(event, Event::Packet(..)));
    assert_eq!(stops.count(), 3);
}

#[test]
fn a_resend_brings_the_packet_in_flight_and_nothing_when_there_is_none() {
    let now = Instant::now();
    let mut host = host();
    host.handle_packet(now, &Packet::control(PacketType::Resend, 0));
    assert_eq!(sent(&mut host), []);
    let first = send(&mut host, now, Call::GetVersion);
    for _ in 0..RESENDS_OBEYED_MAX {
        host.handle_packet(now, &Packet::control(PacketType::Resend, 0));
        assert_eq!(sent(&mut host), [Transmit::Packet(first.clone())]);
    }
    host.handle_packet(now, &Packet::control(PacketType::Resend, 0));
    assert_eq!(
        sent(&mut host),
        [],
        "a peer that never stops asking is not obeyed for ever"
    );
    let due = host.poll_timeout().unwrap();
    host.handle_timeout(due);
    host.handle_packet(due, &Packet::control(PacketType::Resend, 0));
    assert_eq!(sent(&mut host), [Transmit::Packet(first)]);
}

#[test]
fn a_packet_that_is_damaged_each_time_is_reported_and_no_longer_asked_for() {
    let now = Instant::now();
    let mut prompt = printed(FIRST, "what now (boipt)?").encode_stream();
    prompt[12] ^= 1;
    let mut host = Serial::new(Side::Host, Timing::serial(None));
    let mut asked = 0;
    for _ in 0..100 {
        host.handle_bytes(now, &prompt);
        while let Some(bytes) = host.poll_transmit() {
            assert_eq!(
                bytes,
                Packet::control(PacketType::Resend, 0).encode_stream()
            );
            asked += 1;
        }
    }
    assert_eq!(asked, RESENDS_ASKED_MAX);
    let told: Vec<Event> = std::iter::from_fn(|| host.poll_event()).collect();
    assert_eq!(
        told,
        [Event::Damaged {
            times: RESENDS_ASKED_MAX + 1
        }]
    );
    assert_eq!(host.counters().session.damaged, 100);

    host.handle_bytes(now, &printed(FIRST, "well").encode_stream());
    host.poll_transmit();
    host.handle_bytes(now, &prompt);
    assert_eq!(
        host.poll_transmit(),
        Some(Packet::control(PacketType::Resend, 0).encode_stream())
    );
}

#[test]
fn a_packet_cut_short_is_asked_for_again_and_does_not_swallow_what_follows() {
    let start = Instant::now();
    let mut host = Serial::new(Side::Host, Timing::serial(None));
    let whole = printed(SYNC, "one").encode_stream();
    host.handle_bytes(start, &whole[..30]);
    assert_eq!(host.poll_transmit(), None);
    let due = host.poll_timeout().unwrap();
    assert!(due > start);
    host.handle_timeout(due);
    assert_eq!(
        host.poll_transmit(),
        Some(Packet::control(PacketType::Resend, 0).encode_stream())
    );
    assert_eq!(host.poll_timeout(), None);
    host.handle_bytes(due, &whole);
    let told: Vec<Event> = std::iter::from_fn(|| host.poll_event()).collect();
    assert_eq!(texts(&told), ["one"]);
}

#[test]
fn a_target_gives_up_prints_and_repeats_stops_for_ever() {
    let start = Instant::now();
    let mut target = target();
    let (kind, payload) = print("nobody there");
    target.send(start, kind, payload).unwrap();
    let mut ids = Vec::new();
    loop {
        ids.extend(sent(&mut target).into_iter().map(|one| match one {
            Transmit::Packet(packet) => packet.id,
            Transmit::BreakIn => 0,
        }));
        let Some(due) = target.poll_timeout() else {
            break;
        };
        target.handle_timeout(due);
    }
    assert_eq!(ids, vec![SYNC; TARGET_ATTEMPTS as usize]);
    assert!(matches!(
        events(&mut target).as_slice(),
        [Event::Unanswered { .. }]
    ));

    let mut stop = vec![0; 240];
    stop[..2].copy_from_slice(&[0x30, 0x30]);
    target.send(start, PacketType::StateChange, stop).unwrap();
    for _ in 0..10 * TARGET_ATTEMPTS {
        let due = target.poll_timeout().unwrap();
        target.handle_timeout(due);
        assert_eq!(sent(&mut target).len(), 1);
    }
    target.handle_packet(start, &Packet::control(PacketType::Acknowledge, FIRST));
    assert!(target.idle());
}

#[test]
fn a_target_that_began_anew_ignores_what_was_meant_for_the_one_before() {
    let now = Instant::now();
    let mut target = target();
    let (kind, payload) = request(Call::GetVersion);
    target.handle_packet(
        now,
        &Packet {
            kind,
            id: FIRST,
            payload,
        },
    );
    assert_eq!((sent(&mut target), events(&mut target)), (vec![], vec![]));
}

#[test]
fn what_nobody_fetches_is_left_to_its_sender() {
    let now = Instant::now();
    let mut host = Session::new(Numbering::Network, Side::Host, Timing::network());
    for number in 0..1000 {
        host.handle_packet(now, &printed(2 * number, "flood"));
        host.handle_packet(now, &Packet::control(PacketType::Reset, 2 * number + 2));
        host.handle_damaged(now);
        host.break_in();
        host.reset(now);
    }
    assert!(sent(&mut host).len() <= CONTROLS_MAX);
    let told = events(&mut host);
    assert!(told.len() <= 2 * EVENTS_MAX, "{}", told.len());
    assert_eq!(texts(&told).len() as u64, host.counters().packets);
    assert!(host.counters().refused > 0);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let now = Instant::now();
    let mut host = host();
    assert_eq!(
        host.send(now, PacketType::Reset, vec![]),
        Err(SendError::Control(PacketType::Reset))
    );
    assert!(matches!(
        host.send(now, PacketType::Manipulate, vec![0; 4001]),
        Err(SendError::TooLong { got: 4001, .. })
    ));
    let results = (0..2 * WAITING_MAX).map(|_| host.send(now, PacketType::Manipulate, vec![0; 56]));
    assert_eq!(results.filter(Result::is_ok).count(), WAITING_MAX + 1);
}

#[test]
fn a_break_in_is_one_byte_and_only_a_target_minds_it() {
    let now = Instant::now();
    let mut host = Serial::new(Side::Host, Timing::serial(None));
    host.break_in();
    host.break_in();
    assert_eq!(host.poll_transmit(), Some(vec![0x62]));
    assert_eq!(host.poll_transmit(), None);
    let mut target = Serial::new(Side::Target, Timing::serial(None));
    target.handle_bytes(now, &[0x62]);
    host.handle_bytes(now, &[0x62]);
    assert_eq!(target.poll_event(), Some(Event::BreakIn));
    assert_eq!(host.poll_event(), None);
    assert_eq!(host.counters().break_ins, 1);
}

#[test]
fn text_with_leaders_in_it_hides_no_packet() {
    let mut stream = b"ROM 0000000000000012345678 iiii0000".to_vec();
    stream.extend(printed(SYNC, "one").encode_stream());
    stream.extend_from_slice(b"000000000000");
    stream.extend(printed(FIRST | 1, "two").encode_stream());
    let mut assembler = super::Assembler::default();
    let found = super::items(&mut assembler, &stream);
    let packets = found
        .iter()
        .filter(|(_, item)| matches!(item, Item::Packet(_)));
    assert_eq!(packets.count(), 2, "{found:?}");
}
