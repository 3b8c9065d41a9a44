//! Resets, and links that begin anew, packet by packet.

use std::time::Instant;

use super::super::frame::{Packet, PacketType};
use super::super::request::Call;
use super::super::session::{Event, Numbering, Session, Side, Timing, Transmit};
use super::sessions::{
    FIRST, acknowledge, control, host, print, printed, request, send, sent, target, texts,
};
use super::{at, events};

#[test]
fn a_reset_is_answered_once_and_an_answer_never() {
    let now = Instant::now();
    let reset = Packet::control(PacketType::Reset, 0);
    for mut session in [host(), target()] {
        session.handle_packet(now, &reset);
        assert_eq!(sent(&mut session), [Transmit::Packet(reset.clone())]);
        assert_eq!(events(&mut session), [Event::Restarted]);
        session.handle_packet(now, &reset);
        assert_eq!(sent(&mut session), [], "it would go on for ever");
    }
    let mut asking = host();
    asking.reset(now);
    assert_eq!(sent(&mut asking), [Transmit::Packet(reset.clone())]);
    asking.handle_packet(now, &reset);
    assert_eq!(sent(&mut asking), []);
    assert_eq!(events(&mut asking), [Event::ResetAnswered]);
}

#[test]
fn an_acknowledgement_from_before_a_reset_is_not_taken_for_a_later_one() {
    let now = Instant::now();
    let mut target = Session::new(Numbering::Serial, Side::Target, Timing::serial(None));
    target.send(now, PacketType::DebugIo, vec![1]).unwrap();
    sent(&mut target);
    // Both are there when it looks: a host that resets and then acknowledges what was on its way.
    target.handle_packet(now, &Packet::control(PacketType::Reset, 0));
    target.handle_packet(now, &Packet::control(PacketType::Acknowledge, FIRST));
    let again = sent(&mut target);
    let is_print = |sent: &Transmit| matches!(sent, Transmit::Packet(packet) if packet.kind == PacketType::DebugIo);
    assert!(again.iter().any(is_print), "{again:?}");
    target.handle_packet(now, &Packet::control(PacketType::Acknowledge, FIRST));
    assert!(target.idle());
}

#[test]
fn a_target_that_ran_when_it_was_reset_is_reset_again_when_it_listens() {
    let start = Instant::now();
    let mut host = host();
    host.reset(start);
    sent(&mut host);
    // It waits for an acknowledgement, and repeats that less than a second.
    let reset = [Transmit::Packet(Packet::control(PacketType::Reset, 0))];
    host.handle_packet(at(start, 50), &printed(FIRST, "one"));
    assert_eq!(sent(&mut host), [], "it may be about to answer");
    host.handle_packet(at(start, 150), &printed(FIRST, "one"));
    assert_eq!(sent(&mut host), reset);
    host.handle_packet(at(start, 180), &printed(FIRST, "one"));
    assert_eq!(sent(&mut host), []);
}

#[test]
fn a_print_that_a_reset_brings_again_is_delivered_once() {
    let now = Instant::now();
    for numbering in [Numbering::Serial, Numbering::Network] {
        let (id, again) = match numbering {
            Numbering::Serial => (FIRST | 1, FIRST),
            Numbering::Network => (0x62, 0x62),
        };
        let mut host = Session::new(numbering, Side::Host, Timing::network());
        host.handle_packet(now, &printed(id, "one"));
        host.reset(now);
        host.handle_packet(
            now,
            &Packet::control(
                PacketType::Reset,
                if numbering == Numbering::Serial {
                    0
                } else {
                    id
                },
            ),
        );
        host.handle_packet(now, &printed(again, "one"));
        host.handle_packet(
            now,
            &printed(
                if numbering == Numbering::Serial {
                    FIRST | 1
                } else {
                    0x64
                },
                "one",
            ),
        );
        assert_eq!(texts(&events(&mut host)), ["one", "one"], "{numbering:?}");
    }
}

