//! Sessions of real targets, opened and made again byte for byte.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::channel::Body;
use super::envelope::{Channel, Cipher, EnvelopeError, Header, Sender, look};
use super::handshake::{Control, Offer, Response};
use super::keys::Keys;
use super::{After, Dropped, Event, Net};
use crate::fixtures;
use crate::proto::kd::{self, FromHost, FromTarget, Packet, Timing};

fn json(name: &str) -> Option<Value> {
    let text = fixtures::read(&format!("kd/{name}"))?;
    Some(serde_json::from_str(&text).unwrap())
}

fn bytes(value: &Value) -> Vec<u8> {
    fixtures::unhex(value.as_str().unwrap())
}

fn keys(recorded: &Value) -> Keys {
    let text = recorded["control_key_text"].as_str().unwrap();
    let keys = Keys::new(&text.parse().unwrap());
    assert_eq!(keys.control()[..], bytes(&recorded["control_key"]));
    assert_eq!(keys.tag()[..], bytes(&recorded["hmac_key"]));
    keys
}

fn response(body: &[u8]) -> Response {
    match Control::decode(body) {
        Ok(Control::Response(response)) => response,
        other => panic!("{other:?} is no response"),
    }
}

fn offer(body: &[u8]) -> Offer {
    match Control::decode(body) {
        Ok(Control::Offer(offer)) => offer,
        other => panic!("{other:?} is no offer"),
    }
}

/// Opens each recorded datagram, compares it with what was found by others, and makes it again.
fn check_packets(name: &str, at_least: usize) {
    let Some(recorded) = json(name) else { return };
    let keys = keys(&recorded);
    let control = Cipher::new(keys.control(), keys.tag());
    let data = recorded["data_key"].as_str().map(|digits| {
        let key: [u8; 32] = fixtures::unhex(digits).try_into().unwrap();
        Cipher::new(&key, keys.tag())
    });
    let packets = recorded["packets"].as_array().unwrap();
    assert!(packets.len() >= at_least, "{} packets", packets.len());
    for packet in packets {
        let datagram = bytes(&packet["datagram"]);
        let header = Header {
            version: u8::try_from(packet["version"].as_u64().unwrap()).unwrap(),
            channel: if packet["channel"] == 1 {
                Channel::Control
            } else {
                Channel::Data
            },
            sender: if packet["sender"] == "host" {
                Sender::Host
            } else {
                Sender::Target
            },
            sequence: packet["sequence"].as_u64().unwrap(),
        };
        let (right, wrong) = match header.channel {
            Channel::Control => (Some(&control), data.as_ref()),
            Channel::Data => (data.as_ref(), Some(&control)),
        };
        let right = right.unwrap();
        let mut copy = datagram.clone();
        let opened = right.open(&mut copy).unwrap();
        assert_eq!(opened.header, header);
        let body = bytes(&packet["body"]);
        assert_eq!(opened.body, body);
        assert_eq!(right.seal(header, &body), datagram);
        if let Some(wrong) = wrong {
            let refused = wrong.open(&mut datagram.clone()).map(|_| ());
            assert_eq!(refused, Err(EnvelopeError::Authentication));
        }
        match (header.channel, header.sender) {
            (Channel::Control, Sender::Target) => assert_eq!(offer(&body).encode()[..], body),
            (Channel::Control, Sender::Host) => assert_eq!(response(&body).encode()[..], body),
            (Channel::Data, _) => {}
        }
    }
    for unknown in recorded["unknown_session_data"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let refused = control.open(&mut bytes(&unknown["datagram"])).map(|_| ());
        assert_eq!(refused, Err(EnvelopeError::Authentication));
    }
}

#[test]
fn a_session_of_version_2_opens_and_is_made_again() {
    check_packets("kdnet_v2_packets.json", 27);
}

#[test]
fn a_session_of_version_4_opens_and_is_made_again() {
    check_packets("kdnet_v4_session.json", 373);
}

#[test]
fn keepalives_of_version_5_open_and_data_of_an_unknown_session_does_not() {
    check_packets("kdnet_v5_keepalives.json", 3);
}

#[test]
fn real_handshakes_lead_to_the_keys_of_their_sessions() {
    let Some(recorded) = json("kdnet_handshakes.json") else {
        return;
    };
    for handshake in recorded["handshakes"].as_array().unwrap() {
        let keys = keys(handshake);
        let control = Cipher::new(keys.control(), keys.tag());
        let mut datagram = bytes(&handshake["offer"]["datagram"]);
        let opened = control.open(&mut datagram).unwrap();
        let (asked, offer) = (opened.header, offer(opened.body));
        let recorded = bytes(&handshake["response"]["datagram"]);
        let mut datagram = recorded.clone();
        let opened = control.open(&mut datagram).unwrap();
        let answer = response(opened.body);
        assert_eq!(answer.client_key, offer.client_key());
        let header = Header {
            sender: Sender::Host,
            ..asked
        };
        assert_eq!(control.seal(header, &answer.encode()), recorded);
        let key = keys.data(&answer.encode());
        assert_eq!(key[..], bytes(&handshake["data_key"]));
        let data = Cipher::new(&key, keys.tag());
        for packet in handshake["then"].as_array().unwrap() {
            let mut datagram = bytes(&packet["datagram"]);
            assert_eq!(
                data.open(&mut datagram).unwrap().body,
                bytes(&packet["body"])
            );
        }
    }
}

