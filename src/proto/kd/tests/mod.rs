//! Tests of the protocol as a whole: recordings of real targets, two ends on a bad wire, hostile bytes.
//!
//! Recordings are checked to their last byte. Where a message has bytes that mean nothing, [`assert_exact`] tells which: what
//! an encoder writes whatever it writes over must be what was recorded, and the rest must be on the list of
//! [`recordings`].

mod conversation;
mod framing;
mod properties;
mod recordings;
mod resets;
mod sessions;
mod wire;

use std::ops::Range;
use std::time::{Duration, Instant};

use super::assembler::{Assembler, Item};
use super::frame::PacketType;
use super::message::{FromHost, FromTarget};
use super::session::{Event, Session};
use super::state_change::Change;

/// Everything in `bytes`, each with the offset behind it.
fn items(assembler: &mut Assembler, bytes: &[u8]) -> Vec<(usize, Item)> {
    let mut left = bytes;
    let mut items = Vec::new();
    while let Some(item) = assembler.next_item(&mut left) {
        items.push((bytes.len() - left.len(), item));
    }
    items
}

/// A message of either end.
#[derive(Debug, Clone, PartialEq)]
enum Message {
    Target(FromTarget),
    Host(FromHost),
}

impl Message {
    fn decode(from_target: bool, kind: PacketType, payload: &[u8]) -> Self {
        if from_target {
            Self::Target(FromTarget::decode(kind, payload).unwrap())
        } else {
            Self::Host(FromHost::decode(kind, payload).unwrap())
        }
    }

    fn encode_over(&self, base: &[u8]) -> (PacketType, Vec<u8>) {
        match self {
            Self::Target(message) => message.encode_over(base),
            Self::Host(message) => message.encode_over(base),
        }
    }
}

/// Asserts that the message says all that `payload` says, and returns the ranges of bytes that mean nothing: those its
/// encoder leaves as they are in whatever it writes over.
fn assert_exact(message: &Message, kind: PacketType, payload: &[u8]) -> Vec<Range<usize>> {
    assert_eq!(
        message.encode_over(payload),
        (kind, payload.to_vec()),
        "{message:?}"
    );
    let [zeroes, ones] = [0x00, 0xFF].map(|fill| {
        let mut base = vec![fill; payload.len()];
        if let Message::Target(FromTarget::StateChange(change)) = message
            && let Change::LoadSymbols(module) = &change.change
            && module.path.is_empty()
        {
            // Whether a path that is empty has a NUL is up to its sender.
            base[32..36].copy_from_slice(&payload[32..36]);
        }
        message.encode_over(&base).1
    });
    assert_eq!(
        (zeroes.len(), ones.len()),
        (payload.len(), payload.len()),
        "{message:?}"
    );
    let mut free: Vec<Range<usize>> = Vec::new();
    for (offset, byte) in payload.iter().enumerate() {
        if zeroes[offset] == ones[offset] {
            assert_eq!(zeroes[offset], *byte, "offset {offset} of {message:?}");
        } else if let Some(last) = free.last_mut().filter(|last| last.end == offset) {
            last.end += 1;
        } else {
            free.push(offset..offset + 1);
        }
    }
    free
}

/// Everything a session has to tell.
fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

/// A moment, in milliseconds since some beginning.
fn at(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}