#[test]
fn a_reset_of_a_running_target_is_given_up() {
    let start = Instant::now();
    let mut host = host();
    host.reset(start);
    let (kind, payload) = request(Call::GetVersion);
    host.send(start, kind, payload).unwrap();
    let mut resets = 0;
    loop {
        for one in sent(&mut host) {
            assert_eq!(one, control(PacketType::Reset, 0));
            resets += 1;
        }
        let Some(due) = host.poll_timeout() else {
            break;
        };
        host.handle_timeout(due);
    }
    assert_eq!(resets, Timing::serial(None).reset_attempts);
    assert!(matches!(
        events(&mut host).as_slice(),
        [Event::Unanswered {
            kind: PacketType::Reset,
            ..
        }]
    ));
    assert!(host.idle());
}

#[test]
fn a_network_reset_carries_the_next_number_and_rewinds_nothing() {
    let now = Instant::now();
    let mut host = Session::new(Numbering::Network, Side::Host, Timing::network());
    host.handle_packet(now, &printed(0x926, "stop"));
    assert_eq!(
        sent(&mut host),
        [acknowledge(0x926)],
        "bit 11 is an ordinary bit here"
    );
    assert_eq!(send(&mut host, now, Call::GetVersion).id, 0x8000_0000);
    host.handle_packet(now, &Packet::control(PacketType::Acknowledge, 0x8000_0000));
    host.reset(now);
    assert_eq!(sent(&mut host), [control(PacketType::Reset, 0x8000_0002)]);
    host.handle_packet(now, &Packet::control(PacketType::Reset, 0x926));
    let stop = Packet {
        kind: PacketType::StateChange,
        id: 0x926,
        payload: vec![0; 240],
    };
    host.handle_packet(now, &stop);
    host.handle_packet(now, &printed(0x924, "old"));
    host.handle_packet(now, &printed(0x928, "new"));
    assert_eq!(sent(&mut host), [0x926, 0x924, 0x928].map(acknowledge));
    let told = events(&mut host);
    assert_eq!(
        told.iter()
            .filter(|event| matches!(event, Event::Packet(..)))
            .count(),
        3
    );
}

#[test]
fn after_a_packet_was_given_up_numbers_are_agreed_upon_before_the_next() {
    let start = Instant::now();
    let mut host = host();
    send(&mut host, start, Call::GetVersion);
    while let Some(due) = host.poll_timeout() {
        host.handle_timeout(due);
    }
    sent(&mut host);
    let (kind, payload) = request(Call::GetContext);
    host.send(start, kind, payload.clone()).unwrap();
    assert_eq!(sent(&mut host), [control(PacketType::Reset, 0)]);
    host.handle_packet(start, &Packet::control(PacketType::Reset, 0));
    assert_eq!(
        sent(&mut host),
        [Transmit::Packet(Packet {
            kind,
            id: FIRST,
            payload
        })]
    );
}

#[test]
fn a_target_repeats_what_it_has_to_say_to_a_new_host() {
    let now = Instant::now();
    let mut target = Session::new(
        Numbering::Network,
        Side::Target,
        Timing::network().for_target(),
    );
    let (kind, payload) = print("hello");
    target.send(now, kind, payload.clone()).unwrap();
    let said = vec![Transmit::Packet(Packet {
        kind,
        id: 0,
        payload,
    })];
    assert_eq!(sent(&mut target), said);
    target.restart(now);
    assert_eq!(events(&mut target), [Event::Restarted]);
    assert_eq!(sent(&mut target), said);
    target.handle_packet(now, &Packet::control(PacketType::Acknowledge, 0));
    assert!(target.idle());
}

#[test]
fn a_print_is_not_taken_under_either_number_before_a_reset_is_answered() {
    let now = Instant::now();
    let mut host = host();
    host.handle_packet(now, &printed(FIRST, "one"));
    host.reset(now);
    sent(&mut host);
    for id in [FIRST, FIRST | 1] {
        host.handle_packet(now, &printed(id, "two"));
    }
    assert_eq!(sent(&mut host), [], "its sender would not send it again");
    host.handle_packet(now, &Packet::control(PacketType::Reset, 0));
    host.handle_packet(now, &printed(FIRST, "two"));
    assert_eq!(sent(&mut host), [acknowledge(FIRST)]);
    assert_eq!(texts(&events(&mut host)), ["one", "two"]);
}

#[test]
fn a_number_that_cannot_be_is_damage() {
    let now = Instant::now();
    let mut host = host();
    host.handle_packet(now, &printed(0x3030_A232 | 0x800, "one"));
    assert_eq!(sent(&mut host), [control(PacketType::Resend, 0)]);
    assert_eq!(events(&mut host), []);
}
