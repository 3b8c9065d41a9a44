//! Hostile bytes: nothing panics, nothing grows, and what can be read can be written.

use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::assembler::{Assembler, Item};
use super::super::frame::{HEADER_BYTES, PAYLOAD_BYTES_MAX, Packet, PacketType};
use super::super::message::{FromHost, FromTarget};
use super::super::serial::Serial;
use super::super::session::{CONTROLS_MAX, EVENTS_MAX, Side, Timing};
use super::super::{
    Amd64Report, Architecture, Arm64Report, Continue2, ControlReport, NtStatus, X86Report,
};
use super::super::{context, kdbg, special};
use super::items;

const KINDS: [PacketType; 7] = [
    PacketType::StateChange32,
    PacketType::Manipulate,
    PacketType::DebugIo,
    PacketType::StateChange,
    PacketType::TraceIo,
    PacketType::ControlRequest,
    PacketType::FileIo,
];

fn kind() -> impl Strategy<Value = PacketType> {
    proptest::sample::select(KINDS.to_vec())
}

/// A payload that is likely to be a message of that kind.
fn payload() -> impl Strategy<Value = (PacketType, Vec<u8>)> {
    let number = prop_oneof![
        8 => (kind(), 0u32..0x80).prop_map(|(kind, low)| {
            let base = match kind {
                PacketType::Manipulate => 0x3120,
                PacketType::DebugIo => 0x3230 - 1,
                PacketType::TraceIo => 0x3330,
                PacketType::FileIo => 0x3430 - 1,
                PacketType::ControlRequest => 0x4300,
                _ => 0x3030 - 1,
            };
            let few = if matches!(kind, PacketType::Manipulate) { 0x80 } else { 5 };
            (kind, base + low % few)
        }),
        1 => (kind(), any::<u32>()),
    ];
    let body = prop_oneof![
        vec(any::<u8>(), 0..320),
        vec(prop_oneof![4 => Just(0u8), 1 => any::<u8>()], 50..320),
    ];
    (number, body)
        .prop_map(|((kind, number), body)| (kind, [&number.to_le_bytes()[..], &body].concat()))
}

fn packet() -> impl Strategy<Value = Packet> {
    let data =
        (payload(), any::<u32>()).prop_map(|((kind, payload), id)| Packet { kind, id, payload });
    let controls = [
        PacketType::Acknowledge,
        PacketType::Resend,
        PacketType::Reset,
    ];
    let control = (proptest::sample::select(controls.to_vec()), any::<u32>())
        .prop_map(|(kind, id)| Packet::control(kind, id));
    prop_oneof![data, control]
}

