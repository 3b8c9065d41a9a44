//! The frames of `kd/kd_framing.json`, good and bad, and the packets of real KDNET sessions without their envelopes.

use std::time::Instant;

use serde::Deserialize;

use super::super::assembler::{Assembler, Item};
use super::super::frame::{Packet, PacketError, PacketType};
use super::super::serial::Serial;
use super::super::session::{Event, Side, Timing};
use super::{Message, assert_exact, items};
use crate::fixtures;

#[derive(Deserialize)]
struct Framing {
    frames: Vec<Frame>,
    negative: Vec<Negative>,
}

#[derive(Deserialize)]
struct Frame {
    name: String,
    wire: String,
    packet: Option<String>,
    payload: Option<String>,
    correct_ack: Option<String>,
    kd: Kd,
}

#[derive(Deserialize)]
struct Kd {
    #[serde(rename = "type")]
    kind: u16,
    byte_count: usize,
    id: String,
}

#[derive(Deserialize)]
struct Negative {
    name: String,
    wire: String,
}

fn framing() -> Option<Framing> {
    Some(serde_json::from_str(&fixtures::read("kd/kd_framing.json")?).unwrap())
}

#[test]
fn recorded_frames_are_read_and_written_byte_for_byte() {
    let Some(framing) = framing() else { return };
    for frame in framing.frames {
        let wire = fixtures::unhex(&frame.wire);
        let mut assembler = Assembler::default();
        let items = items(&mut assembler, &wire);
        let [(end, Item::Packet(packet))] = items.as_slice() else {
            panic!("{}: {items:?}", frame.name);
        };
        assert_eq!(*end, wire.len(), "{}", frame.name);
        assert_eq!(
            (assembler.noise_bytes(), assembler.held_bytes()),
            (0, 0),
            "{}",
            frame.name
        );
        assert_eq!(packet.kind.number(), frame.kd.kind, "{}", frame.name);
        assert_eq!(packet.payload.len(), frame.kd.byte_count, "{}", frame.name);
        assert_eq!(
            format!("{:#010x}", packet.id),
            frame.kd.id,
            "{}",
            frame.name
        );
        assert_eq!(packet.encode_stream(), wire, "{}", frame.name);
        if let Some(datagram) = frame.packet.as_deref().map(fixtures::unhex) {
            assert_eq!(packet.encode(), datagram, "{}", frame.name);
            assert_eq!(
                Packet::decode(&datagram).as_ref(),
                Ok(packet),
                "{}",
                frame.name
            );
        }
        if let Some(payload) = frame.payload.as_deref().map(fixtures::unhex) {
            assert_eq!(packet.payload, payload, "{}", frame.name);
        }
        if let Some(ack) = frame.correct_ack.as_deref().map(fixtures::unhex) {
            let mut host = Serial::new(Side::Host, Timing::serial(None));
            host.handle_bytes(Instant::now(), &wire);
            assert_eq!(host.poll_transmit(), Some(ack), "{}", frame.name);
        }
        if !packet.kind.is_control() {
            let from_target = !matches!(
                frame.name.as_str(),
                "get_version_request_id0"
                    | "real_payload_continue2"
                    | "real_payload_create_file_reply"
            );
            let message = Message::decode(from_target, packet.kind, &packet.payload);
            assert_exact(&message, packet.kind, &packet.payload);
        }
    }
}

#[test]
fn damaged_streams_bring_what_they_must_and_no_more() {
    let Some(framing) = framing() else { return };
    for Negative { name, wire } in framing.negative {
        let wire = fixtures::unhex(&wire);
        let mut assembler = Assembler::default();
        let found: Vec<Item> = items(&mut assembler, &wire)
            .into_iter()
            .map(|(_, item)| item)
            .collect();
        let hello = |item: &Item| matches!(item, Item::Packet(packet) if packet.kind == PacketType::DebugIo && packet.payload.ends_with(b"hello"));
        let acknowledge = |item: &Item| matches!(item, Item::Packet(packet) if *packet == Packet::control(PacketType::Acknowledge, 0x8080_0000));
        let (expected, resend): (bool, bool) = match name.as_str() {
            "bad_checksum" => (
                matches!(
                    found.as_slice(),
                    [Item::Damaged(PacketError::Checksum { .. })]
                ),
                true,
            ),
            "bad_trailer" => (found == [Item::Damaged(PacketError::Trailer(0x55))], true),
            "garbage_then_good" => (
                matches!(found.as_slice(), [Item::BreakIn, packet] if hello(packet)),
                false,
            ),
            "garbage_then_good_clean" => {
                (matches!(found.as_slice(), [packet] if hello(packet)), false)
            }
            "half_leader_then_control" => (
                matches!(found.as_slice(), [ack, packet] if acknowledge(ack) && hello(packet)),
                false,
            ),
            "oversize_count" => (found == [Item::Damaged(PacketError::Count(4001))], true),
            "control_with_checksum_garbage" => {
                (matches!(found.as_slice(), [ack] if acknowledge(ack)), false)
            }
            "breakin_byte_between_packets" => (
                matches!(found.as_slice(), [Item::BreakIn, packet] if hello(packet)),
                false,
            ),
            other => panic!("a case nobody checks: {other}"),
        };
        assert!(expected, "{name}: {found:?}");

        let mut host = Serial::new(Side::Host, Timing::serial(None));
        host.handle_bytes(Instant::now(), &wire);
        let sent: Vec<Vec<u8>> = std::iter::from_fn(|| host.poll_transmit()).collect();
        let asks = Packet::control(PacketType::Resend, 0).encode_stream();
        assert_eq!(sent.contains(&asks), resend, "{name}");
        let told = std::iter::from_fn(|| host.poll_event());
        let delivered = told
            .filter(|event| matches!(event, Event::Packet(..)))
            .count();
        assert_eq!(
            delivered,
            found.iter().filter(|item| hello(item)).count(),
            "{name}"
        );
    }
}

#[derive(Deserialize)]
struct Session {
    packets: Vec<Datagram>,
}

#[derive(Deserialize)]
struct Datagram {
    sender: String,
    channel: u8,
    body: String,
    kd: Option<serde_json::Value>,
}

#[test]
fn the_packets_of_real_windows_targets_are_read_and_written_byte_for_byte() {
    for name in ["kd/kdnet_v2_packets.json", "kd/kdnet_v4_session.json"] {
        let Some(text) = fixtures::read(name) else {
            return;
        };
        let session: Session = serde_json::from_str(&text).unwrap();
        let mut seen = 0;
        for datagram in session
            .packets
            .iter()
            .filter(|one| one.channel == 0 && one.kd.is_some())
        {
            let body = fixtures::unhex(&datagram.body);
            let Ok(packet) = Packet::decode(&body) else {
                panic!("{name}: {}", datagram.body);
            };
            assert_eq!(packet.encode(), body, "{name}");
            if !packet.kind.is_control() {
                let from_target = datagram.sender == "target";
                let message = Message::decode(from_target, packet.kind, &packet.payload);
                assert_exact(&message, packet.kind, &packet.payload);
            }
            seen += 1;
        }
        assert!(seen > 20, "{name}: {seen}");
    }
}
