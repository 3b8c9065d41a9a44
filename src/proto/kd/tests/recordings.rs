//! The recordings of a real NT-family kernel: every byte accounted for, every message exact, every print once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::super::api::Api;
use super::super::assembler::{Assembler, Item};
use super::super::frame::{Packet, PacketType};
use super::super::message::{FromHost, FromTarget};
use super::super::serial::Serial;
use super::super::session::{Event, Side, Timing};
use super::super::state_change::Change;
use super::{Message, assert_exact, items};
use crate::fixtures;

#[derive(Deserialize)]
struct Line {
    t: f64,
    dir: Option<String>,
    hex: Option<String>,
}

/// One direction of a recording: when, and what.
type Bytes = Vec<(Duration, Vec<u8>)>;

fn index() -> Option<BTreeMap<String, BTreeMap<String, serde_json::Value>>> {
    Some(serde_json::from_str(&fixtures::read("kd-reactos/index.json")?).unwrap())
}

fn direction(name: &str, wanted: &str) -> Option<Bytes> {
    let text = fixtures::read(&format!("kd-reactos/{name}.jsonl"))?;
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Line>(line).unwrap());
    let lines = lines.filter(|line| line.dir.as_deref() == Some(wanted));
    let bytes = lines.map(|line| {
        (
            Duration::from_secs_f64(line.t),
            fixtures::unhex(&line.hex.unwrap_or_default()),
        )
    });
    Some(bytes.collect())
}

/// What was found in one direction of a recording.
#[derive(Default)]
struct Found {
    packets: Vec<Packet>,
    damaged: u64,
    break_ins: u64,
    noise_bytes: u64,
    damaged_bytes: u64,
    held_bytes: usize,
}

fn assemble(bytes: &Bytes) -> Found {
    let patience = Timing::serial(None).packet;
    let mut assembler = Assembler::default();
    let mut found = Found::default();
    let mut before = Duration::ZERO;
    let mut stream = Vec::new();
    for (time, bytes) in bytes {
        if time.saturating_sub(before) > patience && assembler.abandon().is_some() {
            found.damaged += 1;
        }
        before = *time;
        let start = stream.len();
        stream.extend_from_slice(bytes);
        for (end, item) in items(&mut assembler, bytes) {
            match item {
                Item::Packet(packet) => {
                    let wire = packet.encode_stream();
                    assert!(stream[..start + end].ends_with(&wire), "{packet:?}");
                    found.packets.push(packet);
                }
                Item::Damaged(_) => found.damaged += 1,
                Item::BreakIn => found.break_ins += 1,
            }
        }
    }
    found.noise_bytes = assembler.noise_bytes();
    found.damaged_bytes = assembler.damaged_bytes();
    found.held_bytes = assembler.held_bytes();
    found
}

impl Found {
    fn bytes(&self) -> u64 {
        let packets: usize = self
            .packets
            .iter()
            .map(|packet| packet.encode_stream().len())
            .sum();
        packets as u64
            + self.break_ins
            + self.noise_bytes
            + self.damaged_bytes
            + self.held_bytes as u64
    }
}

/// The name of a packet in the index of the recordings.
fn name(from_target: bool, packet: &Packet) -> String {
    let message = match packet.kind {
        PacketType::Acknowledge => return "ACK".to_owned(),
        PacketType::Resend => return "RESEND".to_owned(),
        PacketType::Reset => return "RESET".to_owned(),
        kind => Message::decode(from_target, kind, &packet.payload),
    };
    match message {
        Message::Target(FromTarget::StateChange(change)) => match change.change {
            Change::Exception(_) => "exception".to_owned(),
            Change::LoadSymbols(module) if module.unload => "module unload".to_owned(),
            Change::LoadSymbols(_) => "module load".to_owned(),
            Change::CommandString { .. } => "command".to_owned(),
            Change::Unknown { state, .. } => format!("state {state:#x}"),
        },
        Message::Target(FromTarget::Print(_)) => "print".to_owned(),
        Message::Target(FromTarget::Prompt(_)) | Message::Host(FromHost::Prompt(_)) => {
            "prompt".to_owned()
        }
        Message::Target(FromTarget::Reply(reply)) => request_name(reply.api),
        Message::Host(FromHost::Request(request)) => request_name(request.api()),
        Message::Host(FromHost::Unknown {
            kind: PacketType::DebugIo,
            ..
        }) => "i/o ?".to_owned(),
        other => format!("{other:?}"),
    }
}

