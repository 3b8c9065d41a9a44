//! Fuzzes what a target can send: byte streams, datagrams, and the messages in them. Nothing may panic or grow.
//!
//! `tests/fuzz/run fuzz_kd` runs it; built in the ordinary way it does nothing.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod fuzz {
    use std::net::SocketAddr;
    use std::time::{Duration, Instant};

    use kdeck::connect::Key;
    use kdeck::proto::kd::session::{Event, Side, Timing};
    use kdeck::proto::kd::{FromHost, FromTarget, PacketType, Serial};
    use kdeck::proto::kdnet::Net;

    libfuzzer_sys::fuzz_target!(|data: &[u8]| {
        let [what, data @ ..] = data else { return };
        match what % 4 {
            0 => stream(Side::Host, data),
            1 => stream(Side::Target, data),
            2 => datagrams(data),
            _ => message(data),
        }
    });

    /// A stream in pieces, with time passing between them.
    fn stream(side: Side, data: &[u8]) {
        let mut now = Instant::now();
        let mut serial = Serial::new(side, Timing::serial(None));
        for piece in data.chunks(13) {
            serial.handle_bytes(now, piece);
            while serial.poll_transmit().is_some() {}
            while let Some(event) = serial.poll_event() {
                if let Event::Packet(kind, payload) = event {
                    decode(kind, &payload);
                }
            }
            now += Duration::from_millis(u64::from(piece[0]) * 8);
            serial.handle_timeout(now);
        }
    }

    fn datagrams(data: &[u8]) {
        let mut now = Instant::now();
        let from = SocketAddr::from(([127, 0, 0, 1], 50000));
        let random = Box::new(|bytes: &mut [u8]| bytes.fill(7));
        let mut net = Net::new(&Key::new([1, 2, 3, 4]), Timing::network(), random, now);
        for piece in data.chunks(374) {
            net.handle_datagram(now, from, piece);
            while net.poll_transmit().is_some() {}
            while net.poll_event().is_some() {}
            now += Duration::from_millis(100);
            net.handle_timeout(now);
        }
    }

    fn message(data: &[u8]) {
        let [kind, data @ ..] = data else { return };
        if let Some(kind) = PacketType::from_number(u16::from(kind % 12)) {
            decode(kind, data);
        }
    }

    fn decode(kind: PacketType, payload: &[u8]) {
        if let Ok(message) = FromTarget::decode(kind, payload) {
            message.encode();
        }
        if let Ok(message) = FromHost::decode(kind, payload) {
            message.encode();
        }
    }
}

#[cfg(not(fuzzing))]
fn main() {}
