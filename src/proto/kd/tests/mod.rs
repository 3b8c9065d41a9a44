//! Tests of the protocol as a whole: recordings of real targets, two ends on a bad wire, hostile bytes.
//!
//! Recordings are checked to their last byte. Where a message has bytes that mean nothing, [`owned`] tells which: what
//! an encoder writes whatever it writes over must be what was recorded, and the rest must be on the list of
//! [`recordings`].

mod conversation;
mod framing;
mod properties;
mod recordings;
mod sessions;
mod wire;

use std::time::{Duration, Instant};

use super::assembler::{Assembler, Item};
use super::frame::PacketType;
use super::message::{FromHost, FromTarget};
use super::session::{Event, Session};

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

/// Which bytes of the payload the message's encoder writes, whatever it writes them over.
fn owned(message: &Message, bytes: usize) -> Vec<bool> {
    let (_, zeroes) = message.encode_over(&vec![0x00; bytes]);
    let (_, ones) = message.encode_over(&vec![0xFF; bytes]);
    assert_eq!(zeroes.len(), ones.len());
    zeroes.iter().zip(&ones).map(|(zero, one)| zero == one).collect()
}

/// Asserts that the message says all that `payload` says, and returns the ranges of bytes that mean nothing.
fn assert_exact(message: &Message, kind: PacketType, payload: &[u8]) -> Vec<std::ops::Range<usize>> {
    assert_eq!(message.encode_over(payload), (kind, payload.to_vec()), "{message:?}");
    let owned = owned(message, payload.len());
    let (_, zeroes) = message.encode_over(&vec![0; payload.len()]);
    assert_eq!(owned.len(), payload.len(), "{message:?}");
    let mut free: Vec<std::ops::Range<usize>> = Vec::new();
    for (offset, owned) in owned.into_iter().enumerate() {
        if owned {
            assert_eq!(zeroes[offset], payload[offset], "offset {offset} of {message:?}");
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