fn request_name(api: Api) -> String {
    let name = match api {
        Api::READ_VIRTUAL => "ReadVirtual",
        Api::WRITE_VIRTUAL => "WriteVirtual",
        Api::GET_CONTEXT => "GetContext",
        Api::SET_CONTEXT => "SetContext",
        Api::GET_CONTEXT_EX => "GetContextEx",
        Api::WRITE_BREAKPOINT => "WriteBreakPoint",
        Api::RESTORE_BREAKPOINT => "RestoreBreakPoint",
        Api::CONTINUE2 => "Continue2",
        Api::READ_CONTROL => "ReadControlSpace",
        Api::WRITE_CONTROL => "WriteControlSpace",
        Api::READ_IO => "ReadIoSpace",
        Api::READ_IO_EX => "ReadIoSpaceEx",
        Api::REBOOT => "Reboot",
        Api::READ_PHYSICAL => "ReadPhysical",
        Api::WRITE_PHYSICAL => "WritePhysical",
        Api::GET_VERSION => "GetVersion",
        Api::CAUSE_BUGCHECK => "CauseBugCheck",
        Api::READ_MSR => "ReadMsr",
        Api::SEARCH_MEMORY => "SearchMemory",
        Api::CHECK_LOW_MEMORY => "CheckLowMemory",
        Api::FILL_MEMORY => "FillMemory",
        Api::QUERY_MEMORY => "QueryMemory",
        Api::QUERY_SPECIAL_CALLS => "QuerySpecialCalls",
        other => return format!("{:#x}", other.0),
    };
    name.to_owned()
}

#[test]
fn every_byte_of_every_recording_is_accounted_for() {
    let Some(index) = index() else { return };
    for (recording, counts) in index {
        for (wanted, from_target) in [("t2h", true), ("h2t", false)] {
            let Some(bytes) = direction(&recording, wanted) else {
                return;
            };
            let found = assemble(&bytes);
            let total: usize = bytes.iter().map(|(_, bytes)| bytes.len()).sum();
            assert_eq!(found.bytes(), total as u64, "{recording} {wanted}");
            let mut seen: BTreeMap<String, u64> = BTreeMap::new();
            for packet in &found.packets {
                *seen.entry(name(from_target, packet)).or_default() += 1;
            }
            let unused = found.noise_bytes + found.damaged_bytes + found.held_bytes as u64;
            // The index leaves the leaders of damaged packets out of its other bytes.
            let other = unused - 4 * found.damaged;
            for (key, count) in [
                ("breakin", found.break_ins),
                ("bad data frame", found.damaged),
                ("other bytes", other),
                ("bytes", total as u64),
            ] {
                if count > 0 {
                    seen.insert(key.to_owned(), count);
                }
            }
            let prefix = format!("{wanted} ");
            let indexed = counts.iter().filter_map(|(key, count)| {
                Some((key.strip_prefix(&prefix)?.to_owned(), count.as_u64()?))
            });
            assert_eq!(seen, indexed.collect(), "{recording} {wanted}");
        }
    }
}

#[test]
fn every_message_of_every_recording_is_exact() {
    let Some(index) = index() else { return };
    for recording in index.keys() {
        for (wanted, from_target) in [("t2h", true), ("h2t", false)] {
            let Some(bytes) = direction(recording, wanted) else {
                return;
            };
            for packet in assemble(&bytes).packets {
                if packet.kind.is_control() {
                    continue;
                }
                let message = Message::decode(from_target, packet.kind, &packet.payload);
                let name = format!("{wanted} {}", name(from_target, &packet));
                let known = MEANINGLESS.iter().find(|(known, _)| *known == name);
                for free in assert_exact(&message, packet.kind, &packet.payload) {
                    let known = known.is_some_and(|(_, ranges)| {
                        ranges
                            .iter()
                            .any(|(start, end)| *start <= free.start && free.end <= *end)
                    });
                    assert!(
                        known,
                        "{recording}: {free:?} of {name} is not known to be meaningless"
                    );
                }
            }
        }
    }
}

#[test]
fn a_host_delivers_each_print_of_a_recording_once() {
    let Some(index) = index() else { return };
    let start = Instant::now();
    for recording in index.keys() {
        let Some(bytes) = direction(recording, "t2h") else {
            return;
        };
        let found = assemble(&bytes);
        let mut expected = Vec::new();
        let mut last: Option<&Packet> = None;
        for packet in found
            .packets
            .iter()
            .filter(|packet| !packet.kind.is_control())
        {
            if last != Some(packet)
                && let Ok(FromTarget::Print(print)) =
                    FromTarget::decode(packet.kind, &packet.payload)
            {
                expected.push(print.text);
            }
            last = Some(packet);
        }
        let mut host = Serial::new(Side::Host, Timing::serial(None));
        let mut delivered = Vec::new();
        for (time, bytes) in &bytes {
            let now = start + *time;
            while host.poll_timeout().is_some_and(|due| due <= now) {
                host.handle_timeout(now);
            }
            host.handle_bytes(now, bytes);
            while host.poll_transmit().is_some() {}
            while let Some(event) = host.poll_event() {
                if let Event::Packet(kind, payload) = event
                    && let FromTarget::Print(print) = FromTarget::decode(kind, &payload).unwrap()
                {
                    delivered.push(print.text);
                }
            }
        }
        assert_eq!(delivered, expected, "{recording}: {:?}", host.counters());
    }
}