#[test]
fn real_offers_say_what_others_found_in_them() {
    let Some(offers) = json("kdnet_offers.json") else {
        return;
    };
    let datagrams = [
        "kdnet_v2_packets.json",
        "kdnet_v4_session.json",
        "kdnet_v5_keepalives.json",
    ];
    let mut checked = 0;
    for recorded in datagrams.iter().filter_map(|name| json(name)) {
        let keys = keys(&recorded);
        let control = Cipher::new(keys.control(), keys.tag());
        for packet in recorded["packets"].as_array().unwrap() {
            let same = |found: &&Value| {
                found["version"] == packet["version"]
                    && found["sequence"] == packet["sequence"]
                    && packet["channel"] == 1
                    && packet["sender"] == "target"
            };
            let Some(found) = offers["offers"].as_array().unwrap().iter().find(same) else {
                continue;
            };
            let mut datagram = bytes(&packet["datagram"]);
            let offer = offer(control.open(&mut datagram).unwrap().body);
            let address = |name: &str| -> SocketAddr {
                let ip = found[name][0].as_str().unwrap().parse().unwrap();
                let port = found[name][1].as_u64().unwrap();
                SocketAddr::new(ip, u16::try_from(port).unwrap())
            };
            assert_eq!(offer.counter, found["client_counter_le"].as_u64().unwrap());
            assert_eq!(offer.boot.0[..], bytes(&found["session_part"]));
            assert_eq!(offer.target, address("target_addr_port"));
            assert_eq!(offer.host, address("host_cfg_addr_port"));
            assert_eq!(offer.bound, address("host_connected_addr_port"));
            assert_eq!(offer.is_bound(), found["meaning"] == "keepalive");
            checked += 1;
        }
    }
    assert_eq!(checked, offers["offers"].as_array().unwrap().len());
}

/// A host that draws the random bytes which the recorded one drew.
fn host_with(keys_of: &Value, host_key: [u8; 32]) -> Net {
    let key = keys_of["control_key_text"].as_str().unwrap();
    let random = Box::new(move |bytes: &mut [u8]| bytes.copy_from_slice(&host_key));
    let key = key.parse().unwrap();
    Net::new(&key, Timing::network(), random, Instant::now())
}

fn recorded_host_key(handshake: &Value) -> [u8; 32] {
    let keys = keys(handshake);
    let mut datagram = bytes(&handshake["response"]["datagram"]);
    let opened = Cipher::new(keys.control(), keys.tag()).open(&mut datagram);
    response(opened.unwrap().body).host_key
}

#[test]
fn the_host_answers_real_targets_as_the_recorded_host_did_byte_for_byte() {
    let Some(recorded) = json("kdnet_handshakes.json") else {
        return;
    };
    let target = SocketAddr::from(([192, 168, 2, 72], 51111));
    for handshake in recorded["handshakes"].as_array().unwrap() {
        let now = Instant::now();
        let mut host = host_with(handshake, recorded_host_key(handshake));
        host.handle_datagram(now, target, &bytes(&handshake["offer"]["datagram"]));
        let answer = bytes(&handshake["response"]["datagram"]);
        assert_eq!(host.poll_transmit(), Some((target, answer)));
        for packet in handshake["then"].as_array().unwrap() {
            let datagram = bytes(&packet["datagram"]);
            if packet["sender"] == "target" && packet.get("kd").is_none() {
                host.handle_datagram(now, target, &datagram);
            } else if packet["sender"] == "host" {
                assert_eq!(host.poll_transmit(), Some((target, datagram)));
            }
        }
        assert_eq!(host.peer(), Some(target));
    }
}