/// Bytes that look like the line of somebody who means ill.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => packet().prop_map(|packet| packet.encode_stream()),
        2 => (packet(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(packet, index, byte)| {
            let mut bytes = packet.encode_stream();
            let offset = index.index(bytes.len());
            bytes[offset] = byte;
            bytes
        }),
        2 => (packet(), any::<prop::sample::Index>()).prop_map(|(packet, index)| {
            let bytes = packet.encode_stream();
            bytes[..index.index(bytes.len())].to_vec()
        }),
        1 => vec(any::<u8>(), 0..40),
        1 => vec(prop_oneof![Just(0x30u8), Just(0x69), Just(0x62), Just(0xAA)], 0..40),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packets_come_back_from_bytes_however_they_are_cut(packets in vec(packet(), 1..6), cuts in vec(1usize..200, 1..20)) {
        let bytes = packets.iter().flat_map(Packet::encode_stream).collect::<Vec<u8>>();
        let mut assembler = Assembler::default();
        let mut found = Vec::new();
        let mut left = bytes.as_slice();
        for size in cuts.into_iter().cycle() {
            let (part, rest) = left.split_at(size.min(left.len()));
            found.extend(items(&mut assembler, part).into_iter().map(|(_, item)| item));
            left = rest;
            if left.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, packets.iter().cloned().map(Item::Packet).collect::<Vec<Item>>());
        for packet in packets {
            prop_assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
        }
    }

    #[test]
    fn what_can_be_read_can_be_written((kind, payload) in payload()) {
        if let Ok(message) = FromTarget::decode(kind, &payload) {
            let (again, bytes) = message.encode();
            prop_assert_eq!(FromTarget::decode(again, &bytes), Ok(message.clone()));
            let (_, over) = message.encode_over(&payload);
            prop_assert_eq!(FromTarget::decode(kind, &over), Ok(message));
        }
        if let Ok(message) = FromHost::decode(kind, &payload) {
            let (again, bytes) = message.encode();
            prop_assert_eq!(FromHost::decode(again, &bytes), Ok(message.clone()));
            let (_, over) = message.encode_over(&payload);
            prop_assert_eq!(FromHost::decode(kind, &over), Ok(message));
        }
    }

    #[test]
    fn a_truncated_message_is_an_error_or_a_shorter_message((kind, payload) in payload(), index in any::<prop::sample::Index>()) {
        let cut = &payload[..index.index(payload.len())];
        for kind in [kind, PacketType::StateChange, PacketType::Manipulate] {
            if let Err(error) = FromTarget::decode(kind, cut) {
                prop_assert!(error.to_string().contains("expected at least"));
            }
            if let Err(error) = FromHost::decode(kind, cut) {
                prop_assert!(error.to_string().contains("expected at least"));
            }
        }
    }

    #[test]
    fn every_byte_of_a_hostile_stream_is_accounted_for(bytes in hostile(), size in 1usize..64) {
        let mut assembler = Assembler::default();
        let mut taken = 0;
        for part in bytes.chunks(size) {
            for (_, item) in items(&mut assembler, part) {
                taken += match item {
                    Item::Packet(packet) => packet.encode_stream().len() as u64,
                    Item::BreakIn => 1,
                    Item::Damaged(_) => 0,
                };
            }
            prop_assert!(assembler.held_bytes() <= HEADER_BYTES + PAYLOAD_BYTES_MAX + 1);
        }
        let _ = assembler.abandon();
        prop_assert_eq!(taken + assembler.noise_bytes() + assembler.damaged_bytes(), bytes.len() as u64);
    }

    #[test]
    fn a_hostile_peer_neither_stops_nor_fills_an_engine(streams in vec(hostile(), 1..6), fetch in any::<bool>(), target in any::<bool>()) {
        let side = if target { Side::Target } else { Side::Host };
        let mut engine = Serial::new(side, Timing::serial(None));
        let mut now = Instant::now();
        for stream in streams {
            engine.handle_bytes(now, &stream);
            let _ = engine.send(now, PacketType::Manipulate, vec![0x30; 56]);
            let mut sent = 0;
            while engine.poll_transmit().is_some() {
                sent += 1;
                prop_assert!(sent <= CONTROLS_MAX + 1);
            }
            if let Some(due) = engine.poll_timeout() {
                now = due.max(now);
                engine.handle_timeout(now);
            }
            let mut told = 0;
            while fetch && engine.poll_event().is_some() {
                told += 1;
                prop_assert!(told <= 2 * EVENTS_MAX);
            }
        }
    }

    #[test]
    fn registers_of_any_bytes_are_read_or_missing(bytes in vec(any::<u8>(), 0..0x500), value in any::<u64>()) {
        for architecture in [Architecture::X86, Architecture::Amd64, Architecture::Arm64] {
            for (registers, least) in [
                (context::registers(architecture), architecture.context_bytes()),
                (special::registers(architecture), special::bytes(architecture)),
            ] {
                for register in registers {
                    let mut changed = bytes.clone();
                    let there = register.set(&mut changed, u128::from(value));
                    prop_assert_eq!(there, register.value(&bytes).is_some());
                    prop_assert!(there || bytes.len() < least);
                    prop_assert_eq!(changed.len(), bytes.len());
                }
            }
        }
        if let Ok(block) = kdbg::Block::new(bytes) {
            for (_, field) in kdbg::FIELDS {
                let _ = block.value(*field);
            }
        }
    }

    #[test]
    fn control_reports_come_back(instructions in vec(any::<u8>(), 0..=16), number in any::<u64>(), segment in any::<u16>()) {
        let [a, b, ..] = number.to_le_bytes();
        let low = u32::from_le_bytes([a, b, a, b]);
        let amd64 = Amd64Report {
            dr6: number, dr7: !number, eflags: low, flags: segment, instructions: instructions.clone(),
            cs: segment, ds: !segment, es: segment, fs: !segment,
        };
        prop_assert_eq!(ControlReport::from(&amd64).amd64(), amd64);
        let x86 = X86Report {
            dr6: low, dr7: !low, flags: segment, instructions: instructions.clone(),
            cs: segment, ds: !segment, es: segment, fs: !segment, eflags: low,
        };
        prop_assert_eq!(ControlReport::from(&x86).x86(), x86);
        let arm64 = Arm64Report { bvr: number, wvr: !number, instructions };
        prop_assert_eq!(ControlReport::from(&arm64).arm64(), arm64);
    }

    #[test]
    fn control_sets_come_back(trace in any::<bool>(), dr7 in any::<u32>(), status in any::<u32>()) {
        for architecture in [Architecture::X86, Architecture::Amd64] {
            let resume = Continue2::new(architecture, NtStatus(status), trace, u64::from(dr7));
            let set = resume.set(architecture);
            prop_assert_eq!((set.trace, set.dr7), (trace, u64::from(dr7)));
        }
        let resume = Continue2::new(Architecture::Arm64, NtStatus(status), trace, 0);
        prop_assert_eq!(resume.set(Architecture::Arm64).trace, trace);
    }
}