/// Bytes of each kind of message that mean nothing, as offsets of their payloads: the processor's family, padding, the
/// status of a request, what a request or reply leaves of its union, parameters an exception does not have, a
/// repetition of what was written to control space.
const MEANINGLESS: &[(&str, &[(usize, usize)])] = &[
    ("h2t 0x31f7", &[(4, 6), (8, 16)]),
    ("h2t CauseBugCheck", &[(4, 6), (8, 16), (20, 56)]),
    ("h2t CheckLowMemory", &[(4, 6), (8, 56)]),
    ("h2t Continue2", &[(4, 6), (8, 16), (48, 56)]),
    ("h2t FillMemory", &[(4, 6), (8, 16), (32, 56)]),
    ("h2t GetContext", &[(4, 6), (8, 56)]),
    ("h2t GetContextEx", &[(4, 6), (8, 16), (24, 56)]),
    ("h2t GetVersion", &[(4, 6), (8, 56)]),
    ("h2t QueryMemory", &[(4, 6), (8, 16), (36, 56)]),
    ("h2t QuerySpecialCalls", &[(4, 6), (8, 16)]),
    ("h2t ReadControlSpace", &[(4, 6), (8, 16), (28, 56)]),
    ("h2t ReadIoSpace", &[(4, 6), (8, 16), (28, 56)]),
    ("h2t ReadIoSpaceEx", &[(4, 6), (8, 16), (40, 56)]),
    ("h2t ReadMsr", &[(4, 6), (8, 16), (20, 56)]),
    ("h2t ReadPhysical", &[(4, 6), (8, 16), (32, 56)]),
    ("h2t ReadVirtual", &[(4, 6), (8, 16), (28, 56)]),
    ("h2t Reboot", &[(4, 6), (8, 56)]),
    ("h2t RestoreBreakPoint", &[(4, 6), (8, 16), (20, 56)]),
    ("h2t SearchMemory", &[(4, 6), (8, 16), (36, 56)]),
    ("h2t SetContext", &[(4, 6), (8, 16), (20, 56)]),
    ("h2t WriteBreakPoint", &[(4, 6), (8, 16), (24, 56)]),
    ("h2t WriteControlSpace", &[(4, 6), (8, 16), (28, 56)]),
    ("h2t WritePhysical", &[(4, 6), (8, 16), (32, 56)]),
    ("h2t WriteVirtual", &[(4, 6), (8, 16), (28, 56)]),
    ("h2t i/o ?", &[]),
    ("h2t prompt", &[(8, 12)]),
    ("t2h 0x31f7", &[(4, 6), (12, 16)]),
    ("t2h CheckLowMemory", &[(4, 6), (12, 56)]),
    ("t2h FillMemory", &[(4, 6), (12, 24), (28, 56)]),
    ("t2h GetContext", &[(4, 6), (12, 56)]),
    ("t2h GetContextEx", &[(4, 6), (12, 16), (28, 56)]),
    ("t2h GetVersion", &[(4, 6), (12, 16), (30, 32)]),
    ("t2h QueryMemory", &[(4, 6), (12, 16), (24, 32), (40, 56)]),
    ("t2h QuerySpecialCalls", &[(4, 6), (12, 16)]),
    ("t2h ReadControlSpace", &[(4, 6), (12, 16), (32, 56)]),
    ("t2h ReadIoSpace", &[(4, 6), (12, 28), (32, 56)]),
    ("t2h ReadIoSpaceEx", &[(4, 6), (12, 40), (44, 56)]),
    ("t2h ReadMsr", &[(4, 6), (12, 20), (28, 56)]),
    ("t2h ReadPhysical", &[(4, 6), (12, 16), (32, 56)]),
    ("t2h ReadVirtual", &[(4, 6), (12, 16), (32, 56)]),
    ("t2h RestoreBreakPoint", &[(4, 6), (12, 56)]),
    ("t2h SearchMemory", &[(4, 6), (12, 16), (24, 56)]),
    ("t2h SetContext", &[(4, 6), (12, 56)]),
    ("t2h WriteBreakPoint", &[(4, 6), (12, 16), (28, 56)]),
    ("t2h WriteControlSpace", &[(4, 6), (12, 16), (32, 272)]),
    ("t2h WritePhysical", &[(4, 6), (12, 16), (32, 56)]),
    ("t2h WriteVirtual", &[(4, 6), (12, 16), (32, 56)]),
    ("t2h command", &[(12, 16), (32, 192)]),
    (
        "t2h exception",
        &[(12, 16), (60, 184), (188, 192), (240, 244)],
    ),
    ("t2h module load", &[(12, 16), (36, 40), (65, 192)]),
    ("t2h module unload", &[(12, 16), (36, 40), (65, 192)]),
    ("t2h print", &[(12, 16)]),
    ("t2h prompt", &[]),
];