#[test]
fn what_a_real_target_said_in_a_session_arrives_at_the_host_once_and_in_order() {
    let (Some(handshakes), Some(session)) =
        (json("kdnet_handshakes.json"), json("kdnet_v4_session.json"))
    else {
        return;
    };
    let handshake = &handshakes["handshakes"][1];
    let target = SocketAddr::from(([192, 168, 2, 72], 51111));
    let mut host = host_with(handshake, recorded_host_key(handshake));
    let mut replayed = host_with(handshake, [9; 32]);
    let start = Instant::now();
    let mut expected = Vec::new();
    let mut last = None;
    let mut arrived = Vec::new();
    let mut connections = Vec::new();
    for packet in session["packets"].as_array().unwrap() {
        if packet["sender"] != "target" {
            continue;
        }
        let now = start + Duration::from_secs_f64(packet["t"].as_f64().unwrap());
        let datagram = bytes(&packet["datagram"]);
        host.handle_datagram(now, target, &datagram);
        replayed.handle_datagram(now, target, &datagram);
        while host.poll_transmit().is_some() {}
        while let Some(event) = host.poll_event() {
            match event {
                Event::Kd(kd::Event::Packet(kind, payload)) => arrived.push((kind, payload)),
                Event::Connected { after, .. } => connections.push(after),
                _ => {}
            }
        }
        let body = bytes(&packet["body"]);
        if packet["channel"] == 0
            && let Body::Packet(said) = Body::read(&body)
        {
            if said.kind == kd::PacketType::Reset {
                // What it tells again after a reset is told again.
                last = None;
            } else if !said.kind.is_control() && last != Some(said.id) {
                last = Some(said.id);
                expected.push((said.kind, said.payload));
            }
        }
    }
    assert_eq!(expected.len(), 94, "data packets in the recording");
    assert_eq!(arrived, expected);
    assert_eq!(connections, [After::Nothing]);
    let counters = host.counters();
    assert_eq!(
        counters.datagrams,
        counters.data + counters.offers + counters.keepalives
    );
    // The same recording, sent by somebody who does not have the key, to a host with another random number.
    assert_eq!(replayed.poll_event(), None);
    assert_eq!(replayed.counters().sessions, 0);
    let seen = replayed.sightings().all();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].dropped == Some(Dropped::UnknownSession) && seen[0].data == 0);
}

/// The UDP datagrams of a pcapng file, if they are IPv4 over Ethernet.
fn captured(name: &str) -> Option<Vec<Vec<u8>>> {
    let file = fixtures::read_bytes(&format!("kd/{name}"))?;
    let word = |bytes: &[u8], at: usize| {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    };
    let mut datagrams = Vec::new();
    let mut rest = file.as_slice();
    while rest.len() >= 12 {
        let (kind, bytes) = (word(rest, 0), word(rest, 4));
        let (block, tail) = rest.split_at(bytes);
        rest = tail;
        if kind != ENHANCED_PACKET {
            continue;
        }
        let frame = &block[28..28 + word(block, 20)];
        if frame[12..14] != [8, 0] || frame[23] != 17 {
            continue;
        }
        let udp = &frame[14 + usize::from(frame[14] & 15) * 4..];
        let bytes = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
        datagrams.push(udp[8..bytes].to_vec());
    }
    Some(datagrams)
}

/// How many datagrams of a capture are authentic, and how many are not. Follows its handshakes.
fn authentic(name: &str, key: &str) -> Option<(usize, usize)> {
    let keys = Keys::new(&key.parse().unwrap());
    let control = Cipher::new(keys.control(), keys.tag());
    let mut data: Option<Cipher> = None;
    let (mut good, mut bad) = (0, 0);
    for mut datagram in captured(name)? {
        let cipher = match look(&datagram) {
            Ok((_, Channel::Control)) => Some(&control),
            Ok((_, Channel::Data)) => data.as_ref(),
            Err(error) => panic!("{error}"),
        };
        let Some(Ok(opened)) = cipher.map(|cipher| cipher.open(&mut datagram)) else {
            bad += 1;
            continue;
        };
        good += 1;
        match (opened.header.channel, opened.header.sender) {
            (Channel::Control, Sender::Host) => {
                let key = keys.data(&response(opened.body).encode());
                data = Some(Cipher::new(&key, keys.tag()));
            }
            (Channel::Control, Sender::Target) => {
                assert_eq!(offer(opened.body).encode()[..], *opened.body);
            }
            (Channel::Data, sender) => check_body(sender, opened.body),
        }
    }
    Some((good, bad))
}

/// Whether a body of the data channel is understood, and made again as it was.
fn check_body(sender: Sender, body: &[u8]) {
    match Body::read(body) {
        Body::ConnectionCheck => assert_eq!((sender, body.len()), (Sender::Target, 12)),
        Body::BreakIn => assert_eq!(sender, Sender::Host),
        Body::Malformed(error) => panic!("{error}"),
        Body::Packet(packet) => {
            assert_eq!(packet.encode(), body);
            check_message(sender, &packet);
        }
    }
}

fn check_message(sender: Sender, packet: &Packet) {
    if packet.kind.is_control() {
        return;
    }
    let decoded = match sender {
        Sender::Target => FromTarget::decode(packet.kind, &packet.payload).map(drop),
        Sender::Host => FromHost::decode(packet.kind, &packet.payload).map(drop),
    };
    assert_eq!(decoded, Ok(()), "{packet:?}");
}

#[test]
fn a_captured_session_opens_to_its_last_datagram() {
    if let Some(counts) = authentic("windbg-uncut.shared.pcapng", "8.8.8.8") {
        assert_eq!(counts, (658, 0));
    }
}

#[test]
fn of_a_session_captured_without_its_handshake_the_control_channel_opens() {
    if let Some(counts) = authentic("kek.shared.pcapng", "1.2.3.4") {
        assert_eq!(counts, (8, 462));
    }
}

/// The pcapng block that holds a packet.
const ENHANCED_PACKET: usize = 6;
